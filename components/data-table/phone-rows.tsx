import type { Route } from "next";
import Link from "next/link";
import { Skeleton } from "@/components/ui/skeleton";
import type { PhoneRow } from "./types";

type PhoneRowsProps<Row> = {
  label: string;
  rows: readonly Row[];
  getRowId: (row: Row) => string;
  getRowHref: ((row: Row) => string) | undefined;
  phoneRow: (row: Row) => PhoneRow;
};

const rowStyles = "grid min-h-14 grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 gap-y-0.5 px-4 py-2";

/** A table on a phone: two lines a row, the whole row opens it. */
export function PhoneRows<Row>({ label, rows, getRowId, getRowHref, phoneRow }: PhoneRowsProps<Row>) {
  return (
    <ul aria-label={label} className="md:hidden">
      {rows.map((row) => {
        const { primary, aside, secondary, asideSecondary } = phoneRow(row);
        const href = getRowHref?.(row);
        const body = (
          <>
            <span className="truncate font-medium">{primary}</span>
            <span className="text-right">{aside}</span>
            <span className="truncate text-ink-3 text-xs">{secondary}</span>
            <span className="text-right text-ink-3 text-xs">{asideSecondary}</span>
          </>
        );
        return (
          <li key={getRowId(row)} className="border-line border-b last:border-b-0">
            {href === undefined ? (
              <div className={rowStyles}>{body}</div>
            ) : (
              <Link
                href={href as Route}
                prefetch={false}
                className={`${rowStyles} active:bg-hover focus-visible:-outline-offset-2`}
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

export function PhoneSkeleton() {
  return (
    <div aria-hidden className="md:hidden">
      {Array.from({ length: 8 }, (_, row) => (
        <div key={row} className={`${rowStyles} border-line border-b last:border-b-0`}>
          <Skeleton className="w-36" />
          <Skeleton className="w-16" />
          <Skeleton className="w-24" />
          <Skeleton className="ml-auto w-10" />
        </div>
      ))}
    </div>
  );
}
