import { readChoices, type TableDef, type TableState } from "@/components/data-table/table-state";
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
  const status = readChoices(state, "status", STATUSES);
  const partner = readId(state, "partner");
  return {
    filter: {
      ...(state.search === "" ? {} : { search: state.search }),
      ...(status.length === 0 ? {} : { status }),
      ...(partner === undefined ? {} : { partner }),
    },
    limit: state.size,
    cursor: state.cursor,
  };
}
