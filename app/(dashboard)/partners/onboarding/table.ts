import { given, readChoices, type TableDef, type TableState } from "@/components/data-table/table-state";
import { ONBOARDING_STATE_WORDS, ONBOARDING_STATES } from "@/server/domain/partners/states";

export const onboardingTable: TableDef = {
  id: "onboarding",
  filters: [
    {
      kind: "enum",
      id: "state",
      label: "State",
      options: ONBOARDING_STATES.map((state) => ({ value: state, label: ONBOARDING_STATE_WORDS[state] })),
    },
  ],
  sorts: ["created_at"],
  defaultSort: "-created_at",
};

export function onboardingInput(state: TableState) {
  return {
    filter: given({ search: state.search, state: readChoices(state, "state", ONBOARDING_STATES) }),
    limit: state.size,
    cursor: state.cursor,
  };
}
