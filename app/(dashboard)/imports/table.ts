import { readChoices, readDates, readText, type TableDef, type TableState } from "@/components/data-table/table-state";
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
  const kinds = readChoices(state, "kind", IMPORT_KINDS);
  const states = readChoices(state, "state", IMPORT_STATES);
  const partner = readText(state, "partner")?.slice(0, 60);
  const { from, to } = readDates(state, "uploaded");
  return {
    filter: {
      ...(state.search === "" ? {} : { search: state.search }),
      ...(kinds.length === 0 ? {} : { kind: kinds }),
      ...(states.length === 0 ? {} : { state: states }),
      ...(partner === undefined ? {} : { partner }),
      ...(from === undefined ? {} : { createdFrom: from }),
      ...(to === undefined ? {} : { createdTo: to }),
    },
    limit: state.size,
    cursor: state.cursor,
  };
}
