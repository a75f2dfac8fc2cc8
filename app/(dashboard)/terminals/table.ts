import { given, readChoices, readText, type TableDef, type TableState } from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import {
  CONNECTION_WORDS,
  CONNECTIONS,
  TERMINAL_DEVICE_WORDS,
  TERMINAL_DEVICES,
  TERMINAL_STATUSES,
} from "@/server/domain/terminals/states";

export const terminalsTable: TableDef = {
  id: "terminals",
  filters: [
    {
      kind: "enum",
      id: "device",
      label: "Device",
      options: TERMINAL_DEVICES.map((device) => ({ value: device, label: TERMINAL_DEVICE_WORDS[device] })),
    },
    { kind: "enum", id: "status", label: "Status", options: statusOptions("terminal", TERMINAL_STATUSES) },
    {
      kind: "enum",
      id: "connection",
      label: "Connection",
      options: CONNECTIONS.map((connection) => ({ value: connection, label: CONNECTION_WORDS[connection] })),
    },
    {
      kind: "enum",
      id: "qr",
      label: "Shows QR",
      options: [
        { value: "yes", label: "Yes" },
        { value: "no", label: "No" },
      ],
    },
    { kind: "text", id: "store", label: "Store", placeholder: "sto_…" },
    { kind: "text", id: "partner", label: "Partner", placeholder: "ptn_…" },
  ],
  sorts: ["created_at", "label"],
  defaultSort: "-created_at",
};

export function terminalsInput(state: TableState) {
  const shows = readChoices(state, "qr", ["yes", "no"]);
  return {
    filter: given({
      search: state.search,
      device: readChoices(state, "device", TERMINAL_DEVICES),
      status: readChoices(state, "status", TERMINAL_STATUSES),
      connection: readChoices(state, "connection", CONNECTIONS),
      canShowQr: shows.length === 1 ? shows[0] === "yes" : undefined,
      store: readText(state, "store", 60),
      partner: readText(state, "partner", 60),
    }),
    limit: state.size,
    cursor: state.cursor,
    sort: state.sort,
  };
}
