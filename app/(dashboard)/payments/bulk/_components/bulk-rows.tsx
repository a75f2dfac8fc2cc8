"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState } from "react";
import { cn } from "@/components/cn";
import { Money } from "@/components/display/money";
import { StatusBadge } from "@/components/display/status-badge";
import { describeError, ErrorState } from "@/components/error-state";
import { TextLink } from "@/components/text-link";
import { useTRPC } from "@/components/trpc-provider";
import { Button, buttonVariants } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { Skeleton } from "@/components/ui/skeleton";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { BulkRowItem, BulkRunRecord } from "@/server/domain/bulk/schema";
import type { BulkRowState } from "@/server/domain/bulk/states";

const PAGE_ROWS = 50;
const RUNNING_MS = 2_000;
const WAITING_MS = 10_000;
const CHOICES: ReadonlyArray<{ label: string; states: BulkRowState[] }> = [
  { label: "All rows", states: [] },
  { label: "Refused", states: ["INVALID", "FAILED"] },
  { label: "Ready", states: ["READY", "ASKING"] },
  { label: "Done", states: ["DONE"] },
  { label: "Waiting", states: ["WAITING", "APPROVAL"] },
  { label: "Done by another run", states: ["SKIPPED"] },
];
const NONE = <span className="text-ink-3">–</span>;

/** Each row with what it would do, did, or why not; all of them can be taken away as a file. */
export function BulkRows({ run }: { run: BulkRunRecord }) {
  const trpc = useTRPC();
  const [at, setAt] = useState(0);
  const [trail, setTrail] = useState<readonly (string | null)[]>([null]);
  const present = CHOICES.filter(
    (choice, index) => index === 0 || run.counts.some((count) => choice.states.includes(count.state)),
  );
  const chosen = present[Math.min(at, present.length - 1)] ?? CHOICES[0];
  const query = useQuery(
    trpc.bulk.rows.queryOptions(
      {
        id: run.id,
        filter: chosen === undefined || chosen.states.length === 0 ? {} : { state: chosen.states },
        limit: PAGE_ROWS,
        cursor: trail.at(-1) ?? null,
      },
      { placeholderData: keepPreviousData, refetchInterval: run.state === "RUNNING" ? RUNNING_MS : WAITING_MS },
    ),
  );
  const rows = query.data?.items ?? [];
  const hasRefused = run.counts.some((count) => count.state === "INVALID" || count.state === "FAILED");
  const download = cn(buttonVariants({ variant: "ghost", size: "sm" }));
  return (
    <Panel
      title="Rows"
      isFlush
      actions={
        <>
          {hasRefused ? (
            <a href={`/payments/bulk/${run.id}/rows?refused=1`} download className={download}>
              <Download aria-hidden />
              Refused rows
            </a>
          ) : null}
          <a href={`/payments/bulk/${run.id}/rows`} download className={download}>
            <Download aria-hidden />
            All rows
          </a>
        </>
      }
    >
      {present.length < 3 ? null : (
        <div className="flex flex-wrap gap-1 border-line border-b px-3 py-2">
          {present.map((choice, index) => (
            <Button
              key={choice.label}
              size="sm"
              variant={choice === chosen ? "secondary" : "ghost"}
              aria-pressed={choice === chosen}
              onClick={() => {
                setAt(index);
                setTrail([null]);
              }}
            >
              {choice.label}
            </Button>
          ))}
        </div>
      )}
      {query.error && query.data === undefined ? (
        <ErrorState {...describeError(query.error)} onRetry={() => void query.refetch()} />
      ) : query.data === undefined ? (
        <Skeleton className="m-4 h-40" />
      ) : (
        <Table aria-label="Rows">
          <TableHead>
            <TableRow>
              <TableHeader isNumeric>Row</TableHeader>
              <TableHeader>State</TableHeader>
              <TableHeader>Payment</TableHeader>
              <TableHeader isNumeric>Amount</TableHeader>
              <TableHeader>Reference</TableHeader>
              <TableHeader>What is said of it</TableHeader>
            </TableRow>
          </TableHead>
          <TableBody>
            {rows.map((row) => (
              <OneRow key={row.rowNumber} row={row} />
            ))}
          </TableBody>
        </Table>
      )}
      {query.data !== undefined && rows.length === 0 ? (
        <p className="px-4 py-6 text-center text-ink-3 text-sm">No such rows.</p>
      ) : null}
      <div className="flex flex-wrap items-center justify-end gap-2 border-line border-t px-3 py-1.5 text-ink-3 text-xs">
        <p aria-live="polite" className="mr-auto">
          {query.data === undefined ? "Loading" : `${query.data.total.toLocaleString("en")} in all`}
        </p>
        <Button size="sm" disabled={trail.length < 2} onClick={() => setTrail(trail.slice(0, -1))}>
          Previous rows
        </Button>
        <Button
          size="sm"
          disabled={!query.data?.nextCursor || query.isPlaceholderData}
          onClick={() => setTrail([...trail, query.data?.nextCursor ?? null])}
        >
          Next rows
        </Button>
      </div>
    </Panel>
  );
}

function OneRow({ row }: { row: BulkRowItem }) {
  const isRefused = row.state === "INVALID" || row.state === "FAILED";
  const name = row.paymentReference ?? row.given;
  return (
    <TableRow>
      <TableCell isNumeric className="text-ink-3">
        {row.rowNumber}
      </TableCell>
      <TableCell className="whitespace-nowrap">
        <StatusBadge kind="bulk_row" status={row.state} />
      </TableCell>
      <TableCell className="max-w-56 truncate">
        {row.paymentId === null ? (
          <span className="text-ink-2">{name === "" ? "–" : name}</span>
        ) : (
          <TextLink href={`/payments/${row.paymentId}`}>{name}</TextLink>
        )}
        {row.problem === null ? null : (
          <span className={cn("block whitespace-normal text-xs sm:hidden", isRefused ? "text-bad" : "text-ink-2")}>
            {row.problem}
          </span>
        )}
      </TableCell>
      <TableCell isNumeric>
        {row.amount === null || row.currency === null ? NONE : <Money amount={row.amount} currency={row.currency} />}
      </TableCell>
      <TableCell className="max-w-40 truncate">{row.reference ?? NONE}</TableCell>
      <TableCell className={cn("min-w-48", isRefused ? "text-bad" : "text-ink-2")}>
        {row.problem ??
          (row.state === "APPROVAL" && row.resultId !== null ? (
            <TextLink href={`/settings/approvals/${row.resultId}`}>Waits for a second person</TextLink>
          ) : row.state === "READY" && row.needsApproval ? (
            "Needs a second person"
          ) : null)}
      </TableCell>
    </TableRow>
  );
}
