import { readChoices, readDates, readText, type TableDef, type TableState } from "@/components/data-table/table-state";
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
  const actorKinds = readChoices(state, "actor_kind", AUDIT_ACTOR_KINDS);
  const ways = readChoices(state, "way", AUDIT_WAYS);
  const text = (id: string, max: number): string | undefined => readText(state, id)?.slice(0, max);
  const [action, subject, kind] = [text("action", 80), text("subject", 60), text("kind", 40)];
  const [actor, partner, request] = [text("actor", 60), text("partner", 60), text("request", 60)];
  const { from, to } = readDates(state, "when");
  return {
    filter: {
      ...(state.search === "" ? {} : { search: state.search }),
      ...(action === undefined ? {} : { action }),
      ...(subject === undefined ? {} : { subject }),
      ...(kind === undefined ? {} : { subjectKind: kind }),
      ...(actorKinds.length === 0 ? {} : { actorKind: actorKinds }),
      ...(actor === undefined ? {} : { actor }),
      ...(ways.length === 0 ? {} : { way: ways }),
      ...(partner === undefined ? {} : { partner }),
      ...(request === undefined ? {} : { request }),
      ...(from === undefined ? {} : { createdFrom: from }),
      ...(to === undefined ? {} : { createdTo: to }),
    },
    limit: state.size,
    cursor: state.cursor,
  };
}
