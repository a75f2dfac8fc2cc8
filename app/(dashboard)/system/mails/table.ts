import { given, readChoices, readDates, type TableDef, type TableState } from "@/components/data-table/table-state";
import { statusOptions } from "@/components/display/status-words";
import { MAIL_STATES } from "@/server/domain/mail/states";

export const mailsTable: TableDef = {
  id: "mails",
  filters: [
    { kind: "enum", id: "state", label: "State", options: statusOptions("mail", MAIL_STATES) },
    { kind: "date", id: "written", label: "Written" },
  ],
  sorts: ["created_at"],
  defaultSort: "-created_at",
};

export function mailsInput(state: TableState) {
  const { from, to } = readDates(state, "written");
  return {
    filter: given({
      search: state.search,
      state: readChoices(state, "state", MAIL_STATES),
      createdFrom: from,
      createdTo: to,
    }),
    limit: state.size,
    cursor: state.cursor,
  };
}
