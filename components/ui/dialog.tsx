"use client";

import { X } from "lucide-react";
import { Dialog as Primitive } from "radix-ui";
import type { ComponentProps, ReactNode } from "react";
import { cn } from "@/components/cn";
import { buttonVariants } from "./button";

export const Dialog = Primitive.Root;
export const DialogTrigger = Primitive.Trigger;
export const DialogClose = Primitive.Close;

export const overlayStyles = "fixed inset-0 z-40 animate-fade bg-scrim";

export type DialogContentProps = Omit<ComponentProps<typeof Primitive.Content>, "title"> & {
  title: string;
  description?: ReactNode;
  isTitleHidden?: boolean;
  /** The word of the button that closes it, where the page is not in English. */
  closeWord?: string;
  footer?: ReactNode;
};

export function DialogContent({
  title,
  description,
  isTitleHidden = false,
  closeWord,
  footer,
  className,
  children,
  ...props
}: DialogContentProps) {
  return (
    <Primitive.Portal>
      <Primitive.Overlay className={overlayStyles} />
      <Primitive.Content
        className={cn(
          "fixed inset-x-4 top-[12dvh] z-50 mx-auto grid max-h-[80dvh] max-w-[480px] animate-in grid-rows-[auto_1fr_auto] overflow-hidden rounded-lg border border-line bg-raised shadow-float outline-none max-md:top-auto max-md:bottom-4",
          className,
        )}
        {...(description === undefined ? { "aria-describedby": undefined } : {})}
        onOpenAutoFocus={focusFirstField}
        {...props}
      >
        <header className={cn("flex items-start gap-4 px-5 pt-4 pb-2", isTitleHidden && "sr-only")}>
          <div className="grid min-w-0 flex-1 gap-1">
            <Primitive.Title className="font-semibold text-base">{title}</Primitive.Title>
            {description === undefined ? null : (
              <Primitive.Description asChild>
                <div className="text-ink-2 text-sm">{description}</div>
              </Primitive.Description>
            )}
          </div>
          <CloseButton {...(closeWord === undefined ? {} : { word: closeWord })} />
        </header>
        <div className="min-h-0 overflow-y-auto px-5 pt-1 pb-5">{children}</div>
        {footer === undefined ? null : (
          <footer className="flex flex-wrap justify-end gap-2 border-line border-t bg-surface px-5 py-3">
            {footer}
          </footer>
        )}
      </Primitive.Content>
    </Primitive.Portal>
  );
}

/** A form is begun at its first field, not at the button that closes it. */
function focusFirstField(event: Event): void {
  const content = event.currentTarget instanceof Element ? event.currentTarget : null;
  const field = content?.querySelector<HTMLElement>("form [role=combobox], form input, form textarea");
  if (field == null) return;
  event.preventDefault();
  field.focus();
}

export function CloseButton({ word = "Close" }: { word?: string }) {
  return (
    <Primitive.Close
      aria-label={word}
      className={cn(buttonVariants({ variant: "ghost", size: "icon-sm" }), "-mt-0.5 -mr-1.5")}
    >
      <X aria-hidden />
    </Primitive.Close>
  );
}
