"use client";

import { X } from "lucide-react";
import { Button } from "@/components/ui/button";
import type { Bulk } from "./types";
import type { Chosen } from "./use-chosen";

/** How many are chosen and what can be done with them; said aloud as it changes. */
export function BulkBar<Row>({ chosen, bulk }: { chosen: Chosen<Row>; bulk: Bulk<Row> }) {
  const count = chosen.ids.length;
  const [one, many] = bulk.noun;
  return (
    <div aria-live="polite" className="max-md:hidden">
      {count === 0 ? null : (
        <div className="flex min-h-11 flex-wrap items-center gap-2 rounded-md border border-accent/50 bg-accent-soft px-3 py-1.5 text-sm">
          <p className="mr-auto font-medium">
            {count} {count === 1 ? one : many} chosen
            {chosen.isFull ? <span className="font-normal text-ink-2"> (no more at once)</span> : null}
          </p>
          {bulk.actions({ ids: chosen.ids, rows: chosen.rows, clear: chosen.clear })}
          <Button variant="ghost" onClick={chosen.clear}>
            <X aria-hidden />
            Clear
          </Button>
        </div>
      )}
    </div>
  );
}
