"use client";

import { columnVisibilityFeature, tableFeatures, useTable } from "@tanstack/react-table";
import { useRouter } from "next/navigation";
import { type ReactNode, useMemo, useRef, useState } from "react";
import { EmptyState } from "@/components/empty-state";
import { describeError, ErrorState } from "@/components/error-state";
import { useStored } from "@/components/hooks";
import { PeekSheet } from "@/components/peek-sheet";
import { Button } from "@/components/ui/button";
import { BulkBar } from "./bulk-bar";
import { DesktopRows } from "./desktop-rows";
import { Pager } from "./pager";
import { PhoneRows, PhoneSkeleton } from "./phone-rows";
import { Toolbar } from "./toolbar";
import type { Bulk, PhoneRow, TableColumn, TableQuery } from "./types";
import { useChosen } from "./use-chosen";
import { useRowKeys } from "./use-row-keys";
import type { TableControl } from "./use-table-state";

export type DataTableProps<Row> = {
  /** What the rows are, for people who hear the page: "Payments". */
  label: string;
  control: TableControl;
  /** A constant of the module, or memoized. */
  columns: readonly TableColumn<Row>[];
  query: TableQuery<Row>;
  getRowId: (row: Row) => string;
  getRowHref?: (row: Row) => string;
  phoneRow: (row: Row) => PhoneRow;
  peek?: { title: (row: Row) => ReactNode; body: (row: Row) => ReactNode };
  /** What this list is and the first action. */
  empty: ReactNode;
  totals?: ReactNode;
  /** Figures about everything that the filter finds; stands above the rows. */
  summary?: ReactNode;
  hasSearch?: boolean;
  searchPlaceholder?: string;
  exportPath?: string;
  toolbarExtra?: ReactNode;
  /** Rows can be chosen, and something done with all of them. */
  bulk?: Bulk<Row>;
  /** False for a table that is a part of a page and has no address of its own. */
  hasViews?: boolean;
};

const features = tableFeatures({ columnVisibilityFeature });
const NO_ROWS: readonly never[] = [];

function parseVisibility(value: unknown): Record<string, boolean> | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const entries = Object.entries(value).filter((entry): entry is [string, boolean] => typeof entry[1] === "boolean");
  return Object.fromEntries(entries);
}

