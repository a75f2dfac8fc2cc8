import {
  given,
  readChoices,
  readDates,
  readText,
  type TableDef,
  type TableState,
} from "@/components/data-table/table-state";
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
  const acted = readChoices(state, "acted", HANDLED);
  const key = readText(state, "key");
  const { from, to } = readDates(state, "received");
  return {
    filter: given({
      search: state.search,
      state: readChoices(state, "state", INBOX_STATES),
      type: readText(state, "type", 120),
      payment: readText(state, "payment", 60),
      key: key === undefined || key.length < 4 ? undefined : key,
      unhandled: acted.length === 1 ? acted[0] === "unhandled" : undefined,
      createdFrom: from,
      createdTo: to,
    }),
    limit: state.size,
    cursor: state.cursor,
  };
}
