import { FlaskConical, Radio } from "lucide-react";
import { cn } from "@/components/cn";

export type Mode = "test" | "live";

export function toMode(mode: string): Mode {
  return mode.toLowerCase() === "live" ? "live" : "test";
}

/** Which world one looks at. */
export function ModeBadge({ mode, className }: { mode: Mode; className?: string }) {
  const Icon = mode === "test" ? FlaskConical : Radio;
  return (
    <span
      className={cn(
        "inline-flex h-5 items-center gap-1 rounded-sm px-1.5 font-medium text-xs",
        mode === "test" ? "bg-warn-soft text-warn" : "bg-good-soft text-good",
        className,
      )}
    >
      <Icon aria-hidden className="size-3" />
      {mode === "test" ? "Test" : "Live"}
    </span>
  );
}
