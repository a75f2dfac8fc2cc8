"use client";

import { ArrowDown, ArrowUp, PanelRight } from "lucide-react";
import type { Route } from "next";
import Link from "next/link";
import { type MouseEvent, useEffect, useRef } from "react";
import { cn } from "@/components/cn";
import { Checkbox } from "@/components/ui/checkbox";
import { SkeletonRows } from "./skeleton-rows";
import type { TableColumn } from "./types";
import type { Chosen } from "./use-chosen";
import type { TableControl } from "./use-table-state";

type DesktopRowsProps<Row> = {
  label: string;
  control: TableControl;
  columns: readonly TableColumn<Row>[];
  rows: readonly Row[];
  isLoading: boolean;
  isStale: boolean;
  active: number;
  getRowId: (row: Row) => string;
  getRowHref: ((row: Row) => string) | undefined;
  onOpen: (row: Row, isNewTab: boolean) => void;
  onPeek: ((index: number) => void) | undefined;
  chosen: Chosen<Row> | null;
};

const CONTROLS = "a, button, input, select, textarea, summary, [role=menuitem]";

export function DesktopRows<Row>({
  label,
  control,
  columns,
  rows,
  isLoading,
  isStale,
  active,
  getRowId,
  getRowHref,
  onOpen,
  onPeek,
  chosen,
}: DesktopRowsProps<Row>) {
  const bodyRef = useRef<HTMLTableSectionElement>(null);
  useEffect(() => {
    if (active >= 0) bodyRef.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);

  const onRowClick = (event: MouseEvent, row: Row): void => {
    if (event.target instanceof Element && event.target.closest(CONTROLS) !== null) return;
    if ((window.getSelection()?.toString() ?? "") !== "") return;
    onOpen(row, event.metaKey || event.ctrlKey);
  };

  return (
    <div className="max-h-[max(360px,calc(100dvh-220px))] overflow-auto max-md:hidden">
      <table
        aria-label={label}
        className={cn("w-full border-separate border-spacing-0 text-sm transition-opacity", isStale && "opacity-60")}
      >
        <thead className="sticky top-0 z-10 bg-surface">
          <tr>
            {chosen === null ? null : (
              <th scope="col" className="w-9 border-line border-b pl-3 text-left">
                <Checkbox
                  aria-label="Choose all rows of this page"
                  className="align-middle"
                  checked={chosen.page.state}
                  onCheckedChange={chosen.page.toggle}
                />
              </th>
            )}
            {columns.map((column) => (
              <HeaderCell key={column.id} column={column} control={control} />
            ))}
            {onPeek === undefined ? null : (
              <th className="w-9 border-line border-b">
                <span className="sr-only">Preview</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody ref={bodyRef}>
          {isLoading ? (
            <SkeletonRows
              columns={chosen === null ? columns : [{ id: "choose", header: "", skeleton: 16 }, ...columns]}
            />
          ) : null}
          {rows.map((row, index) => {
            const href = getRowHref?.(row);
            return (
              <tr
                key={getRowId(row)}
                data-active={index === active || undefined}
                aria-selected={chosen === null ? undefined : chosen.has(row)}
                onClick={(event) => onRowClick(event, row)}
                className={cn(
                  "group/row h-9 [&:not(:last-child)>td]:border-line [&:not(:last-child)>td]:border-b",
                  href !== undefined && "cursor-pointer hover:bg-hover",
                  "data-active:bg-accent-soft data-active:shadow-[inset_2px_0_0_var(--accent)]",
                )}
              >
                {chosen === null ? null : (
                  <td className="w-9 pl-3">
                    {chosen.canChoose(row) ? (
                      <Checkbox
                        aria-label="Choose this row"
                        title="Choose (x)"
                        className="align-middle"
                        checked={chosen.has(row)}
                        disabled={chosen.isFull && !chosen.has(row)}
                        onCheckedChange={() => chosen.toggle(row)}
                      />
                    ) : null}
                  </td>
                )}
                {columns.map((column, position) => {
                  const content = column.cell(row);
                  return (
                    <td
                      key={column.id}
                      className={cn(
                        "whitespace-nowrap px-3 py-0",
                        column.isNumeric === true && "text-right tabular-nums",
                        column.isWide === true ? "w-full max-w-0 min-w-32 truncate" : "max-w-72 truncate",
                      )}
                    >
                      {position === 0 && href !== undefined ? (
                        <Link
                          href={href as Route}
                          prefetch={false}
                          className="rounded-xs font-medium text-ink group-hover/row:text-accent"
                        >
                          {content}
                        </Link>
                      ) : (
                        content
                      )}
                    </td>
                  );
                })}
                {onPeek === undefined ? null : (
                  <td className="w-9 px-1">
                    <button
                      type="button"
                      aria-label="Preview this row"
                      title="Preview (Space)"
                      onClick={() => onPeek(index)}
                      className="grid size-7 place-items-center rounded-sm text-ink-3 opacity-0 hover:bg-hover hover:text-ink focus-visible:opacity-100 group-hover/row:opacity-100 group-data-active/row:opacity-100"
                    >
                      <PanelRight aria-hidden className="size-4" />
                    </button>
                  </td>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function HeaderCell<Row>({ column, control }: { column: TableColumn<Row>; control: TableControl }) {
  const styles = cn(
    "h-8 whitespace-nowrap border-line border-b px-3 text-left font-medium text-ink-3 text-xs",
    column.isNumeric === true && "text-right",
  );
  const key = column.sort;
  if (key === undefined) {
    return (
      <th scope="col" className={styles}>
        {column.header}
      </th>
    );
  }
  const { sort } = control.state;
  const isSorted = sort.replace(/^-/, "") === key;
  const isDescending = isSorted && sort.startsWith("-");
  const Icon = isDescending || !isSorted ? ArrowDown : ArrowUp;
  return (
    <th scope="col" aria-sort={isSorted ? (isDescending ? "descending" : "ascending") : "none"} className={styles}>
      <button
        type="button"
        onClick={() => control.setSort(isDescending ? key : `-${key}`)}
        className={cn(
          "group/sort inline-flex h-6 items-center gap-1 rounded-xs hover:text-ink",
          isSorted && "text-ink",
          column.isNumeric === true && "flex-row-reverse",
        )}
      >
        {column.header}
        <Icon
          aria-hidden
          className={cn(
            "size-3",
            !isSorted && "opacity-0 group-hover/sort:opacity-60 group-focus-visible/sort:opacity-60",
          )}
        />
      </button>
    </th>
  );
}
