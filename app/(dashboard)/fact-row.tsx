import type { ReactNode } from "react";

/** A line of a list: what it is, what is known of it, and what can be done with it. */
export function FactRow({ title, facts, children }: { title: ReactNode; facts: ReactNode; children?: ReactNode }) {
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1 border-line border-b px-4 py-2 last:border-b-0">
      <div className="min-w-0 flex-1 basis-72">
        <p className="flex flex-wrap items-center gap-2 text-sm">{title}</p>
        <p className="flex flex-wrap items-center gap-x-3 text-ink-3 text-xs">{facts}</p>
      </div>
      {children}
    </li>
  );
}
