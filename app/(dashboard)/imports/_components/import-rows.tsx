"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type RowChoice, RowsDownload, RunRows, useRowPages } from "@/app/(dashboard)/run-rows";
import { StatusBadge } from "@/components/display/status-badge";
import { TextLink } from "@/components/text-link";
import { useTRPC } from "@/components/trpc-provider";
import { TableCell, TableHeader } from "@/components/ui/table";
import type { ImportRecord, ImportRowItem, RowProblem } from "@/server/domain/imports/schema";
import { IMPORT_ACTION_WORDS, type ImportKind, type ImportRowState, importField } from "@/server/domain/imports/states";

const PAGE_ROWS = 25;
const CELLS_SHOWN = 6;
const RECORDS: Readonly<Record<ImportKind, string>> = {
  PARTNERS: "/partners/",
  STORES: "/stores/",
  TERMINALS: "/terminals/",
};

type Choices = readonly RowChoice<ImportRowState>[];
const CHECKED: Choices = [
  { label: "With errors", states: ["INVALID"] },
  { label: "Ready", states: ["VALID"] },
];
const OVER: Choices = [
  { label: "With errors", states: ["INVALID", "FAILED"] },
  { label: "Done", states: ["DONE"] },
  { label: "Nothing to do", states: ["SKIPPED"] },
];

function problemWords(kind: ImportKind, problem: RowProblem): string {
  const label = problem.field === null ? null : (importField(kind, problem.field)?.label ?? problem.field);
  return label === null ? problem.detail : `${label} ${problem.detail}`;
}

/** The rows of a file with what each does, or what is wrong with it; those with errors can be taken away as a file. */
export function ImportRows({ record }: { record: ImportRecord }) {
  const trpc = useTRPC();
  const isOver = record.state === "DONE" || record.state === "FAILED" || record.state === "CANCELED";
  const errors = record.invalidCount + record.failedCount;
  const pages = useRowPages(
    record.state === "UPLOADED" ? [] : record.state === "CHECKED" ? CHECKED : OVER,
    errors > 0 && record.state !== "RUNNING" ? 1 : 0,
  );
  const query = useQuery(
    trpc.imports.rows.queryOptions(
      { id: record.id, filter: pages.filter, limit: PAGE_ROWS, cursor: pages.cursor },
      { placeholderData: keepPreviousData },
    ),
  );
  return (
    <RunRows
      label="Rows of the file"
      pages={pages}
      query={query}
      actions={
        errors > 0 && record.state !== "UPLOADED" ? (
          <RowsDownload href={`/imports/${record.id}/rows?errors=1`}>Rows with errors</RowsDownload>
        ) : isOver ? (
          <RowsDownload href={`/imports/${record.id}/rows`}>Result</RowsDownload>
        ) : undefined
      }
      head={
        <>
          <TableHeader>State</TableHeader>
          <TableHeader>What is wrong</TableHeader>
          {record.head.slice(0, CELLS_SHOWN).map((column) => (
            <TableHeader key={column}>{column}</TableHeader>
          ))}
        </>
      }
    >
      {(row) => <RowCells row={row} record={record} />}
    </RunRows>
  );
}

function RowCells({ row, record }: { row: ImportRowItem; record: ImportRecord }) {
  const isReady = row.state === "VALID" && row.action !== null;
  return (
    <>
      <TableCell className="whitespace-nowrap">
        <span className="flex items-center gap-2">
          <StatusBadge kind="import_row" status={row.state} />
          {isReady && row.action !== null ? (
            <span className="text-ink-3 text-xs">{IMPORT_ACTION_WORDS[row.action]}</span>
          ) : null}
          {row.resourceId === null ? null : <TextLink href={`${RECORDS[record.kind]}${row.resourceId}`}>Open</TextLink>}
        </span>
      </TableCell>
      <TableCell className="min-w-48 text-bad">
        {row.problems.map((problem) => (
          <p key={`${problem.field} ${problem.detail}`}>{problemWords(record.kind, problem)}</p>
        ))}
      </TableCell>
      {record.head.slice(0, CELLS_SHOWN).map((column, index) => (
        <TableCell key={column} className="max-w-48 truncate whitespace-nowrap">
          {row.cells[index] ?? ""}
        </TableCell>
      ))}
    </>
  );
}
