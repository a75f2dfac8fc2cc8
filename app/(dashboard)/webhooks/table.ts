import { readChoices, readText, type TableDef, type TableState } from "@/components/data-table/table-state";

export const endpointsTable: TableDef = {
  id: "webhook-endpoints",
  filters: [
    {
      kind: "enum",
      id: "status",
      label: "State",
      options: [
        { value: "enabled", label: "Active" },
        { value: "disabled", label: "Disabled" },
      ],
    },
    { kind: "text", id: "partner", label: "Partner", placeholder: "ptn_…" },
  ],
  sorts: ["created_at"],
  defaultSort: "-created_at",
};

const STATUSES = ["enabled", "disabled"] as const;

export function endpointsInput(state: TableState) {
  const status = readChoices(state, "status", STATUSES);
  const partner = readText(state, "partner")?.slice(0, 40);
  return {
    filter: {
      ...(status.length === 0 ? {} : { status }),
      ...(partner === undefined ? {} : { partner }),
    },
    limit: state.size,
    cursor: state.cursor,
  };
}
