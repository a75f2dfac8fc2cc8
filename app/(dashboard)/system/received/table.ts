import { readChoices, readDates, readText, type TableDef, type TableState } from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import { INBOX_STATES } from "@/server/domain/inbox/states";

const HANDLED = ["unhandled", "handled"] as const;

export const inboxTable: TableDef = {
  id: "klarna-events",
  filters: [
    { kind: "enum", id: "state", label: "State", options: statusOptions("inbox", INBOX_STATES) },
    { kind: "text", id: "type", label: "Type", placeholder: "payment.request" },
    { kind: "text", id: "payment", label: "Payment", placeholder: "pay_…" },
    {
      kind: "enum",
      id: "acted",
      label: "Acted on",
      options: [
        { value: "unhandled", label: "Types nothing acts on" },
        { value: "handled", label: "Types that are acted on" },
      ],
    },
    { kind: "text", id: "key", label: "Signing key", placeholder: "krn:…" },
    { kind: "date", id: "received", label: "Received" },
  ],
  sorts: ["received_at"],
  defaultSort: "-received_at",
};

export function inboxInput(state: TableState) {
  const states = readChoices(state, "state", INBOX_STATES);
  const acted = readChoices(state, "acted", HANDLED);
  const type = readText(state, "type")?.slice(0, 120);
  const payment = readText(state, "payment")?.slice(0, 60);
  const key = readText(state, "key");
  const { from, to } = readDates(state, "received");
  return {
    filter: {
      ...(state.search === "" ? {} : { search: state.search }),
      ...(states.length === 0 ? {} : { state: states }),
      ...(type === undefined ? {} : { type }),
      ...(payment === undefined ? {} : { payment }),
      ...(key === undefined || key.length < 4 ? {} : { key }),
      ...(acted.length === 1 ? { unhandled: acted[0] === "unhandled" } : {}),
      ...(from === undefined ? {} : { createdFrom: from }),
      ...(to === undefined ? {} : { createdTo: to }),
    },
    limit: state.size,
    cursor: state.cursor,
  };
}
