"use client";

import { Dialog as Primitive } from "radix-ui";
import type { ReactNode } from "react";
import { cn } from "@/components/cn";
import { CloseButton, overlayStyles } from "./dialog";

export const Sheet = Primitive.Root;
export const SheetTrigger = Primitive.Trigger;

export type SheetContentProps = {
  title: ReactNode;
  description?: ReactNode;
  side?: "right" | "left";
  footer?: ReactNode;
  className?: string;
  isHeaderHidden?: boolean;
  children: ReactNode;
};

export function SheetContent({
  title,
  description,
  side = "right",
  footer,
  className,
  isHeaderHidden = false,
  children,
}: SheetContentProps) {
  return (
    <Primitive.Portal>
      <Primitive.Overlay className={overlayStyles} />
      <Primitive.Content
        className={cn(
          "fixed inset-y-0 z-50 flex w-full flex-col border-line bg-raised shadow-float outline-none",
          side === "right"
            ? "right-0 max-w-[520px] animate-slide-right border-l"
            : "left-0 max-w-[280px] animate-slide-left border-r",
          className,
        )}
        {...(description === undefined ? { "aria-describedby": undefined } : {})}
      >
        <header className={cn("flex items-start gap-3 border-line border-b px-5 py-3", isHeaderHidden && "sr-only")}>
          <div className="grid min-w-0 flex-1 gap-0.5">
            <Primitive.Title className="font-semibold text-base">{title}</Primitive.Title>
            {description === undefined ? null : (
              <Primitive.Description asChild>
                <div className="text-ink-2 text-sm">{description}</div>
              </Primitive.Description>
            )}
          </div>
          <CloseButton />
        </header>
        <div className="min-h-0 flex-1 overflow-y-auto">{children}</div>
        {footer === undefined ? null : (
          <footer className="flex justify-end gap-2 border-line border-t bg-surface px-5 py-3">{footer}</footer>
        )}
      </Primitive.Content>
    </Primitive.Portal>
  );
}
