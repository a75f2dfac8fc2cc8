import type { ReactNode } from "react";
import { cn } from "@/components/cn";

export function Kbd({ className, children }: { className?: string; children: ReactNode }) {
  return (
    <kbd
      className={cn(
        "inline-grid h-[18px] min-w-[18px] place-items-center rounded-xs border border-line bg-bg px-1 font-sans text-[11px] text-ink-3 leading-none",
        className,
      )}
    >
      {children}
    </kbd>
  );
}
