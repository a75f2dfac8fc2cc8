import { given, readChoices, readDates, type TableDef, type TableState } from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import { OPERATION_KINDS, OPERATION_STATES } from "@/server/domain/overview/states";

/** `FINAL_AUTHORIZE` as "Final authorize". */
export function kindWord(kind: string): string {
  const words = kind.toLowerCase().replaceAll("_", " ");
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

export const operationsTable: TableDef = {
  id: "klarna-operations",
  filters: [
    { kind: "enum", id: "state", label: "State", options: statusOptions("operation", OPERATION_STATES) },
    {
      kind: "enum",
      id: "kind",
      label: "Kind",
      options: OPERATION_KINDS.map((kind) => ({ value: kind, label: kindWord(kind) })),
    },
    { kind: "date", id: "opened", label: "Opened" },
  ],
  sorts: ["opened_at"],
  defaultSort: "-opened_at",
};

export function operationsInput(state: TableState) {
  const { from, to } = readDates(state, "opened");
  return {
    filter: given({
      search: state.search,
      state: readChoices(state, "state", OPERATION_STATES),
      kind: readChoices(state, "kind", OPERATION_KINDS),
      createdFrom: from,
      createdTo: to,
    }),
    limit: state.size,
    cursor: state.cursor,
  };
}
