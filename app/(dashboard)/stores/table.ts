import {
  given,
  readChoices,
  readEnum,
  readText,
  type TableDef,
  type TableState,
} from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import {
  OPENING_STATES,
  OPENING_WORDS,
  STORE_SOURCES,
  STORE_STATUSES,
  STORE_TYPE_WORDS,
  STORE_TYPES,
} from "@/server/domain/stores/states";
import { COUNTRY_OPTIONS } from "../countries";

export const storesTable: TableDef = {
  id: "stores",
  filters: [
    {
      kind: "enum",
      id: "type",
      label: "Type",
      options: STORE_TYPES.map((type) => ({ value: type, label: STORE_TYPE_WORDS[type] })),
    },
    { kind: "enum", id: "status", label: "Status", options: statusOptions("store", STORE_STATUSES) },
    { kind: "enum", id: "country", label: "Country", options: COUNTRY_OPTIONS },
    {
      kind: "enum",
      id: "source",
      label: "Registered",
      options: [
        { value: "REGISTERED", label: "By us" },
        { value: "PAYMENT", label: "With a payment" },
      ],
    },
    {
      kind: "enum",
      id: "opening",
      label: "Opening",
      options: OPENING_STATES.map((state) => ({ value: state, label: OPENING_WORDS[state] })),
    },
    {
      kind: "enum",
      id: "needs",
      label: "Needs",
      options: [
        { value: "qr", label: "A device that shows QR codes" },
        { value: "group", label: "A store group" },
      ],
    },
    { kind: "text", id: "partner", label: "Partner", placeholder: "ptn_…" },
    { kind: "text", id: "group", label: "Store group", placeholder: "stg_…" },
    { kind: "text", id: "brand", label: "Brand", placeholder: "brd_…" },
  ],
  sorts: ["created_at", "name"],
  defaultSort: "-created_at",
};

export function storesInput(state: TableState) {
  const needs = readEnum(state, "needs");
  return {
    filter: given({
      search: state.search,
      type: readChoices(state, "type", STORE_TYPES),
      status: readChoices(state, "status", STORE_STATUSES),
      source: readChoices(state, "source", STORE_SOURCES),
      country: readEnum(state, "country"),
      opening: readChoices(state, "opening", OPENING_STATES),
      lacksQr: needs.includes("qr") ? true : undefined,
      isUnsorted: needs.includes("group") ? true : undefined,
      brand: readText(state, "brand", 60),
      partner: readText(state, "partner", 60),
      storeGroup: readText(state, "group", 60),
    }),
    limit: state.size,
    cursor: state.cursor,
    sort: state.sort,
  };
}
