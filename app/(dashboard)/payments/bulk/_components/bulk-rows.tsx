"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type RowChoice, RowsDownload, RunRows, useRowPages } from "@/app/(dashboard)/run-rows";
import { cn } from "@/components/cn";
import { Money } from "@/components/display/money";
import { NONE } from "@/components/display/none";
import { StatusBadge } from "@/components/display/status-badge";
import { TextLink } from "@/components/text-link";
import { useTRPC } from "@/components/trpc-provider";
import { TableCell, TableHeader } from "@/components/ui/table";
import type { BulkRowItem, BulkRunRecord } from "@/server/domain/bulk/schema";
import type { BulkRowState } from "@/server/domain/bulk/states";

const PAGE_ROWS = 50;
const RUNNING_MS = 2_000;
const WAITING_MS = 10_000;
const CHOICES: readonly RowChoice<BulkRowState>[] = [
  { label: "Refused", states: ["INVALID", "FAILED"] },
  { label: "Ready", states: ["READY", "ASKING"] },
  { label: "Done", states: ["DONE"] },
  { label: "Waiting", states: ["WAITING", "APPROVAL"] },
  { label: "Done by another run", states: ["SKIPPED"] },
];
/** Each row with what it would do, did, or why not; all of them can be taken away as a file. */
export function BulkRows({ run }: { run: BulkRunRecord }) {
  const trpc = useTRPC();
  const pages = useRowPages(
    CHOICES.filter((choice) => run.counts.some((count) => choice.states.includes(count.state))),
  );
  const query = useQuery(
    trpc.bulk.rows.queryOptions(
      { id: run.id, filter: pages.filter, limit: PAGE_ROWS, cursor: pages.cursor },
      { placeholderData: keepPreviousData, refetchInterval: run.state === "RUNNING" ? RUNNING_MS : WAITING_MS },
    ),
  );
  const hasRefused = run.counts.some((count) => count.state === "INVALID" || count.state === "FAILED");
  return (
    <RunRows
      label="Rows"
      pages={pages}
      query={query}
      actions={
        <>
          {hasRefused ? (
            <RowsDownload href={`/payments/bulk/${run.id}/rows?refused=1`}>Refused rows</RowsDownload>
          ) : null}
          <RowsDownload href={`/payments/bulk/${run.id}/rows`}>All rows</RowsDownload>
        </>
      }
      head={
        <>
          <TableHeader>State</TableHeader>
          <TableHeader>Payment</TableHeader>
          <TableHeader isNumeric>Amount</TableHeader>
          <TableHeader>Reference</TableHeader>
          <TableHeader>What is said of it</TableHeader>
        </>
      }
    >
      {(row) => <RowCells row={row} />}
    </RunRows>
  );
}

function RowCells({ row }: { row: BulkRowItem }) {
  const isRefused = row.state === "INVALID" || row.state === "FAILED";
  const name = row.paymentReference ?? row.given;
  return (
    <>
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
    </>
  );
}
