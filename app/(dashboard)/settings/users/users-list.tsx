"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Users } from "lucide-react";
import { useMemo } from "react";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { StatusBadge } from "@/components/display/status-badge";
import { EmptyState } from "@/components/empty-state";
import { useTRPC } from "@/components/trpc-provider";
import type { PersonItem } from "@/server/domain/people/schema";
import { usersInput, usersTable } from "./table";

export function partnerWords(person: Pick<PersonItem, "partners" | "role">): string {
  const [first, second, ...more] = person.partners;
  if (first === undefined) return person.role.audience === "ACQUIRER" ? "All" : "None";
  if (second === undefined) return first.name;
  return more.length === 0 ? `${first.name}, ${second.name}` : `${first.name} and ${more.length + 1} more`;
}

function LastSeen({ of: person }: { of: PersonItem }) {
  return person.lastSeenAt === null ? (
    <span className="text-ink-3">Never</span>
  ) : (
    <DateTime value={person.lastSeenAt} format="relative" />
  );
}

const columns: readonly TableColumn<PersonItem>[] = [
  { id: "name", header: "Name", cell: (row) => row.name, isFixed: true, isWide: true },
  { id: "email", header: "E-mail", cell: (row) => row.email },
  { id: "role", header: "Role", cell: (row) => row.role.name, skeleton: 110 },
  { id: "partners", header: "Partners", cell: (row) => partnerWords(row), skeleton: 120 },
  { id: "state", header: "State", cell: (row) => <StatusBadge kind="user" status={row.state} /> },
  { id: "two_factor", header: "Two-factor", cell: (row) => (row.hasTwoFactor ? "On" : "Off"), skeleton: 24 },
  { id: "last_seen", header: "Last seen", cell: (row) => <LastSeen of={row} />, skeleton: 80 },
  {
    id: "created_at",
    header: "Since",
    cell: (row) => <DateTime value={row.createdAt} precision="day" />,
    isHiddenAtFirst: true,
    skeleton: 80,
  },
  { id: "id", header: "Id", cell: (row) => <Id value={row.id} />, isHiddenAtFirst: true },
];

export function UsersList({
  roles,
  hasPartners,
}: {
  roles: readonly { id: string; name: string }[];
  hasPartners: boolean;
}) {
  const table = useMemo(() => usersTable(roles), [roles]);
  const control = useTableState(table);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.people.list.queryOptions(usersInput(control.state), { placeholderData: keepPreviousData }),
  );
  return (
    <DataTable
      label="Users"
      control={control}
      exportPath="/export/users"
      columns={columns}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      getRowHref={(row) => `/settings/users/${row.id}`}
      searchPlaceholder="Name, e-mail or id"
      totals={totalWords(query.data?.total, "person", "people")}
      phoneRow={(row) => ({
        primary: row.name,
        aside: <StatusBadge kind="user" status={row.state} />,
        secondary: row.email,
        asideSecondary: row.role.name,
      })}
      peek={{
        title: (row) => row.name,
        body: (row) => (
          <DefinitionList
            items={[
              { term: "State", value: <StatusBadge kind="user" status={row.state} /> },
              { term: "E-mail", value: row.email },
              { term: "Role", value: row.role.name },
              { term: "Partners", value: partnerWords(row) },
              { term: "Two-factor", value: row.hasTwoFactor ? "On" : "Off" },
              { term: "Last seen", value: <LastSeen of={row} /> },
              { term: "Since", value: <DateTime value={row.createdAt} /> },
              { term: "Id", value: <Id value={row.id} isFull /> },
            ]}
          />
        ),
      }}
      empty={
        <EmptyState
          icon={Users}
          title="Nobody here yet"
          description={
            hasPartners
              ? "People of the acquirer and of Partners stand here. Invite the first by mail: they choose their own password."
              : "People of your Partner stand here. Invite the first by mail: they choose their own password."
          }
        />
      }
    />
  );
}