/** The one table: the server filters, sorts and pages; the address holds the question; this shows the answer. */
export function DataTable<Row extends object>({
  label,
  control,
  columns,
  query,
  getRowId,
  getRowHref,
  phoneRow,
  peek,
  empty,
  totals,
  summary,
  hasSearch = true,
  searchPlaceholder = "Search",
  exportPath,
  toolbarExtra,
  bulk,
  hasViews = true,
}: DataTableProps<Row>) {
  const router = useRouter();
  const searchRef = useRef<HTMLInputElement>(null);
  const [activeId, setActiveId] = useState<string | null>(null);
  const [peekId, setPeekId] = useState<string | null>(null);
  const hiddenAtFirst = useMemo(
    () =>
      Object.fromEntries(
        columns.filter((column) => column.isHiddenAtFirst === true).map((column) => [column.id, false]),
      ),
    [columns],
  );
  const [remembered, remember] = useStored(`tillgate-columns-${control.def.id}`, hiddenAtFirst, parseVisibility);

  // The address wins: a link, and a saved view, shows the columns that it was made with.
  const named = control.columns;
  const visibility =
    named === null
      ? remembered
      : Object.fromEntries(columns.map((column) => [column.id, column.isFixed === true || named.includes(column.id)]));
  const setVisibility = (next: Record<string, boolean>): void => {
    if (named === null) remember(next);
    else control.setColumns(columns.filter((column) => next[column.id] !== false).map((column) => column.id));
  };

  const rows: readonly Row[] = query.data?.data ?? NO_ROWS;
  const columnDefs = useMemo(
    () => columns.map((column) => ({ id: column.id, header: column.header, enableHiding: column.isFixed !== true })),
    [columns],
  );
  const table = useTable({
    features,
    columns: columnDefs,
    data: rows,
    getRowId,
    state: { columnVisibility: visibility },
    onColumnVisibilityChange: (change) => setVisibility(typeof change === "function" ? change(visibility) : change),
  });
  const visibleIds = new Set(table.getVisibleLeafColumns().map((column) => column.id));
  const visible = columns.filter((column) => visibleIds.has(column.id));

  const chosen = useChosen(rows, getRowId, bulk);
  const active = rows.findIndex((row) => getRowId(row) === activeId);
  const peekIndex = peekId === null ? -1 : rows.findIndex((row) => getRowId(row) === peekId);
  const peeked = rows[peekIndex];
  const idAt = (index: number): string | null => {
    const row = rows[index];
    return row === undefined ? null : getRowId(row);
  };
  const openRow = (row: Row, isNewTab = false): void => {
    const href = getRowHref?.(row);
    if (href === undefined) return;
    if (isNewTab) window.open(href, "_blank", "noopener");
    else router.push(href as Parameters<typeof router.push>[0]);
  };
  const showPeek = (index: number | null): void => {
    const id = index === null ? null : idAt(index);
    setPeekId(id);
    if (id !== null) setActiveId(id);
  };

  useRowKeys({
    rowCount: rows.length,
    active,
    setActive: (index) => setActiveId(idAt(index)),
    open: (index) => {
      const row = rows[index];
      if (row !== undefined) openRow(row);
    },
    peek: peek === undefined ? undefined : showPeek,
    isPeeking: peeked !== undefined,
    choose: chosen === null ? undefined : (index) => chosen.toggle(rows[index]),
    searchRef,
  });

  const isBusy = query.isFetching ?? query.isPending;
  const hasFailed = query.error !== null && query.error !== undefined && query.data === undefined;
  const isEmpty = !query.isPending && !hasFailed && rows.length === 0;

  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-3">
      <Toolbar
        control={control}
        searchRef={searchRef}
        hasSearch={hasSearch}
        searchPlaceholder={searchPlaceholder}
        exportPath={exportPath}
        extra={toolbarExtra}
        hasViews={hasViews}
        columns={columns
          .filter((column) => column.isFixed !== true)
          .map((column) => ({
            id: column.id,
            header: column.header,
            isVisible: visibleIds.has(column.id),
            toggle: (isVisible) => table.getColumn(column.id)?.toggleVisibility(isVisible),
          }))}
      />
      {summary}
      {chosen === null || bulk === undefined ? null : <BulkBar chosen={chosen} bulk={bulk} />}
      <section
        aria-label={label}
        aria-busy={isBusy}
        className="overflow-hidden rounded-md border border-line bg-surface"
      >
        {hasFailed ? (
          <ErrorState {...describeError(query.error)} onRetry={() => void query.refetch()} isRetrying={isBusy} />
        ) : isEmpty ? (
          <NothingHere control={control} label={label} empty={empty} />
        ) : (
          <>
            <DesktopRows
              label={label}
              control={control}
              columns={visible}
              rows={rows}
              isLoading={query.isPending}
              isStale={isBusy && !query.isPending}
              active={active}
              getRowId={getRowId}
              getRowHref={getRowHref}
              onOpen={openRow}
              onPeek={peek === undefined ? undefined : showPeek}
              chosen={chosen}
            />
            {query.isPending ? (
              <PhoneSkeleton />
            ) : (
              <PhoneRows label={label} rows={rows} getRowId={getRowId} getRowHref={getRowHref} phoneRow={phoneRow} />
            )}
            <Pager
              control={control}
              shown={rows.length}
              nextCursor={query.data?.nextCursor ?? null}
              isBusy={isBusy}
              totals={totals}
            />
          </>
        )}
      </section>
      {peek === undefined ? null : (
        <PeekSheet
          isOpen={peeked !== undefined}
          onClose={() => setPeekId(null)}
          title={peeked === undefined ? "" : peek.title(peeked)}
          href={peeked === undefined ? undefined : getRowHref?.(peeked)}
          onPrevious={peekIndex > 0 ? () => showPeek(peekIndex - 1) : undefined}
          onNext={peekIndex >= 0 && peekIndex < rows.length - 1 ? () => showPeek(peekIndex + 1) : undefined}
        >
          {peeked === undefined ? null : peek.body(peeked)}
        </PeekSheet>
      )}
    </div>
  );
}

/** Nothing yet, nothing that matches, or a page past the end: three different sentences. */
function NothingHere({ control, label, empty }: { control: TableControl; label: string; empty: ReactNode }) {
  if (control.isFiltered) {
    return (
      <EmptyState
        title="No results"
        description={`No ${label.toLowerCase()} match this search and these filters.`}
        action={<Button onClick={control.clear}>Clear filters</Button>}
      />
    );
  }
  if (!control.isFirstPage) {
    return (
      <EmptyState
        title="Nothing on this page"
        description="The list became shorter."
        action={<Button onClick={control.toPrevious}>Go back</Button>}
      />
    );
  }
  return empty;
}
