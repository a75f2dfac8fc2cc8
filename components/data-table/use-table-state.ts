"use client";

import { type Options, parseAsString, useQueryStates } from "nuqs";
import { useMemo, useRef } from "react";
import { parseTableState, type TableDef, type TableState } from "./table-state";

export type TableControl = {
  def: TableDef;
  state: TableState;
  setSearch: (text: string) => void;
  setFilter: (id: string, value: string | null) => void;
  setSort: (sort: string) => void;
  setSize: (size: number) => void;
  clear: () => void;
  isFiltered: boolean;
  toNext: (cursor: string) => void;
  toPrevious: () => void;
  isFirstPage: boolean;
  /** Columns that the address names, in any order; null where it leaves them to what this browser remembers. */
  columns: readonly string[] | null;
  setColumns: (ids: readonly string[]) => void;
};

const COLUMNS_MAX = 60;

/** The state of a table, wholly in the address. `def` must be a constant of the module. */
export function useTableState(def: TableDef): TableControl {
  const keys = useMemo(() => ["q", "sort", "cursor", "size", "cols", ...def.filters.map((filter) => filter.id)], [def]);
  const parsers = useMemo(() => Object.fromEntries(keys.map((key) => [key, parseAsString])), [keys]);
  const [raw, setRaw] = useQueryStates(parsers, { history: "push", scroll: false });
  const trail = useRef<Array<string | null>>([]);

  const state = useMemo(() => {
    const params: Record<string, string | undefined> = {};
    for (const key of keys) params[key] = raw[key] ?? undefined;
    return parseTableState(def, params);
  }, [def, keys, raw]);

  const cols = raw["cols"] ?? null;
  return useMemo(() => {
    // Any change of the question goes back to the first page.
    const ask = (change: Record<string, string | null>, options?: Options) => {
      trail.current = [];
      void setRaw({ ...change, cursor: null }, options);
    };
    return {
      def,
      state,
      setSearch: (text) => ask({ q: text === "" ? null : text }, { history: "replace" }),
      setFilter: (id, value) => ask({ [id]: value === "" ? null : value }),
      setSort: (sort) => ask({ sort: sort === def.defaultSort ? null : sort }),
      setSize: (size) => ask({ size: String(size) }),
      clear: () => ask(Object.fromEntries(["q", ...def.filters.map((filter) => filter.id)].map((key) => [key, null]))),
      isFiltered: state.search !== "" || Object.keys(state.filters).length > 0,
      toNext: (cursor) => {
        trail.current = [...trail.current, state.cursor];
        void setRaw({ cursor });
      },
      toPrevious: () => {
        const previous = trail.current.at(-1) ?? null;
        trail.current = trail.current.slice(0, -1);
        void setRaw({ cursor: previous });
      },
      isFirstPage: state.cursor === null,
      columns: cols === null ? null : cols.split(",").slice(0, COLUMNS_MAX),
      setColumns: (ids) => void setRaw({ cols: ids.join(",") }, { history: "replace" }),
    };
  }, [cols, def, setRaw, state]);
}
