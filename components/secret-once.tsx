"use client";

import type { ReactNode } from "react";
import { CopyButton } from "@/components/display/copy-button";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { DialogContent } from "@/components/ui/dialog";

/** A secret that is shown this once: whole, to copy, with what happens otherwise. */
export function SecretOnce({ label, value, hint }: { label: string; value: string; hint: string }) {
  return (
    <div className="grid gap-3">
      <Notice tone="warn" title="Copy it now">
        {hint}
      </Notice>
      <div className="grid gap-1.5">
        <p className="font-medium text-xs">{label}</p>
        <div className="flex items-start gap-2">
          <code className="min-w-0 flex-1 select-all break-all rounded-md border border-line bg-bg px-2.5 py-1.5 font-mono text-xs leading-5">
            {value}
          </code>
          <CopyButton text={value} label="Copy" withWord />
        </div>
      </div>
    </div>
  );
}

/** A dialog with a secret stays until the person says that it is kept: a click beside it does not close it. */
export function SecretDialogContent({
  title,
  word = "I have copied it",
  onClose,
  children,
}: {
  title: string;
  word?: string;
  onClose: () => void;
  children: ReactNode;
}) {
  return (
    <DialogContent
      title={title}
      onInteractOutside={(event) => event.preventDefault()}
      footer={
        <Button variant="primary" onClick={onClose}>
          {word}
        </Button>
      }
    >
      {children}
    </DialogContent>
  );
}
