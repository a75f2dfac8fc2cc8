import { readChoices, readDates, readText, type TableDef, type TableState } from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import { INBOX_STATES } from "@/server/domain/inbox/states";

export const inboxTable: TableDef = {
  id: "klarna-events",
  filters: [
    { kind: "enum", id: "state", label: "State", options: statusOptions("inbox", INBOX_STATES) },
    { kind: "text", id: "type", label: "Type", placeholder: "payment.request" },
    { kind: "date", id: "received", label: "Received" },
  ],
  sorts: ["received_at"],
  defaultSort: "-received_at",
};

export function inboxInput(state: TableState) {
  const states = readChoices(state, "state", INBOX_STATES);
  const type = readText(state, "type")?.slice(0, 120);
  const { from, to } = readDates(state, "received");
  return {
    filter: {
      ...(state.search === "" ? {} : { search: state.search }),
      ...(states.length === 0 ? {} : { state: states }),
      ...(type === undefined ? {} : { type }),
      ...(from === undefined ? {} : { createdFrom: from }),
      ...(to === undefined ? {} : { createdTo: to }),
    },
    limit: state.size,
    cursor: state.cursor,
  };
}
