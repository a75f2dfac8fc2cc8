"use client";

import { type ComponentType, useMemo } from "react";
import type { Bulk } from "@/components/data-table/types";

/** The one button above chosen rows: `Change` asks what to do with them; afterwards the list is read again. */
export function useChangeMany<Row>(
  [one, many]: readonly [one: string, many: string],
  Change: ComponentType<{ rows: readonly Row[]; onDone: () => void }>,
  refetch: () => unknown,
): Bulk<Row> {
  return useMemo(
    () => ({
      noun: [one, many],
      actions: ({ rows, clear }) => (
        <Change
          rows={rows}
          onDone={() => {
            clear();
            void refetch();
          }}
        />
      ),
    }),
    [one, many, Change, refetch],
  );
}
