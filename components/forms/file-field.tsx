"use client";

import { FileUp } from "lucide-react";
import { type ReactNode, useState } from "react";
import { cn } from "@/components/cn";
import { Field } from "@/components/ui/field";

/** A file with rows, chosen or dropped. Whether it is one is for the server to say. */
export function FileField({
  file,
  onChoose,
  hint,
}: {
  file: File | null;
  onChoose: (file: File | null) => void;
  hint: ReactNode;
}) {
  const [isOver, setOver] = useState(false);
  return (
    <Field label="File" isRequired hint={hint}>
      {(attributes) => (
        <label
          htmlFor={attributes.id}
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={(event) => {
            event.preventDefault();
            setOver(false);
            onChoose(event.dataTransfer.files[0] ?? null);
          }}
          className={cn(
            "flex min-h-20 cursor-pointer items-center justify-center gap-2 rounded-md border border-line-strong border-dashed px-4 py-5 text-ink-2 text-sm hover:bg-hover has-[:focus-visible]:outline-2 has-[:focus-visible]:outline-accent",
            isOver && "border-accent bg-accent-soft",
          )}
        >
          <FileUp aria-hidden className="size-4 shrink-0" />
          <span className="min-w-0 truncate">{file === null ? "Choose a file or drop it here" : file.name}</span>
          <input
            {...attributes}
            type="file"
            accept=".csv,.tsv,.txt,text/csv,text/tab-separated-values"
            className="sr-only"
            onChange={(event) => onChoose(event.target.files?.[0] ?? null)}
          />
        </label>
      )}
    </Field>
  );
}

/** A file to begin with, in the hint of the field. */
export function ExampleFile({ href }: { href: string }) {
  return (
    <a href={href} download className="rounded-xs text-accent underline underline-offset-2">
      Example file
    </a>
  );
}
