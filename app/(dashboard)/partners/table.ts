import { readChoices, readEnum, type TableDef, type TableState } from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import { ACCOUNT_STATE_WORDS, ACCOUNT_STATES, PARTNER_STATES } from "@/server/domain/partners/states";
import { COUNTRY_OPTIONS } from "../countries";

export const partnersTable: TableDef = {
  id: "partners",
  filters: [
    { kind: "enum", id: "state", label: "State", options: statusOptions("partner", PARTNER_STATES) },
    {
      kind: "enum",
      id: "account",
      label: "Klarna account",
      options: ACCOUNT_STATES.map((state) => ({ value: state, label: ACCOUNT_STATE_WORDS[state] })),
    },
    { kind: "enum", id: "country", label: "Country", options: COUNTRY_OPTIONS },
  ],
  sorts: ["created_at"],
  defaultSort: "-created_at",
};

export function partnersInput(state: TableState) {
  const countries = readEnum(state, "country");
  const states = readChoices(state, "state", PARTNER_STATES);
  const accounts = readChoices(state, "account", ACCOUNT_STATES);
  return {
    filter: {
      ...(state.search === "" ? {} : { search: state.search }),
      ...(countries.length === 0 ? {} : { country: countries }),
      ...(states.length === 0 ? {} : { state: states }),
      ...(accounts.length === 0 ? {} : { accountState: accounts }),
    },
    limit: state.size,
    cursor: state.cursor,
  };
}
