import type { Route } from "next";
import Link from "next/link";
import type { ReactNode } from "react";
import { PanelEmpty } from "@/components/ui/panel";

export type ListRow = { id: string; href?: string; primary: ReactNode; secondary?: ReactNode; aside?: ReactNode };

/** A short list of neighbours within a record. */
export function RowList({ rows, empty }: { rows: readonly ListRow[]; empty: string }) {
  if (rows.length === 0) return <PanelEmpty>{empty}</PanelEmpty>;
  return (
    <ul>
      {rows.map((row) => {
        const body = (
          <>
            <span className="min-w-0 flex-1">
              <span className="block truncate font-medium text-sm">{row.primary}</span>
              {row.secondary === undefined ? null : (
                <span className="block truncate text-ink-3 text-xs">{row.secondary}</span>
              )}
            </span>
            {row.aside === undefined ? null : <span className="shrink-0 text-right text-sm">{row.aside}</span>}
          </>
        );
        const styles = "flex min-h-11 items-center gap-4 px-4 py-1.5";
        return (
          <li key={row.id} className="border-line border-b last:border-b-0">
            {row.href === undefined ? (
              <div className={styles}>{body}</div>
            ) : (
              <Link
                href={row.href as Route}
                prefetch={false}
                className={`${styles} hover:bg-hover focus-visible:-outline-offset-2`}
              >
                {body}
              </Link>
            )}
          </li>
        );
      })}
    </ul>
  );
}
