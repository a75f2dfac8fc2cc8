"use client";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { ConfirmAction } from "@/components/confirm-action";
import { describeError, ErrorState } from "@/components/error-state";
import { Notice } from "@/components/notice";
import { useTRPC } from "@/components/trpc-provider";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { Skeleton } from "@/components/ui/skeleton";
import type { ImportRecord } from "@/server/domain/imports/schema";
import type { ImportKind } from "@/server/domain/imports/states";
import { ColumnsForm } from "./columns-form";
import { ImportRows } from "./import-rows";

const RUNNING_MS = 1_000;
const COUNT = new Intl.NumberFormat("en");
const NOUNS: Readonly<Record<ImportKind, readonly [one: string, many: string]>> = {
  PARTNERS: ["Partner", "Partners"],
  STORES: ["store", "stores"],
  TERMINALS: ["terminal", "terminals"],
};
const counted = (kind: ImportKind, count: number): string =>
  `${COUNT.format(count)} ${NOUNS[kind][count === 1 ? 0 : 1]}`;

/** One import from its columns to its result. `onChange` is called when it starts, and again when it is over. */
export function ImportSteps({ id, onChange }: { id: string; onChange?: (() => void) | undefined }) {
  const trpc = useTRPC();
  const client = useQueryClient();
  const query = useQuery(
    trpc.imports.get.queryOptions(
      { id },
      { refetchInterval: ({ state }) => (state.data?.state === "RUNNING" ? RUNNING_MS : false), staleTime: 0 },
    ),
  );
  const record = query.data;
  const state = record?.state;
  const before = useRef(state);
  useEffect(() => {
    if (before.current === "RUNNING" && state !== undefined && state !== "RUNNING") {
      void client.invalidateQueries({ queryKey: trpc.imports.rows.queryKey() });
      onChange?.();
    }
    before.current = state;
  }, [client, onChange, state, trpc]);
  if (query.error && record === undefined)
    return <ErrorState {...describeError(query.error)} onRetry={() => void query.refetch()} />;
  if (record === undefined) return <Skeleton className="h-40 w-full" />;
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] gap-4">
      <Stage record={record} onChange={onChange} />
      <ImportRows key={record.state} record={record} />
    </div>
  );
}

function Stage({ record, onChange }: { record: ImportRecord; onChange: (() => void) | undefined }) {
  const [isMapping, setMapping] = useState(false);
  switch (record.state) {
    case "UPLOADED":
      return (
        <Panel title="Columns" description="Which column of the file is what." actions={<Cancel record={record} />}>
          <ColumnsForm record={record} onChecked={() => setMapping(false)} />
        </Panel>
      );
    case "CHECKED":
      if (isMapping)
        return (
          <Panel
            title="Columns"
            description="Which column of the file is what."
            actions={<Button onClick={() => setMapping(false)}>Go back</Button>}
          >
            <ColumnsForm record={record} onChecked={() => setMapping(false)} />
          </Panel>
        );
      return <Ready record={record} onChange={onChange} onMap={() => setMapping(true)} />;
    case "RUNNING":
      return <Running record={record} />;
    default:
      return <Result record={record} />;
  }
}

/** What the rows would do, and the button that does it. */
function Ready({
  record,
  onChange,
  onMap,
}: {
  record: ImportRecord;
  onChange: (() => void) | undefined;
  onMap: () => void;
}) {
  const trpc = useTRPC();
  const client = useQueryClient();
  const start = useMutation(
    trpc.imports.start.mutationOptions({
      onSuccess: (started) => {
        client.setQueryData(trpc.imports.get.queryKey({ id: record.id }), started);
        onChange?.();
      },
    }),
  );
  const { create, update, none } = record.actions;
  return (
    <Panel
      title="Checked"
      description="Nothing is made yet."
      actions={
        <>
          <Cancel record={record} />
          <Button onClick={onMap}>Change columns</Button>
        </>
      }
    >
      <div className="grid gap-3">
        <dl className="grid grid-cols-2 gap-3 sm:grid-cols-4">
          <Figure term="New" value={create} />
          <Figure term="Changed" value={update} />
          <Figure term="As they are" value={none} />
          <Figure term="With errors" value={record.invalidCount} isBad={record.invalidCount > 0} />
        </dl>
        {record.invalidCount > 0 ? (
          <Notice
            tone="warn"
            title={`${COUNT.format(record.invalidCount)} of ${COUNT.format(record.rowCount)} rows have errors and are left out`}
          >
            Correct the file and upload it anew, or go on without them: rows that are registered by then change nothing
            the second time.
          </Notice>
        ) : null}
        {start.error ? <Notice tone="bad" title={describeError(start.error).message} /> : null}
        <div className="flex flex-wrap items-center justify-between gap-3">
          <p className="text-ink-2 text-sm">{consequence(record)}</p>
          <Button
            variant="primary"
            disabled={record.validCount === 0}
            isBusy={start.isPending}
            onClick={() => start.mutate({ id: record.id })}
          >
            Import {counted(record.kind, record.validCount)}
          </Button>
        </div>
      </div>
    </Panel>
  );
}

