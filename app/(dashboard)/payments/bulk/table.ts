import { readChoices, readDates, type TableDef, type TableState } from "@/components/data-table/table-state";
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
  const kinds = readChoices(state, "kind", BULK_KINDS);
  const states = readChoices(state, "state", BULK_RUN_STATES);
  const { from, to } = readDates(state, "made");
  return {
    filter: {
      ...(state.search === "" ? {} : { search: state.search }),
      ...(kinds.length === 0 ? {} : { kind: kinds }),
      ...(states.length === 0 ? {} : { state: states }),
      ...(from === undefined ? {} : { createdFrom: from }),
      ...(to === undefined ? {} : { createdTo: to }),
    },
    limit: state.size,
    cursor: state.cursor,
  };
}
