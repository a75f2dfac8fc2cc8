import type { ReactNode } from "react";
import { cn } from "@/components/cn";

/** A region that scrolls by itself; it takes focus, so that the keyboard can scroll it too. */
export function ScrollArea({ label, className, children }: { label: string; className?: string; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard (WCAG 2.1.1)
    <section aria-label={label} tabIndex={0} className={cn("overflow-auto", className)}>
      {children}
    </section>
  );
}
