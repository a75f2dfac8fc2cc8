import { given, readChoices, readText, type TableDef, type TableState } from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import { APPROVAL_KIND_WORDS, APPROVAL_KINDS, APPROVAL_STATES } from "@/server/domain/approvals/states";

export const approvalsTable: TableDef = {
  id: "approvals",
  filters: [
    { kind: "enum", id: "state", label: "State", options: statusOptions("approval", APPROVAL_STATES) },
    {
      kind: "enum",
      id: "kind",
      label: "What",
      options: APPROVAL_KINDS.map((kind) => ({ value: kind, label: APPROVAL_KIND_WORDS[kind] })),
    },
    { kind: "text", id: "partner", label: "Partner", placeholder: "ptn_…" },
  ],
  sorts: ["created_at"],
  defaultSort: "-created_at",
};

export function approvalsInput(state: TableState) {
  return {
    filter: given({
      search: state.search,
      state: readChoices(state, "state", APPROVAL_STATES),
      kind: readChoices(state, "kind", APPROVAL_KINDS),
      partner: readText(state, "partner", 60),
    }),
    limit: state.size,
    cursor: state.cursor,
  };
}
