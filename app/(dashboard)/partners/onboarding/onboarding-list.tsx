"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Building2 } from "lucide-react";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { Country } from "@/components/display/country";
import { DateTime } from "@/components/display/date-time";
import { EmptyState } from "@/components/empty-state";
import { useTRPC } from "@/components/trpc-provider";
import { Badge } from "@/components/ui/badge";
import type { OnboardingItem } from "@/server/domain/partners/schema-onboarding";
import { ONBOARDING_STATE_WORDS } from "@/server/domain/partners/states";
import { ONBOARDING_TONES } from "../onboarding-tones";
import { onboardingInput, onboardingTable } from "./table";

function State({ row }: { row: OnboardingItem }) {
  return (
    <Badge tone={ONBOARDING_TONES[row.state]} hasDot>
      {ONBOARDING_STATE_WORDS[row.state]}
    </Badge>
  );
}

const columns: readonly TableColumn<OnboardingItem>[] = [
  { id: "partner", header: "Partner", cell: (row) => row.partnerName, isWide: true, isFixed: true },
  { id: "reference", header: "Reference", cell: (row) => row.partnerReference },
  { id: "state", header: "State", cell: (row) => <State row={row} /> },
  { id: "country", header: "Country", cell: (row) => <Country code={row.country} /> },
  {
    id: "fills",
    header: "Filled by",
    cell: (row) => (row.partnerMayEdit ? "Partner and acquirer" : "Acquirer"),
    isHiddenAtFirst: true,
  },
  { id: "submitted_at", header: "Handed in", cell: (row) => <DateTime value={row.submittedAt} />, skeleton: 80 },
  { id: "updated_at", header: "Last change", cell: (row) => <DateTime value={row.updatedAt} />, skeleton: 80 },
];

/** Drafts and how far they are, newest first. */
export function OnboardingList() {
  const control = useTableState(onboardingTable);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.partners.draft.list.queryOptions(onboardingInput(control.state), { placeholderData: keepPreviousData }),
  );
  return (
    <DataTable
      label="Onboarding"
      control={control}
      exportPath="/export/onboarding"
      columns={columns}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      getRowHref={(row) => `/partners/${row.partnerId}/onboarding`}
      searchPlaceholder="Name, reference or id"
      totals={totalWords(query.data?.total, "onboarding", "onboardings")}
      phoneRow={(row) => ({
        primary: row.partnerName,
        aside: <State row={row} />,
        secondary: row.partnerReference,
        asideSecondary: <DateTime value={row.updatedAt} />,
      })}
      empty={
        <EmptyState
          icon={Building2}
          title="No onboarding"
          description="The way of a new Partner to Klarna begins with a draft."
        />
      }
    />
  );
}
