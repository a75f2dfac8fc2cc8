"use client";

import { ChartNoAxesColumn, Table2 } from "lucide-react";
import { type ReactNode, useId, useState } from "react";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { ScrollArea } from "@/components/ui/scroll-area";

export type ChartTable = {
  columns: readonly string[];
  rows: ReadonlyArray<{ id: string; cells: readonly ReactNode[] }>;
};

export type ChartFrameProps = {
  title: string;
  description?: ReactNode;
  /** The same figures as rows: one key away for everybody. */
  table: ChartTable;
  isLoading?: boolean;
  isEmpty?: boolean;
  emptyText?: string;
  heightPx?: number;
  className?: string;
  children: ReactNode;
};

/** What every chart shares: its title, its figures as a table, its empty and its loading form. */
export function ChartFrame({
  title,
  description,
  table,
  isLoading = false,
  isEmpty = false,
  emptyText = "Nothing happened in this time.",
  heightPx = 220,
  className,
  children,
}: ChartFrameProps) {
  const [isTable, setTable] = useState(false);
  const id = useId();
  const canToggle = !isLoading && !isEmpty;
  return (
    <Panel
      title={title}
      description={description}
      {...(className === undefined ? {} : { className })}
      actions={
        canToggle ? (
          <Button
            variant="ghost"
            size="sm"
            aria-pressed={isTable}
            aria-controls={id}
            onClick={() => setTable(!isTable)}
          >
            {isTable ? <ChartNoAxesColumn aria-hidden /> : <Table2 aria-hidden />}
            {isTable ? "Show as chart" : "Show as table"}
          </Button>
        ) : undefined
      }
    >
      <div id={id} style={{ height: heightPx }} className="relative">
        {isLoading ? (
          <ChartSkeleton />
        ) : isEmpty ? (
          <div className="grid h-full place-items-center rounded-md border border-line border-dashed text-ink-3 text-sm">
            {emptyText}
          </div>
        ) : isTable ? (
          <FigureTable title={title} table={table} />
        ) : (
          children
        )}
      </div>
    </Panel>
  );
}

const BARS = [38, 56, 44, 70, 62, 48, 80, 66, 52, 74, 58, 68];

export function ChartSkeleton() {
  return (
    <div aria-hidden className="flex h-full items-end gap-2 pb-6 pl-10">
      {BARS.map((height) => (
        <div key={height} className="skeleton flex-1" style={{ height: `${height}%` }} />
      ))}
    </div>
  );
}

function FigureTable({ title, table }: { title: string; table: ChartTable }) {
  return (
    <ScrollArea label={`${title} as a table`} className="h-full overflow-auto rounded-md border border-line">
      <table className="w-full border-separate border-spacing-0 text-xs">
        <thead className="sticky top-0 bg-surface text-ink-3">
          <tr>
            {table.columns.map((column, index) => (
              <th
                key={column}
                scope="col"
                className={`h-7 border-line border-b px-3 font-medium ${index === 0 ? "text-left" : "text-right"}`}
              >
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row) => (
            <tr key={row.id}>
              {row.cells.map((cell, index) =>
                index === 0 ? (
                  <th
                    key={table.columns[index]}
                    scope="row"
                    className="h-7 whitespace-nowrap px-3 text-left font-normal"
                  >
                    {cell}
                  </th>
                ) : (
                  <td key={table.columns[index]} className="h-7 whitespace-nowrap px-3 text-right tabular-nums">
                    {cell}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollArea>
  );
}
