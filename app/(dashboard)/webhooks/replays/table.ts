import type { TableDef, TableState } from "@/components/data-table/table-state";

export const replaysTable: TableDef = {
  id: "webhook-replays",
  filters: [],
  sorts: ["created_at"],
  defaultSort: "-created_at",
};

export function replaysInput(state: TableState) {
  return { limit: state.size, cursor: state.cursor };
}
