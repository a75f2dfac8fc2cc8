"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Inbox } from "lucide-react";
import { useMemo, useState } from "react";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import type { Mode } from "@/components/display/mode-badge";
import { NONE } from "@/components/display/none";
import { StatusBadge } from "@/components/display/status-badge";
import { EmptyState } from "@/components/empty-state";
import { TextLink } from "@/components/text-link";
import { useTRPC } from "@/components/trpc-provider";
import { Checkbox } from "@/components/ui/checkbox";
import type { InboxItem } from "@/server/domain/inbox/schema";
import { ReplayEvents } from "./replay-events";
import { inboxInput, inboxTable } from "./table";
import { wayWords } from "./way-words";

const COLUMNS: readonly TableColumn<InboxItem>[] = [
  {
    id: "received_at",
    header: "Received",
    cell: (row) => <DateTime value={row.createdAt} precision="second" />,
    isFixed: true,
    skeleton: 130,
  },
  {
    id: "type",
    header: "Type",
    cell: (row) => <span className="font-mono text-xs">{row.eventType}</span>,
    isWide: true,
  },
  { id: "state", header: "State", cell: (row) => <StatusBadge kind="inbox" status={row.state} /> },
  {
    id: "payment",
    header: "Payment",
    cell: (row) =>
      row.paymentId === null ? (
        NONE
      ) : (
        <TextLink href={`/payments/${row.paymentId}`}>
          <Id value={row.paymentId} hasCopy={false} />
        </TextLink>
      ),
    skeleton: 110,
  },
  {
    id: "late",
    header: "On its way",
    cell: (row) => wayWords(row.createdAt.getTime() - row.occurredAt.getTime()),
    isNumeric: true,
    skeleton: 48,
  },
  { id: "attempts", header: "Tries", cell: (row) => row.attempts, isNumeric: true, skeleton: 16 },
  { id: "replays", header: "Replays", cell: (row) => row.replays, isNumeric: true, isHiddenAtFirst: true },
  { id: "event", header: "Event id", cell: (row) => <Id value={row.eventId} />, isHiddenAtFirst: true },
  { id: "key", header: "Signing key", cell: (row) => <Id value={row.signingKeyId} />, isHiddenAtFirst: true },
];

const CHOSEN_MAX = 100;

export function InboxList({ canReplay, mode }: { canReplay: boolean; mode: Mode }) {
  const control = useTableState(inboxTable);
  const trpc = useTRPC();
  const input = inboxInput(control.state);
  const query = useQuery(trpc.system.inbox.queryOptions(input, { placeholderData: keepPreviousData }));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const columns = useMemo((): readonly TableColumn<InboxItem>[] => {
    if (!canReplay) return COLUMNS;
    const choose = (id: string, isChosen: boolean): void =>
      setChosen((before) => {
        const after = new Set(before);
        if (isChosen && after.size < CHOSEN_MAX) after.add(id);
        else after.delete(id);
        return after;
      });
    const box: TableColumn<InboxItem> = {
      id: "choose",
      header: "Choose",
      cell: (row) => (
        <Checkbox
          aria-label={`Choose ${row.eventType}`}
          checked={chosen.has(row.id)}
          onClick={(event) => event.stopPropagation()}
          onCheckedChange={(isChosen) => choose(row.id, isChosen === true)}
        />
      ),
      isFixed: true,
      skeleton: 16,
    };
    return [...COLUMNS, box];
  }, [canReplay, chosen]);
  const total = query.data?.total ?? 0;
  const done = (): void => {
    setChosen(new Set());
    void query.refetch();
  };
  return (
    <DataTable
      label="Events from Klarna"
      control={control}
      exportPath="/export/klarna-events"
      columns={columns}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      getRowHref={(row) => `/system/received/${row.id}`}
      searchPlaceholder="Event, payment or request id"
      totals={totalWords(query.data?.total, "event", "events")}
      toolbarExtra={
        canReplay ? (
          chosen.size > 0 ? (
            <ReplayEvents
              label={`Replay chosen (${chosen.size})`}
              what={chosen.size === 1 ? "1 chosen event" : `${chosen.size} chosen events`}
              count={chosen.size}
              mode={mode}
              input={{ ids: [...chosen] }}
              onDone={done}
            />
          ) : control.isFiltered ? (
            <ReplayEvents
              label="Replay all of these"
              what={`${totalWords(total, "event", "events")} of this filter`}
              count={total}
              mode={mode}
              input={{ filter: input.filter }}
              onDone={done}
            />
          ) : undefined
        ) : undefined
      }
      phoneRow={(row) => ({
        primary: <span className="font-mono text-xs">{row.eventType}</span>,
        aside: <StatusBadge kind="inbox" status={row.state} />,
        secondary: <Id value={row.paymentId ?? row.eventId} hasCopy={false} />,
        asideSecondary: <DateTime value={row.createdAt} format="relative" />,
      })}
      peek={{
        title: (row) => row.eventType,
        body: (row) => (
          <DefinitionList
            items={[
              { term: "State", value: <StatusBadge kind="inbox" status={row.state} />, hint: row.note ?? undefined },
              { term: "Event id", value: <Id value={row.eventId} isFull /> },
              { term: "Happened", value: <DateTime value={row.occurredAt} precision="second" /> },
              { term: "Received", value: <DateTime value={row.createdAt} precision="second" /> },
              { term: "Processed", value: <DateTime value={row.processedAt} precision="second" /> },
              {
                term: "Payment",
                value:
                  row.paymentId === null ? null : (
                    <TextLink href={`/payments/${row.paymentId}`} className="break-all font-mono text-xs">
                      {row.paymentId}
                    </TextLink>
                  ),
              },
              { term: "Payment request", value: <Id value={row.paymentRequestId} isFull /> },
              { term: "Transaction", value: <Id value={row.paymentTransactionId} isFull /> },
              { term: "Signed by key", value: <Id value={row.signingKeyId} isFull /> },
              { term: "Tries", value: row.attempts },
            ]}
          />
        ),
      }}
      empty={
        <EmptyState
          icon={Inbox}
          title="Nothing received yet"
          description="Klarna tells us here what customers do with a payment. Whether it sends its events to us is seen under Subscription and keys."
          action={<TextLink href="/system/subscription">Look at the subscription</TextLink>}
        />
      }
    />
  );
}
