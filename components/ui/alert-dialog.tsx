"use client";

import { AlertDialog as Primitive } from "radix-ui";
import type { ReactNode } from "react";
import { overlayStyles } from "./dialog";

export const AlertDialog = Primitive.Root;
export const AlertDialogTrigger = Primitive.Trigger;
export const AlertDialogCancel = Primitive.Cancel;

/** A question that must be answered: no close button, no click outside. Focus starts on the way back. */
export function AlertDialogContent({
  title,
  description,
  footer,
  children,
}: {
  title: string;
  description: ReactNode;
  footer: ReactNode;
  children?: ReactNode;
}) {
  return (
    <Primitive.Portal>
      <Primitive.Overlay className={overlayStyles} />
      <Primitive.Content className="fixed inset-x-4 top-[14dvh] z-50 mx-auto grid max-h-[80dvh] max-w-[440px] animate-in grid-rows-[auto_1fr_auto] overflow-hidden rounded-lg border border-line bg-raised shadow-float outline-none max-md:top-auto max-md:bottom-4">
        <header className="grid gap-1 px-5 pt-4 pb-3">
          <Primitive.Title className="font-semibold text-base">{title}</Primitive.Title>
          <Primitive.Description asChild>
            <div className="text-ink-2 text-sm">{description}</div>
          </Primitive.Description>
        </header>
        <div className="min-h-0 overflow-y-auto px-5 pb-4">{children}</div>
        <footer className="flex flex-wrap justify-end gap-2 border-line border-t bg-surface px-5 py-3 max-md:flex-col-reverse">
          {footer}
        </footer>
      </Primitive.Content>
    </Primitive.Portal>
  );
}
