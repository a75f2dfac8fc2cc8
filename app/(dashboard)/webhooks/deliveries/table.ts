import { given, readChoices, readDates, type TableDef, type TableState } from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import { partnerFilters, readId, readTypes, typeFilter, type WebhookChoices } from "../filters";

const STATUSES = ["pending", "delivered", "failed"] as const;

export function deliveriesTable(choices: WebhookChoices): TableDef {
  return {
    id: "webhook-deliveries",
    filters: [
      { kind: "enum", id: "status", label: "State", options: statusOptions("delivery", STATUSES) },
      typeFilter(choices),
      ...partnerFilters(choices),
      { kind: "text", id: "endpoint", label: "Endpoint", placeholder: "whe_…" },
      { kind: "text", id: "subject", label: "About", placeholder: "pay_… or ref_…" },
      { kind: "text", id: "event", label: "Event", placeholder: "evt_…" },
      { kind: "date", id: "created", label: "Created" },
    ],
    sorts: ["created_at"],
    defaultSort: "-created_at",
  };
}

/** What the address asks for. `nowMs` is where the spans that count back begin. */
export function deliveriesFilter(state: TableState, choices: WebhookChoices, nowMs = Date.now()) {
  const { from, to } = readDates(state, "created", nowMs);
  return given({
    search: state.search,
    status: readChoices(state, "status", STATUSES),
    types: readTypes(state, choices),
    partner: readId(state, "partner"),
    endpoint: readId(state, "endpoint"),
    subject: readId(state, "subject"),
    event: readId(state, "event"),
    created_from: from,
    created_to: to,
  });
}

export function deliveriesInput(state: TableState, choices: WebhookChoices) {
  return { filter: deliveriesFilter(state, choices), limit: state.size, cursor: state.cursor };
}

/** The same question for the counts, whatever state it names. */
export function countsInput(state: TableState, choices: WebhookChoices) {
  const { status: _, ...filter } = deliveriesFilter(state, choices);
  return { filter };
}
