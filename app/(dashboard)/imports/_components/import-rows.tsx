"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState } from "react";
import { cn } from "@/components/cn";
import { StatusBadge } from "@/components/display/status-badge";
import { describeError, ErrorState } from "@/components/error-state";
import { TextLink } from "@/components/text-link";
import { useTRPC } from "@/components/trpc-provider";
import { Button, buttonVariants } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { ImportRecord, ImportRowItem, RowProblem } from "@/server/domain/imports/schema";
import { IMPORT_ACTION_WORDS, type ImportKind, type ImportRowState, importField } from "@/server/domain/imports/states";

const PAGE_ROWS = 25;
const CELLS_SHOWN = 6;
const RECORDS: Readonly<Record<ImportKind, string>> = {
  PARTNERS: "/partners/",
  STORES: "/stores/",
  TERMINALS: "/terminals/",
};

type Choice = { label: string; states: ImportRowState[] };
const ALL: Choice = { label: "All rows", states: [] };
const CHECKED: readonly Choice[] = [
  ALL,
  { label: "With errors", states: ["INVALID"] },
  { label: "Ready", states: ["VALID"] },
];
const OVER: readonly Choice[] = [
  ALL,
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
  const choices = record.state === "UPLOADED" ? [ALL] : record.state === "CHECKED" ? CHECKED : OVER;
  const errors = record.invalidCount + record.failedCount;
  const [at, setAt] = useState(errors > 0 && record.state !== "RUNNING" ? 1 : 0);
  const [trail, setTrail] = useState<readonly (string | null)[]>([null]);
  const chosen = choices[at] ?? ALL;
  const query = useQuery(
    trpc.imports.rows.queryOptions(
      {
        id: record.id,
        filter: chosen.states.length === 0 ? {} : { state: chosen.states },
        limit: PAGE_ROWS,
        cursor: trail.at(-1) ?? null,
      },
      { placeholderData: keepPreviousData },
    ),
  );
  const rows = query.data?.items ?? [];
  return (
    <Panel
      title="Rows"
      isFlush
      actions={
        errors > 0 && record.state !== "UPLOADED" ? (
          <a
            href={`/imports/${record.id}/rows?errors=1`}
            download
            className={cn(buttonVariants({ variant: "ghost", size: "sm" }))}
          >
            <Download aria-hidden />
            Rows with errors
          </a>
        ) : isOver ? (
          <a
            href={`/imports/${record.id}/rows`}
            download
            className={cn(buttonVariants({ variant: "ghost", size: "sm" }))}
          >
            <Download aria-hidden />
            Result
          </a>
        ) : undefined
      }
    >
      {choices.length < 2 ? null : (
        <div className="flex flex-wrap gap-1 border-line border-b px-3 py-2">
          {choices.map((choice, index) => (
            <Button
              key={choice.label}
              size="sm"
              variant={index === at ? "secondary" : "ghost"}
              aria-pressed={index === at}
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
      ) : (
        <Table aria-label="Rows of the file">
          <TableHead>
            <TableRow>
              <TableHeader isNumeric>Row</TableHeader>
              <TableHeader>State</TableHeader>
              <TableHeader>What is wrong</TableHeader>
              {record.head.slice(0, CELLS_SHOWN).map((column) => (
                <TableHeader key={column}>{column}</TableHeader>
              ))}
            </TableRow>
          </TableHead>
          <TableBody>
            {rows.map((row) => (
              <FileRow key={row.rowNumber} row={row} record={record} />
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
          disabled={!query.data?.nextCursor || query.isFetching}
          onClick={() => setTrail([...trail, query.data?.nextCursor ?? null])}
        >
          Next rows
        </Button>
      </div>
    </Panel>
  );
}

function FileRow({ row, record }: { row: ImportRowItem; record: ImportRecord }) {
  const isReady = row.state === "VALID" && row.action !== null;
  return (
    <TableRow>
      <TableCell isNumeric className="text-ink-3">
        {row.rowNumber}
      </TableCell>
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
    </TableRow>
  );
}
