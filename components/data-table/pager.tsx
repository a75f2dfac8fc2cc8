"use client";

import { ChevronLeft, ChevronRight } from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "@/components/cn";
import { Button } from "@/components/ui/button";
import { inputStyles } from "@/components/ui/input";
import { PAGE_SIZES } from "./table-state";
import type { TableControl } from "./use-table-state";

export type PagerProps = {
  control: TableControl;
  shown: number;
  nextCursor: string | null;
  isBusy: boolean;
  totals?: ReactNode;
};

export function Pager({ control, shown, nextCursor, isBusy, totals }: PagerProps) {
  return (
    <div className="flex min-h-11 flex-wrap items-center gap-x-4 gap-y-1 border-line border-t px-3 py-1.5 text-ink-2 text-xs">
      <div className="min-w-0 flex-1">{totals}</div>
      <p aria-live="polite" className="text-ink-3">
        {isBusy
          ? "Loading"
          : `${shown} ${shown === 1 ? "row" : "rows"}${control.isFirstPage && nextCursor === null ? "" : " on this page"}`}
      </p>
      <select
        aria-label="Rows per page"
        className={cn(inputStyles, "h-7 w-auto pr-1 pl-2 text-xs max-md:hidden")}
        value={control.state.size}
        onChange={(event) => control.setSize(Number(event.target.value))}
      >
        {PAGE_SIZES.map((size) => (
          <option key={size} value={size}>
            {size} per page
          </option>
        ))}
      </select>
      <nav aria-label="Pages" className="flex gap-1">
        <Button size="sm" disabled={control.isFirstPage || isBusy} onClick={control.toPrevious}>
          <ChevronLeft aria-hidden />
          Previous
        </Button>
        <Button
          size="sm"
          disabled={nextCursor === null || isBusy}
          onClick={() => (nextCursor === null ? undefined : control.toNext(nextCursor))}
        >
          Next
          <ChevronRight aria-hidden />
        </Button>
      </nav>
    </div>
  );
}
