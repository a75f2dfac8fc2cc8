"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Send } from "lucide-react";
import { useMemo, useState } from "react";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { Bulk, TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import type { Mode } from "@/components/display/mode-badge";
import { StatusBadge } from "@/components/display/status-badge";
import { EmptyState } from "@/components/empty-state";
import { LiveSwitch } from "@/components/live-switch";
import { TextLink } from "@/components/text-link";
import { useTRPC } from "@/components/trpc-provider";
import type { DeliveryRecord } from "@/server/domain/webhooks/schema";
import { readTypes, type WebhookChoices } from "../filters";
import { ReplayFailed } from "../replay-failed";
import { SubjectLink } from "../subject-link";
import { deliveryStatus } from "./delivery-status";
import { NextTry } from "./next-try";
import { outcomeWords } from "./outcome-words";
import { ReplayChosen } from "./replay-chosen";
import { StateCounts } from "./state-counts";
import { deliveriesFilter, deliveriesInput, deliveriesTable } from "./table";

const LIVE_MS = 3_000;
const CHOSEN_MAX = 100;
const ENDPOINT_ID = /^whe_[0-9A-Za-z]{26}$/;

const COLUMNS: readonly TableColumn<DeliveryRecord>[] = [
  {
    id: "created_at",
    header: "Created",
    cell: (row) => <DateTime value={row.created_at} precision="second" />,
    isFixed: true,
    skeleton: 130,
  },
  { id: "type", header: "Event", cell: (row) => <span className="font-mono text-xs">{row.event.type}</span> },
  { id: "status", header: "State", cell: (row) => <StatusBadge kind="delivery" status={deliveryStatus(row)} /> },
  { id: "subject", header: "About", cell: (row) => <SubjectLink id={row.subject} />, skeleton: 110 },
  { id: "url", header: "Endpoint", cell: (row) => row.endpoint_url, isWide: true },
  { id: "partner", header: "Partner", cell: (row) => row.partner_name, skeleton: 120 },
  {
    id: "last",
    header: "Last try",
    cell: (row) => (row.last_outcome === null ? null : outcomeWords(row.last_outcome, row.last_status)),
    skeleton: 90,
  },
  { id: "attempts", header: "Tries", cell: (row) => row.attempts, isNumeric: true, skeleton: 16 },
  {
    id: "next",
    header: "Next try",
    cell: (row) => <NextTry at={row.next_attempt_at} />,
    skeleton: 56,
  },
];

const OWN_COLUMNS = COLUMNS.filter((column) => column.id !== "partner");

export function DeliveriesList({
  canReplay,
  mode,
  choices,
}: {
  canReplay: boolean;
  mode: Mode;
  choices: WebhookChoices;
}) {
  const def = useMemo(() => deliveriesTable(choices), [choices]);
  const control = useTableState(def);
  const [isLive, setLive] = useState(false);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.webhooks.deliveries.list.queryOptions(deliveriesInput(control.state, choices), {
      placeholderData: keepPreviousData,
      refetchInterval: isLive ? LIVE_MS : false,
    }),
  );
  const { refetch } = query;
  const bulk = useMemo(
    (): Bulk<DeliveryRecord> => ({
      noun: ["delivery", "deliveries"],
      canChoose: (row) => row.status !== "pending",
      max: CHOSEN_MAX,
      actions: ({ ids, clear }) => (
        <ReplayChosen
          ids={ids}
          mode={mode}
          onDone={() => {
            clear();
            void refetch();
          }}
        />
      ),
    }),
    [mode, refetch],
  );
  const filter = deliveriesFilter(control.state, choices);
  return (
    <>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <StateCounts control={control} choices={choices} refetchMs={isLive ? LIVE_MS : false} />
        {canReplay ? (
          <ReplayFailed
            mode={mode}
            partners={choices.partners}
            hasPartners={choices.hasPartners}
            start={{
              ...(filter.endpoint !== undefined && ENDPOINT_ID.test(filter.endpoint)
                ? {
                    endpoint: {
                      id: filter.endpoint,
                      words: query.data?.items[0]?.endpoint_url ?? filter.endpoint,
                      partner: query.data?.items[0]?.partner_name ?? null,
                    },
                  }
                : {}),
              partner: filter.partner,
              types: readTypes(control.state, choices),
              from: filter.created_from,
              to: filter.created_to,
            }}
          />
        ) : null}
      </div>
      <DataTable
        label="Webhook deliveries"
        control={control}
        columns={choices.hasPartners ? COLUMNS : OWN_COLUMNS}
        {...(canReplay ? { bulk } : {})}
        query={tableQuery(query)}
        getRowId={(row) => row.id}
        getRowHref={(row) => `/webhooks/deliveries/${row.id}`}
        searchPlaceholder="Delivery, event or payment by id"
        exportPath="/webhooks/deliveries/export"
        toolbarExtra={<LiveSwitch isLive={isLive} onChange={setLive} />}
        totals={totalWords(query.data?.total, "delivery", "deliveries")}
        phoneRow={(row) => ({
          primary: <span className="font-mono text-xs">{row.event.type}</span>,
          aside: <StatusBadge kind="delivery" status={deliveryStatus(row)} />,
          secondary: row.endpoint_url,
          asideSecondary: <DateTime value={row.created_at} format="relative" />,
        })}
        peek={{
          title: (row) => row.event.type,
          body: (row) => (
            <DefinitionList
              items={[
                { term: "State", value: <StatusBadge kind="delivery" status={deliveryStatus(row)} /> },
                { term: "Delivery", value: <Id value={row.id} isFull /> },
                { term: "Event", value: <Id value={row.event.id} isFull /> },
                { term: "About", value: <SubjectLink id={row.subject} isFull /> },
                { term: "Number", value: row.sequence, hint: "Counts the events of one thing from 1" },
                {
                  term: "Endpoint",
                  value: row.is_endpoint_deleted ? (
                    <span className="break-all">{row.endpoint_url}</span>
                  ) : (
                    <TextLink href={`/webhooks/${row.endpoint}`} className="break-all">
                      {row.endpoint_url}
                    </TextLink>
                  ),
                  hint: row.is_endpoint_deleted ? "Deleted" : undefined,
                },
                { term: "Partner", value: row.partner_name },
                {
                  term: "Last try",
                  value: row.last_outcome === null ? null : outcomeWords(row.last_outcome, row.last_status),
                },
                { term: "Tries", value: row.attempts },
                { term: "Created", value: <DateTime value={row.created_at} precision="second" /> },
                { term: "Delivered", value: <DateTime value={row.delivered_at} precision="second" /> },
                { term: "Next try", value: <NextTry at={row.next_attempt_at} format="absolute" /> },
              ]}
            />
          ),
        }}
        empty={
          <EmptyState
            icon={Send}
            title="Nothing was sent yet"
            description="A delivery is one event owed to one endpoint. They show here as soon as an endpoint exists and something happens."
          />
        }
      />
    </>
  );
}