function consequence(record: ImportRecord): string {
  if (record.kind === "PARTNERS") return "Each row becomes a draft. Klarna hears nothing before a draft is approved.";
  if (record.isDraft) return "They become part of the draft. Klarna hears of them once it is approved.";
  return record.kind === "STORES"
    ? "Klarna is told of new and changed stores in the background."
    : "Terminals can be used at once. Klarna only hears their references, with payments.";
}

function Figure({ term, value, isBad = false }: { term: string; value: number; isBad?: boolean }) {
  return (
    <div>
      <dt className="text-ink-3 text-xs">{term}</dt>
      <dd className={isBad ? "font-semibold text-bad text-xl tabular-nums" : "font-semibold text-xl tabular-nums"}>
        {COUNT.format(value)}
      </dd>
    </div>
  );
}

function Running({ record }: { record: ImportRecord }) {
  const settled = record.doneCount + record.failedCount;
  return (
    <Panel title="Running" actions={<Cancel record={record} />}>
      <div className="grid gap-2">
        <progress
          aria-label="Rows that are done"
          value={settled}
          max={Math.max(1, record.validCount)}
          className="h-2 w-full overflow-hidden rounded-sm accent-accent"
        />
        <p aria-live="polite" className="text-ink-2 text-sm tabular-nums">
          {COUNT.format(settled)} of {COUNT.format(record.validCount)} rows. You may leave this page: it goes on.
        </p>
      </div>
    </Panel>
  );
}

function Result({ record }: { record: ImportRecord }) {
  const lacking = record.invalidCount + record.failedCount;
  const done = `${counted(record.kind, record.doneCount)} done`;
  if (record.state === "DONE" && lacking === 0)
    return <Notice tone="good" title={`${done}. The whole file is imported.`} />;
  if (record.state === "DONE")
    return (
      <Notice tone="warn" title={`${done}, ${COUNT.format(lacking)} ${lacking === 1 ? "row" : "rows"} left out`}>
        Take the rows with errors away as a file, correct them, and upload that file.
      </Notice>
    );
  if (record.state === "CANCELED") return <Notice title={`Canceled. ${done} before, and they stay.`} />;
  return (
    <Notice tone="bad" title={`Stopped: ${record.error ?? "it could not go on."}`}>
      {done}; they stay.
    </Notice>
  );
}

function Cancel({ record }: { record: ImportRecord }) {
  const trpc = useTRPC();
  const client = useQueryClient();
  const cancel = useMutation(trpc.imports.cancel.mutationOptions());
  return (
    <ConfirmAction
      label="Cancel import"
      variant="ghost"
      title="Cancel this import?"
      verb="Cancel import"
      consequence={
        record.state === "RUNNING"
          ? "Rows that are done stay. The rest is not imported."
          : "Nothing has been made from this file."
      }
      onConfirm={async () => {
        try {
          const canceled = await cancel.mutateAsync({ id: record.id });
          client.setQueryData(trpc.imports.get.queryKey({ id: record.id }), canceled);
          return undefined;
        } catch (error) {
          const { message, requestId } = describeError(error);
          return { ok: false as const, code: "failed", message, requestId };
        }
      }}
    />
  );
}
