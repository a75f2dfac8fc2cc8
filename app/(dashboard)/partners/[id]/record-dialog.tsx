"use client";

import { useRouter } from "next/navigation";
import { type ReactNode, useRef, useState } from "react";
import type { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { Notice } from "@/components/notice";
import { Button, type ButtonProps } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toast";
import { Fields } from "../_forms/inputs";
import { issueWords } from "../_forms/values";

/** A record of a Partner in a dialog: fields, what is wrong with them, and one button. Paths of fields begin with `path`. */
export function RecordDialog<T>({
  label,
  ariaLabel,
  variant = "secondary",
  title,
  description,
  path,
  start,
  schema,
  toInput,
  save,
  children,
}: {
  label: ReactNode;
  ariaLabel?: string;
  variant?: ButtonProps["variant"];
  title: string;
  description?: ReactNode;
  path: string;
  start: () => T;
  schema: z.ZodType;
  toInput: (value: T) => unknown;
  save: (input: unknown) => Promise<ActionResult>;
  children: (value: T, set: (value: T) => void) => ReactNode;
}) {
  const router = useRouter();
  const [isOpen, setOpen] = useState(false);
  const [value, setValue] = useState(start);
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({});
  const [failure, setFailure] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);

  function open(wanted: boolean): void {
    if (wanted) {
      setValue(start());
      setErrors({});
      setFailure(null);
    }
    setOpen(wanted);
  }

  function change(next: T): void {
    setValue(next);
    // Once something was refused, what is right again stops being marked.
    if (Object.keys(errors).length > 0) setErrors(check(next));
  }

  function check(of: T): Record<string, string> {
    const parsed = schema.safeParse(toInput(of));
    if (parsed.success) return {};
    return Object.fromEntries(
      parsed.error.issues.map((issue) => [[path, ...issue.path.map(String)].join("."), issueWords(issue)]),
    );
  }

  async function submit(): Promise<void> {
    const found = check(value);
    setErrors(found);
    const [first] = Object.keys(found);
    if (first !== undefined) {
      const wrapper = form.current?.querySelector<HTMLElement>(`[data-path="${CSS.escape(first)}"]`);
      (wrapper?.matches("input") ? wrapper : wrapper?.querySelector<HTMLElement>("button, input"))?.focus();
      return;
    }
    setBusy(true);
    setFailure(null);
    try {
      const result = await save(toInput(value));
      if (result.ok) {
        toast.success(result.message ?? "Saved");
        setOpen(false);
        router.refresh();
      } else {
        setErrors(
          Object.fromEntries(Object.entries(result.fields ?? {}).map(([name, detail]) => [`${path}.${name}`, detail])),
        );
        setFailure(result.message);
      }
    } catch {
      setFailure("No answer came back. Look whether it was saved before trying again.");
    }
    setBusy(false);
  }

  return (
    <Dialog open={isOpen} onOpenChange={open}>
      <DialogTrigger asChild>
        <Button size="sm" variant={variant} {...(ariaLabel === undefined ? {} : { "aria-label": ariaLabel })}>
          {label}
        </Button>
      </DialogTrigger>
      <DialogContent title={title} className="max-w-[720px]" {...(description === undefined ? {} : { description })}>
        <form
          ref={form}
          noValidate
          className="grid gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <Fields state={{ errorOf: (at) => errors[at], onLeave: () => undefined, isReadOnly: false }}>
            {children(value, change)}
          </Fields>
          {failure === null ? null : <Notice tone="bad" title={failure} />}
          <div className="flex justify-end gap-2">
            <Button type="submit" variant="primary" isBusy={isBusy}>
              Save
            </Button>
          </div>
        </form>
      </DialogContent>
    </Dialog>
  );
}
