import { readChoices, readEnum, readText, type TableDef, type TableState } from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import { STORE_SOURCES, STORE_STATUSES, STORE_TYPE_WORDS, STORE_TYPES } from "@/server/domain/stores/states";
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
    { kind: "text", id: "partner", label: "Partner", placeholder: "ptn_…" },
    { kind: "text", id: "group", label: "Store group", placeholder: "stg_…" },
  ],
  sorts: ["created_at"],
  defaultSort: "-created_at",
};

export function storesInput(state: TableState) {
  const types = readChoices(state, "type", STORE_TYPES);
  const statuses = readChoices(state, "status", STORE_STATUSES);
  const sources = readChoices(state, "source", STORE_SOURCES);
  const countries = readEnum(state, "country");
  const partner = readText(state, "partner")?.slice(0, 60);
  const storeGroup = readText(state, "group")?.slice(0, 60);
  return {
    filter: {
      ...(state.search === "" ? {} : { search: state.search }),
      ...(types.length === 0 ? {} : { type: types }),
      ...(statuses.length === 0 ? {} : { status: statuses }),
      ...(sources.length === 0 ? {} : { source: sources }),
      ...(countries.length === 0 ? {} : { country: countries }),
      ...(partner === undefined ? {} : { partner }),
      ...(storeGroup === undefined ? {} : { storeGroup }),
    },
    limit: state.size,
    cursor: state.cursor,
  };
}
