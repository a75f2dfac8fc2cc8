"use client";

import { useMemo, useState } from "react";
import type { Bulk } from "./types";

const CHOSEN_MAX = 200;

export type Chosen<Row> = {
  /** In the order in which they were chosen; they stay chosen on other pages of the list. */
  rows: readonly Row[];
  ids: readonly string[];
  has: (row: Row) => boolean;
  canChoose: (row: Row) => boolean;
  isFull: boolean;
  max: number;
  toggle: (row: Row | undefined) => void;
  /** Of this page. */
  page: { state: boolean | "indeterminate"; toggle: () => void };
  clear: () => void;
};

/** Which rows are chosen; null where nothing can be done with several. */
export function useChosen<Row>(
  rows: readonly Row[],
  getRowId: (row: Row) => string,
  bulk: Bulk<Row> | undefined,
): Chosen<Row> | null {
  const [byId, setById] = useState<ReadonlyMap<string, Row>>(new Map());
  const max = bulk?.max ?? CHOSEN_MAX;
  return useMemo(() => {
    if (bulk === undefined) return null;
    const canChoose = (row: Row): boolean => bulk.canChoose?.(row) ?? true;
    const choosable = rows.filter(canChoose);
    const here = choosable.filter((row) => byId.has(getRowId(row))).length;
    const change = (work: (next: Map<string, Row>) => void): void =>
      setById((before) => {
        const next = new Map(before);
        work(next);
        return next;
      });
    return {
      rows: [...byId.values()],
      ids: [...byId.keys()],
      has: (row) => byId.has(getRowId(row)),
      canChoose,
      isFull: byId.size >= max,
      max,
      toggle: (row) => {
        if (row === undefined || !canChoose(row)) return;
        change((next) => {
          const id = getRowId(row);
          if (!next.delete(id) && next.size < max) next.set(id, row);
        });
      },
      page: {
        state: here === 0 ? false : here === choosable.length ? true : "indeterminate",
        toggle: () =>
          change((next) => {
            for (const row of choosable) {
              if (here === choosable.length) next.delete(getRowId(row));
              else if (next.size < max) next.set(getRowId(row), row);
            }
          }),
      },
      clear: () => setById(new Map()),
    };
  }, [bulk, byId, getRowId, max, rows]);
}
