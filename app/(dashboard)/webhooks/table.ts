import { given, readChoices, type TableDef, type TableState } from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import { partnerFilters, readId, type WebhookChoices } from "./filters";

const STATUSES = ["enabled", "failing", "disabled"] as const;

export function endpointsTable(choices: WebhookChoices): TableDef {
  return {
    id: "webhook-endpoints",
    filters: [
      { kind: "enum", id: "status", label: "State", options: statusOptions("endpoint", STATUSES) },
      ...partnerFilters(choices),
    ],
    sorts: ["created_at"],
    defaultSort: "-created_at",
  };
}

export function endpointsInput(state: TableState) {
  return {
    filter: given({
      search: state.search,
      status: readChoices(state, "status", STATUSES),
      partner: readId(state, "partner"),
    }),
    limit: state.size,
    cursor: state.cursor,
  };
}
