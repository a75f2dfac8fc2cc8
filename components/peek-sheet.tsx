"use client";

import { ArrowDown, ArrowUp } from "lucide-react";
import type { ReactNode } from "react";
import { Button, ButtonLink } from "@/components/ui/button";
import { Sheet, SheetContent } from "@/components/ui/sheet";

export type PeekSheetProps = {
  isOpen: boolean;
  onClose: () => void;
  title: ReactNode;
  href?: string | undefined;
  onPrevious?: (() => void) | undefined;
  onNext?: (() => void) | undefined;
  children: ReactNode;
};

/** A look at one row without leaving the list. */
export function PeekSheet({ isOpen, onClose, title, href, onPrevious, onNext, children }: PeekSheetProps) {
  return (
    <Sheet open={isOpen} onOpenChange={(open) => (open ? undefined : onClose())}>
      <SheetContent
        title={title}
        footer={
          <>
            <Button
              variant="ghost"
              size="icon"
              aria-label="Previous row"
              disabled={onPrevious === undefined}
              onClick={onPrevious}
            >
              <ArrowUp aria-hidden />
            </Button>
            <Button
              variant="ghost"
              size="icon"
              aria-label="Next row"
              disabled={onNext === undefined}
              onClick={onNext}
              className="mr-auto"
            >
              <ArrowDown aria-hidden />
            </Button>
            {href === undefined ? null : (
              <ButtonLink href={href} variant="primary">
                Open
              </ButtonLink>
            )}
          </>
        }
      >
        <div className="px-5 py-4">{children}</div>
      </SheetContent>
    </Sheet>
  );
}
