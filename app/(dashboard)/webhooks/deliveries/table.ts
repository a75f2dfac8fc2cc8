import { readChoices, readDates, readText, type TableDef, type TableState } from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";

const STATUSES = ["pending", "delivered", "failed"] as const;

export const deliveriesTable: TableDef = {
  id: "webhook-deliveries",
  filters: [
    { kind: "enum", id: "status", label: "State", options: statusOptions("delivery", STATUSES) },
    { kind: "text", id: "type", label: "Event type", placeholder: "payment.completed" },
    { kind: "text", id: "endpoint", label: "Endpoint", placeholder: "whe_…" },
    { kind: "text", id: "subject", label: "About", placeholder: "pay_… or ref_…" },
    { kind: "text", id: "event", label: "Event", placeholder: "evt_…" },
    { kind: "date", id: "created", label: "Created" },
  ],
  sorts: ["created_at"],
  defaultSort: "-created_at",
};

const TEXTS = { type: 60, endpoint: 40, subject: 40, event: 40 } as const;

export function deliveriesInput(state: TableState) {
  const status = readChoices(state, "status", STATUSES);
  const { from, to } = readDates(state, "created");
  const text = (id: keyof typeof TEXTS): string | undefined => readText(state, id)?.slice(0, TEXTS[id]);
  const [type, endpoint, subject, event] = [text("type"), text("endpoint"), text("subject"), text("event")];
  return {
    filter: {
      ...(status.length === 0 ? {} : { status }),
      ...(type === undefined ? {} : { type }),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(subject === undefined ? {} : { subject }),
      ...(event === undefined ? {} : { event }),
      ...(from === undefined ? {} : { created_from: from }),
      ...(to === undefined ? {} : { created_to: to }),
    },
    limit: state.size,
    cursor: state.cursor,
  };
}
