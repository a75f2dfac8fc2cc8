import { readDates, type TableDef, type TableState } from "@/components/data-table/table-state";
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
  const type = readTypes(state, choices);
  const { from, to } = readDates(state, "created");
  const [partner, object] = [readId(state, "partner"), readId(state, "object")];
  return {
    filter: {
      ...(state.search === "" ? {} : { search: state.search }),
      ...(type.length === 0 ? {} : { type }),
      ...(partner === undefined ? {} : { partner }),
      ...(object === undefined ? {} : { object }),
      ...(from === undefined ? {} : { created_from: from }),
      ...(to === undefined ? {} : { created_to: to }),
    },
    limit: state.size,
    cursor: state.cursor,
  };
}
