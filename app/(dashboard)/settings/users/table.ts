import { readChoices, readEnum, readText, type TableDef, type TableState } from "@/components/data-table/table-state";
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
  const states = readChoices(state, "state", USER_STATES);
  const roles = readEnum(state, "role");
  const partner = readText(state, "partner")?.slice(0, 60);
  return {
    filter: {
      ...(state.search === "" ? {} : { search: state.search }),
      ...(states.length === 0 ? {} : { state: states }),
      ...(roles.length === 0 ? {} : { role: roles }),
      ...(partner === undefined ? {} : { partner }),
    },
    limit: state.size,
    cursor: state.cursor,
  };
}
