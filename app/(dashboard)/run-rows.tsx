"use client";

import { Download } from "lucide-react";
import { type ReactNode, useState } from "react";
import { cn } from "@/components/cn";
import { describeError, ErrorState } from "@/components/error-state";
import { Button, buttonVariants } from "@/components/ui/button";
import { Panel, PanelEmpty } from "@/components/ui/panel";
import { Skeleton } from "@/components/ui/skeleton";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";

export type RowChoice<State> = { label: string; states: readonly State[] };

type RowPages<State> = {
  choices: readonly RowChoice<State>[];
  at: number;
  choose: (at: number) => void;
  /** The first page has the cursor null; the last one here is shown. */
  trail: readonly (string | null)[];
  setTrail: (trail: readonly (string | null)[]) => void;
  /** What to ask the server for. */
  filter: { state?: State[] };
  cursor: string | null;
};

/** Which rows of a run are looked at, and how far: all of them, or those of one choice. */
export function useRowPages<State>(others: readonly RowChoice<State>[], first = 0): RowPages<State> {
  const [chosen, setChosen] = useState(first);
  const [trail, setTrail] = useState<readonly (string | null)[]>([null]);
  const choices = [{ label: "All rows", states: [] }, ...others];
  const at = Math.min(chosen, choices.length - 1);
  const states = choices[at]?.states ?? [];
  return {
    choices,
    at,
    choose: (next) => {
      setChosen(next);
      setTrail([null]);
    },
    trail,
    setTrail,
    filter: states.length === 0 ? {} : { state: [...states] },
    cursor: trail.at(-1) ?? null,
  };
}

export function RowsDownload({ href, children }: { href: string; children: ReactNode }) {
  return (
    <a href={href} download className={cn(buttonVariants({ variant: "ghost", size: "sm" }))}>
      <Download aria-hidden />
      {children}
    </a>
  );
}

/** The rows of a file or of a run, page by page. The number of each stands first; what follows is the caller's. */
export function RunRows<Row extends { rowNumber: number }, State>({
  label,
  pages,
  query,
  actions,
  head,
  children,
}: {
  label: string;
  pages: RowPages<State>;
  query: {
    data: { items: Row[]; nextCursor: string | null; total: number } | undefined;
    error: unknown;
    /** The page before is shown while the one that was asked for is on its way. */
    isPlaceholderData: boolean;
    refetch: () => unknown;
  };
  actions?: ReactNode;
  head: ReactNode;
  children: (row: Row) => ReactNode;
}) {
  const { choices, at, choose, trail, setTrail } = pages;
  const { data } = query;
  return (
    <Panel title="Rows" isFlush actions={actions}>
      {choices.length < 3 ? null : (
        <div className="flex flex-wrap gap-1 border-line border-b px-3 py-2">
          {choices.map((choice, index) => (
            <Button
              key={choice.label}
              size="sm"
              variant={index === at ? "secondary" : "ghost"}
              aria-pressed={index === at}
              onClick={() => choose(index)}
            >
              {choice.label}
            </Button>
          ))}
        </div>
      )}
      {data !== undefined ? (
        <Table aria-label={label}>
          <TableHead>
            <TableRow>
              <TableHeader isNumeric>Row</TableHeader>
              {head}
            </TableRow>
          </TableHead>
          <TableBody>
            {data.items.map((row) => (
              <TableRow key={row.rowNumber}>
                <TableCell isNumeric className="text-ink-3">
                  {row.rowNumber}
                </TableCell>
                {children(row)}
              </TableRow>
            ))}
          </TableBody>
        </Table>
      ) : query.error ? (
        <ErrorState {...describeError(query.error)} onRetry={() => void query.refetch()} />
      ) : (
        <Skeleton className="m-4 h-40" />
      )}
      {data?.items.length === 0 ? <PanelEmpty>No such rows.</PanelEmpty> : null}
      <div className="flex flex-wrap items-center justify-end gap-2 border-line border-t px-3 py-1.5 text-ink-3 text-xs">
        <p aria-live="polite" className="mr-auto">
          {data === undefined ? "Loading" : `${data.total.toLocaleString("en")} in all`}
        </p>
        <Button size="sm" disabled={trail.length < 2} onClick={() => setTrail(trail.slice(0, -1))}>
          Previous rows
        </Button>
        <Button
          size="sm"
          disabled={!data?.nextCursor || query.isPlaceholderData}
          onClick={() => setTrail([...trail, data?.nextCursor ?? null])}
        >
          Next rows
        </Button>
      </div>
    </Panel>
  );
}
