import {
  given,
  readChoices,
  readDates,
  readText,
  type TableDef,
  type TableState,
} from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import { ALARM_STATES } from "@/server/domain/overview/states";

export const alarmsTable: TableDef = {
  id: "alarms",
  filters: [
    { kind: "enum", id: "state", label: "State", options: statusOptions("alarm", ALARM_STATES) },
    { kind: "text", id: "kind", label: "Kind", placeholder: "approval_lapsed" },
    { kind: "date", id: "raised", label: "Raised" },
  ],
  sorts: ["raised_at"],
  defaultSort: "-raised_at",
};

export function alarmsInput(state: TableState) {
  const { from, to } = readDates(state, "raised");
  return {
    filter: given({
      search: state.search,
      state: readChoices(state, "state", ALARM_STATES),
      kind: readText(state, "kind", 60),
      createdFrom: from,
      createdTo: to,
    }),
    limit: state.size,
    cursor: state.cursor,
  };
}
