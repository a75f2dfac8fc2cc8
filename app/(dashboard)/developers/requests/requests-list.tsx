"use client";

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ScrollText } from "lucide-react";
import { useState } from "react";
import { DataTable } from "@/components/data-table/data-table";
import { tableQuery, totalWords } from "@/components/data-table/list-query";
import type { TableColumn } from "@/components/data-table/types";
import { useTableState } from "@/components/data-table/use-table-state";
import { DateTime } from "@/components/display/date-time";
import { DefinitionList } from "@/components/display/definition-list";
import { Id } from "@/components/display/id";
import { JsonView } from "@/components/display/json-view";
import { NONE } from "@/components/display/none";
import { EmptyState } from "@/components/empty-state";
import { LiveSwitch } from "@/components/live-switch";
import { useTRPC } from "@/components/trpc-provider";
import { Badge } from "@/components/ui/badge";
import type { RequestItem } from "@/server/domain/overview/schema";
import { requestsInput, requestsTable } from "./table";

const LIVE_MS = 3_000;

function Status({ status }: { status: number }) {
  const tone = status >= 500 ? "bad" : status >= 400 ? "warn" : "good";
  const word = status >= 500 ? "Failed" : status >= 400 ? "Refused" : "Done";
  return (
    <Badge tone={tone} hasDot>
      {status} {word}
    </Badge>
  );
}

const columns: readonly TableColumn<RequestItem>[] = [
  {
    id: "created_at",
    header: "Time",
    cell: (row) => <DateTime value={row.createdAt} precision="second" />,
    isFixed: true,
    skeleton: 130,
  },
  {
    id: "method",
    header: "Method",
    cell: (row) => <span className="font-mono text-xs">{row.method}</span>,
    skeleton: 32,
  },
  { id: "path", header: "Path", cell: (row) => <span className="font-mono text-xs">{row.path}</span>, isWide: true },
  { id: "status", header: "Status", cell: (row) => <Status status={row.status} /> },
  { id: "duration", header: "Time taken", cell: (row) => `${row.durationMs} ms`, isNumeric: true, skeleton: 40 },
  {
    id: "key",
    header: "API key",
    cell: (row) => row.apiKeyName ?? <Id value={row.apiKeyId} hasCopy={false} />,
    skeleton: 90,
  },
  { id: "partner", header: "Partner", cell: (row) => row.partnerName, isHiddenAtFirst: true },
  {
    id: "address",
    header: "From",
    cell: (row) => row.address ?? NONE,
    isHiddenAtFirst: true,
  },
  { id: "id", header: "Request id", cell: (row) => <Id value={row.id} />, skeleton: 110 },
];

export function RequestsList() {
  const control = useTableState(requestsTable);
  const [isLive, setLive] = useState(false);
  const trpc = useTRPC();
  const query = useQuery(
    trpc.developers.requests.queryOptions(requestsInput(control.state), {
      placeholderData: keepPreviousData,
      refetchInterval: isLive ? LIVE_MS : false,
    }),
  );
  return (
    <DataTable
      label="Requests"
      control={control}
      exportPath="/export/requests"
      columns={columns}
      query={tableQuery(query)}
      getRowId={(row) => row.id}
      searchPlaceholder="Request id or path"
      toolbarExtra={<LiveSwitch isLive={isLive} onChange={setLive} />}
      totals={totalWords(query.data?.total, "request", "requests")}
      phoneRow={(row) => ({
        primary: (
          <span className="font-mono text-xs">
            {row.method} {row.path}
          </span>
        ),
        aside: <Status status={row.status} />,
        secondary: row.apiKeyName ?? row.apiKeyId,
        asideSecondary: <DateTime value={row.createdAt} format="relative" />,
      })}
      peek={{
        title: (row) => (
          <span className="font-mono text-sm">
            {row.method} {row.path}
          </span>
        ),
        body: (row) => (
          <div className="grid gap-4">
            <DefinitionList
              items={[
                { term: "Status", value: <Status status={row.status} /> },
                { term: "Request id", value: <Id value={row.id} isFull /> },
                { term: "Time", value: <DateTime value={row.createdAt} precision="second" /> },
                { term: "Taken", value: `${row.durationMs} ms` },
                { term: "API key", value: row.apiKeyName ?? row.apiKeyId, hint: <Id value={row.apiKeyId} isFull /> },
                { term: "Partner", value: row.partnerName },
                { term: "From", value: row.address },
              ]}
            />
            {row.request === null ? null : <Message label="Request" value={row.request} />}
            {row.response === null ? null : <Message label="Response" value={row.response} />}
          </div>
        ),
      }}
      empty={
        <EmptyState
          icon={ScrollText}
          title="No requests yet"
          description="Each call with an API key stands here for 30 days, with what was sent and answered. Personal data and secrets are masked."
        />
      }
    />
  );
}

function Message({ label, value }: { label: string; value: unknown }) {
  return (
    <div className="grid gap-1">
      <p className="text-ink-3 text-xs">{label}, masked</p>
      <JsonView value={value} label={label} />
    </div>
  );
}
