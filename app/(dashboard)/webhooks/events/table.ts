import { given, readDates, type TableDef, type TableState } from "@/components/data-table/table-state";
import { partnerFilters, readId, readTypes, typeFilter, type WebhookChoices } from "../filters";

export function eventsTable(choices: WebhookChoices): TableDef {
  return {
    id: "webhook-events",
    filters: [
      typeFilter(choices),
      ...partnerFilters(choices),
      { kind: "text", id: "object", label: "About", placeholder: "pay_… or ref_…" },
      { kind: "date", id: "created", label: "Happened" },
    ],
    sorts: ["created_at"],
    defaultSort: "-created_at",
  };
}

export function eventsInput(state: TableState, choices: WebhookChoices) {
  const { from, to } = readDates(state, "created");
  return {
    filter: given({
      search: state.search,
      type: readTypes(state, choices),
      partner: readId(state, "partner"),
      object: readId(state, "object"),
      created_from: from,
      created_to: to,
    }),
    limit: state.size,
    cursor: state.cursor,
  };
}
