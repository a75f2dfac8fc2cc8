import { readChoices, readText, type TableDef, type TableState } from "@/components/data-table/table-state";
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
  const devices = readChoices(state, "device", TERMINAL_DEVICES);
  const statuses = readChoices(state, "status", TERMINAL_STATUSES);
  const connections = readChoices(state, "connection", CONNECTIONS);
  const shows = readChoices(state, "qr", ["yes", "no"]);
  const store = readText(state, "store")?.slice(0, 60);
  const partner = readText(state, "partner")?.slice(0, 60);
  return {
    filter: {
      ...(state.search === "" ? {} : { search: state.search }),
      ...(devices.length === 0 ? {} : { device: devices }),
      ...(statuses.length === 0 ? {} : { status: statuses }),
      ...(connections.length === 0 ? {} : { connection: connections }),
      ...(shows.length === 1 ? { canShowQr: shows[0] === "yes" } : {}),
      ...(store === undefined ? {} : { store }),
      ...(partner === undefined ? {} : { partner }),
    },
    limit: state.size,
    cursor: state.cursor,
    sort: state.sort,
  };
}
