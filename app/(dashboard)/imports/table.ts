import {
  given,
  readChoices,
  readDates,
  readText,
  type TableDef,
  type TableState,
} from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import { IMPORT_KIND_WORDS, IMPORT_KINDS, IMPORT_STATES } from "@/server/domain/imports/states";

export const importsTable: TableDef = {
  id: "imports",
  filters: [
    {
      kind: "enum",
      id: "kind",
      label: "What",
      options: IMPORT_KINDS.map((kind) => ({ value: kind, label: IMPORT_KIND_WORDS[kind] })),
    },
    { kind: "enum", id: "state", label: "State", options: statusOptions("import", IMPORT_STATES) },
    { kind: "date", id: "uploaded", label: "Uploaded" },
    { kind: "text", id: "partner", label: "Partner", placeholder: "ptn_…" },
  ],
  sorts: ["created_at"],
  defaultSort: "-created_at",
};

export function importsInput(state: TableState) {
  const { from, to } = readDates(state, "uploaded");
  return {
    filter: given({
      search: state.search,
      kind: readChoices(state, "kind", IMPORT_KINDS),
      state: readChoices(state, "state", IMPORT_STATES),
      partner: readText(state, "partner", 60),
      createdFrom: from,
      createdTo: to,
    }),
    limit: state.size,
    cursor: state.cursor,
  };
}
