import {
  given,
  readChoices,
  readDates,
  readText,
  type TableDef,
  type TableState,
} from "@/components/data-table/table-state";
import { REQUEST_METHODS, REQUEST_OUTCOMES } from "@/server/domain/overview/states";

export const requestsTable: TableDef = {
  id: "requests",
  filters: [
    {
      kind: "enum",
      id: "outcome",
      label: "Status",
      options: [
        { value: "2xx", label: "Done (2xx)" },
        { value: "4xx", label: "Refused (4xx)" },
        { value: "5xx", label: "Failed (5xx)" },
      ],
    },
    {
      kind: "enum",
      id: "method",
      label: "Method",
      options: REQUEST_METHODS.map((method) => ({ value: method, label: method })),
    },
    { kind: "date", id: "created", label: "Time" },
    { kind: "text", id: "key", label: "API key", placeholder: "key_…" },
    { kind: "text", id: "partner", label: "Partner", placeholder: "ptn_…" },
  ],
  sorts: ["created_at"],
  defaultSort: "-created_at",
};

export function requestsInput(state: TableState) {
  const { from, to } = readDates(state, "created");
  return {
    filter: given({
      search: state.search,
      outcome: readChoices(state, "outcome", REQUEST_OUTCOMES),
      method: readChoices(state, "method", REQUEST_METHODS),
      apiKey: readText(state, "key", 60),
      partner: readText(state, "partner", 60),
      createdFrom: from,
      createdTo: to,
    }),
    limit: state.size,
    cursor: state.cursor,
  };
}
