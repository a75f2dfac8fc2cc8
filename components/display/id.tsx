import { cn } from "@/components/cn";
import { CopyButton } from "./copy-button";
import { NONE } from "./none";

export type IdProps = {
  value: string | null | undefined;
  /** Whole instead of shortened. */
  isFull?: boolean;
  hasCopy?: boolean;
  className?: string;
};

/** An id in mono, shortened in the middle, with the whole of it one click away. */
export function Id({ value, isFull = false, hasCopy = true, className }: IdProps) {
  if (value === null || value === undefined || value === "") return NONE;
  return (
    <span className={cn("group/id inline-flex min-w-0 max-w-full items-center gap-0.5 font-mono text-xs", className)}>
      <span title={value} className={isFull ? "min-w-0 break-all" : "truncate"}>
        {isFull ? value : shortId(value)}
      </span>
      {hasCopy ? (
        <CopyButton
          text={value}
          label={`Copy ${value}`}
          className="opacity-60 group-hover/id:opacity-100 focus-visible:opacity-100"
        />
      ) : null}
    </span>
  );
}

/** `pay_01JD…8XK2`: the prefix says what it is, the end tells neighbours apart. */
export function shortId(value: string): string {
  if (value.length <= 16) return value;
  const prefix = /^[a-z]+_/.exec(value)?.[0] ?? "";
  return `${value.slice(0, Math.max(8, prefix.length + 4))}…${value.slice(-6)}`;
}
