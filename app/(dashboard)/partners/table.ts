import { given, readChoices, readEnum, type TableDef, type TableState } from "@/components/data-table/table-state";
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
  return {
    filter: given({
      search: state.search,
      country: readEnum(state, "country"),
      state: readChoices(state, "state", PARTNER_STATES),
      accountState: readChoices(state, "account", ACCOUNT_STATES),
    }),
    limit: state.size,
    cursor: state.cursor,
  };
}
