import { cva, type VariantProps } from "class-variance-authority";
import type { ReactNode } from "react";
import { cn } from "@/components/cn";

export type Tone = "neutral" | "working" | "info" | "good" | "warn" | "bad" | "accent";

const badgeVariants = cva(
  "inline-flex h-5 w-fit max-w-full items-center gap-1.5 whitespace-nowrap rounded-sm px-1.5 font-medium text-xs",
  {
    variants: {
      tone: {
        neutral: "bg-neutral-soft text-ink-2",
        working: "bg-neutral-soft text-ink-2",
        info: "bg-info-soft text-info",
        good: "bg-good-soft text-good",
        warn: "bg-warn-soft text-warn",
        bad: "bg-bad-soft text-bad",
        accent: "bg-accent-soft text-accent",
      },
    },
    defaultVariants: { tone: "neutral" },
  },
);

/** Dot and word on a soft ground. The dot moves only while we are at work. */
export function Badge({
  tone = "neutral",
  hasDot = false,
  className,
  children,
}: VariantProps<typeof badgeVariants> & { tone?: Tone; hasDot?: boolean; className?: string; children: ReactNode }) {
  return (
    <span className={cn(badgeVariants({ tone }), className)}>
      {hasDot ? (
        <span
          aria-hidden
          className={cn("size-1.5 shrink-0 rounded-full bg-current", tone === "working" && "animate-beat")}
        />
      ) : null}
      <span className="truncate">{children}</span>
    </span>
  );
}
