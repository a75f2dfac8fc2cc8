import { given, readChoices, readDates, type TableDef, type TableState } from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import { BULK_KIND_WORDS, BULK_KINDS, BULK_RUN_STATES } from "@/server/domain/bulk/states";

export const bulkTable: TableDef = {
  id: "bulk",
  filters: [
    {
      kind: "enum",
      id: "kind",
      label: "What",
      options: BULK_KINDS.map((kind) => ({ value: kind, label: BULK_KIND_WORDS[kind] })),
    },
    { kind: "enum", id: "state", label: "State", options: statusOptions("bulk", BULK_RUN_STATES) },
    { kind: "date", id: "made", label: "Made" },
  ],
  sorts: [],
  defaultSort: "-created_at",
};

export function bulkInput(state: TableState) {
  const { from, to } = readDates(state, "made");
  return {
    filter: given({
      search: state.search,
      kind: readChoices(state, "kind", BULK_KINDS),
      state: readChoices(state, "state", BULK_RUN_STATES),
      createdFrom: from,
      createdTo: to,
    }),
    limit: state.size,
    cursor: state.cursor,
  };
}
