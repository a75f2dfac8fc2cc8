import {
  given,
  readChoices,
  readDates,
  readText,
  type TableDef,
  type TableState,
} from "@/components/data-table/table-state";
import { AUDIT_ACTOR_KINDS, AUDIT_WAYS } from "@/server/domain/audit/schema";
import { ACTOR_WORDS, WAY_WORDS } from "./words";

export const auditTable: TableDef = {
  id: "audit",
  filters: [
    { kind: "text", id: "action", label: "Action", placeholder: "payment or payment.canceled" },
    { kind: "text", id: "subject", label: "About", placeholder: "pay_…" },
    { kind: "text", id: "kind", label: "Kind of thing", placeholder: "store" },
    {
      kind: "enum",
      id: "actor_kind",
      label: "Done by",
      options: AUDIT_ACTOR_KINDS.map((kind) => ({ value: kind, label: ACTOR_WORDS[kind] ?? kind })),
    },
    { kind: "text", id: "actor", label: "Actor", placeholder: "usr_…" },
    {
      kind: "enum",
      id: "way",
      label: "Way",
      options: AUDIT_WAYS.map((way) => ({ value: way, label: WAY_WORDS[way] ?? way })),
    },
    { kind: "text", id: "partner", label: "Partner", placeholder: "ptn_…" },
    { kind: "text", id: "request", label: "Request", placeholder: "req_…" },
    { kind: "date", id: "when", label: "When" },
  ],
  sorts: [],
  defaultSort: "-when",
};

export function auditInput(state: TableState) {
  const { from, to } = readDates(state, "when");
  return {
    filter: given({
      search: state.search,
      action: readText(state, "action", 80),
      subject: readText(state, "subject", 60),
      subjectKind: readText(state, "kind", 40),
      actorKind: readChoices(state, "actor_kind", AUDIT_ACTOR_KINDS),
      actor: readText(state, "actor", 60),
      way: readChoices(state, "way", AUDIT_WAYS),
      partner: readText(state, "partner", 60),
      request: readText(state, "request", 60),
      createdFrom: from,
      createdTo: to,
    }),
    limit: state.size,
    cursor: state.cursor,
  };
}
