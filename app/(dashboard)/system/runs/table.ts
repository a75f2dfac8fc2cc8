import { given, readChoices, readText, type TableDef, type TableState } from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import { RUN_STATES } from "@/server/domain/engine/states";

/** The filter on functions offers those that are there; the address takes any. */
export function runsTable(functions: readonly string[]): TableDef {
  return {
    id: "runs",
    filters: [
      { kind: "enum", id: "status", label: "State", options: statusOptions("run", RUN_STATES) },
      functions.length === 0
        ? { kind: "text", id: "function", label: "Function" }
        : {
            kind: "enum",
            id: "function",
            label: "Function",
            options: functions.map((id) => ({ value: id, label: id })),
          },
    ],
    sorts: ["created_at"],
    defaultSort: "-created_at",
  };
}

export function runsInput(state: TableState) {
  const [status] = readChoices(state, "status", RUN_STATES);
  const functionId = readText(state, "function")?.split(",")[0];
  return {
    filter: given({ status, functionId }),
    limit: state.size,
    cursor: state.cursor,
  };
}
