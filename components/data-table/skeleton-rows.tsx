import { cn } from "@/components/cn";
import { Skeleton } from "@/components/ui/skeleton";
import type { TableColumn } from "./types";

type Shape = Pick<TableColumn<never>, "id" | "header" | "isNumeric" | "isWide" | "skeleton">;

/** Rows of the shape that is coming: same columns, same height. */
export function SkeletonRows({ columns, count = 12 }: { columns: readonly Shape[]; count?: number }) {
  return Array.from({ length: count }, (_, row) => (
    <tr key={row} className="h-9 border-line border-b last:border-b-0">
      {columns.map((column, index) => (
        <td key={column.id} className="px-3">
          <span
            aria-hidden
            className={cn("skeleton block h-3", column.isNumeric === true && "ml-auto")}
            style={{ width: widthOf(column, row, index) }}
          />
        </td>
      ))}
    </tr>
  ));
}

function widthOf(column: Shape, row: number, index: number): number {
  const base = column.skeleton ?? (column.isWide === true ? 160 : 72);
  return Math.round(base * (0.75 + ((row * 7 + index * 3) % 5) * 0.06));
}

/** For `loading.tsx`: the page of a list before anything is known. */
export function ListSkeleton({ title, columns }: { title: string; columns: ReadonlyArray<Shape> }) {
  return (
    <div
      role="status"
      aria-label={`Loading ${title.toLowerCase()}`}
      className="grid grid-cols-[minmax(0,1fr)] content-start gap-4 px-4 py-5 md:px-6"
    >
      <h1 className="font-semibold text-xl tracking-[-0.01em]">{title}</h1>
      <div className="flex gap-2">
        <Skeleton className="h-8 w-64" />
        <Skeleton className="h-8 w-24" />
        <Skeleton className="h-8 w-24" />
      </div>
      <div className="overflow-hidden rounded-md border border-line bg-surface">
        <table className="w-full text-sm">
          <thead>
            <tr className="h-8 border-line border-b">
              {columns.map((column) => (
                <th
                  key={column.id}
                  scope="col"
                  className={cn(
                    "whitespace-nowrap px-3 text-left font-medium text-ink-3 text-xs",
                    column.isNumeric === true && "text-right",
                  )}
                >
                  {column.header}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <SkeletonRows columns={columns} />
          </tbody>
        </table>
      </div>
    </div>
  );
}
