import type { ReactNode } from "react";
import { cn } from "@/components/cn";
import { NONE } from "./none";

export type Definition = { term: string; value: ReactNode; hint?: ReactNode; isHidden?: boolean };

/** Facts: a term, a value. Two columns where there is room. */
export function DefinitionList({
  items,
  columns = 1,
  className,
}: {
  items: readonly Definition[];
  columns?: 1 | 2;
  className?: string;
}) {
  return (
    <dl className={cn("grid gap-x-6", columns === 2 && "sm:grid-cols-2", className)}>
      {items
        .filter((item) => item.isHidden !== true)
        .map((item) => (
          <div
            key={item.term}
            className="grid min-h-8 grid-cols-[minmax(96px,36%)_1fr] items-start gap-3 border-line border-b py-1.5 last:border-b-0"
          >
            <dt className="text-ink-3 text-xs leading-5">{item.term}</dt>
            <dd className="min-w-0 break-words text-sm">
              {item.value ?? NONE}
              {item.hint === undefined ? null : <div className="text-ink-3 text-xs">{item.hint}</div>}
            </dd>
          </div>
        ))}
    </dl>
  );
}
