import {
  given,
  readChoices,
  readEnum,
  readText,
  type TableDef,
  type TableState,
} from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import { USER_STATES } from "@/server/domain/people/states";

/** The roles that the reader knows are part of the definition: people make their own. */
export function usersTable(roles: readonly { id: string; name: string }[]): TableDef {
  return {
    id: "users",
    filters: [
      { kind: "enum", id: "state", label: "State", options: statusOptions("user", USER_STATES) },
      {
        kind: "enum",
        id: "role",
        label: "Role",
        options: roles.map((role) => ({ value: role.id, label: role.name })),
      },
      { kind: "text", id: "partner", label: "Partner", placeholder: "ptn_…" },
    ],
    sorts: ["created_at"],
    defaultSort: "-created_at",
  };
}

export function usersInput(state: TableState) {
  return {
    filter: given({
      search: state.search,
      state: readChoices(state, "state", USER_STATES),
      role: readEnum(state, "role"),
      partner: readText(state, "partner", 60),
    }),
    limit: state.size,
    cursor: state.cursor,
  };
}
