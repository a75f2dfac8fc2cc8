"use client";

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Mode, ModeBadge } from "@/components/display/mode-badge";
import { absoluteWords } from "@/components/display/time-words";
import { describeError } from "@/components/error-state";
import { useOneRun } from "@/components/hooks";
import { Notice } from "@/components/notice";
import { useTRPC } from "@/components/trpc-provider";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select } from "@/components/ui/select";
import type { PartnerOption } from "../partner-options";
import { startReplayAction } from "./actions";
import type { EventTypeName } from "./filters";

export type ReplayStart = {
  endpoint?: { id: string; words: string; partner: string | null } | undefined;
  partner?: string | undefined;
  types?: readonly EventTypeName[];
  from?: string | undefined;
  to?: string | undefined;
};

const SPANS = [
  { label: "1 hour", minutes: 60 },
  { label: "24 hours", minutes: 1_440 },
  { label: "3 days", minutes: 4_320 },
  { label: "7 days", minutes: 10_080 },
] as const;
const COUNT = new Intl.NumberFormat("en");
const COUNTED_MAX = 100_000;
const UNANSWERED = "No answer came back. Look among the replays before trying again.";

/** `datetime-local` speaks the reader's zone. */
function toInput(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The instant of what was typed; undefined for nothing, null for what is no time. */
function fromInput(text: string): string | undefined | null {
  if (text === "") return undefined;
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

/** Which deliveries, how many they are now, and the button that sends them. */
export function ReplayForm({
  mode,
  partners,
  hasPartners,
  start,
  onCancel,
  onStarted,
}: {
  mode: Mode;
  partners: readonly PartnerOption[];
  hasPartners: boolean;
  start: ReplayStart;
  onCancel: () => void;
  onStarted: (message: string | undefined) => void;
}) {
  const trpc = useTRPC();
  const [partner, setPartner] = useState(start.partner ?? "");
  const [from, setFrom] = useState(start.from === undefined ? "" : toInput(new Date(start.from)));
  const [to, setTo] = useState(start.to === undefined ? "" : toInput(new Date(start.to)));
  const [isWithDelivered, setWithDelivered] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const { isRunning, run } = useOneRun();

  const [createdFrom, createdTo] = [fromInput(from), fromInput(to)];
  const isBackwards = createdFrom != null && createdTo != null && createdFrom > createdTo;
  const isPartnerMissing = start.endpoint === undefined && hasPartners && partner === "";
  const isReady = createdFrom !== null && createdTo !== null && !isBackwards && !isPartnerMissing;
  const input = {
    ...(start.endpoint === undefined ? {} : { endpoint: start.endpoint.id }),
    ...(start.endpoint !== undefined || partner === "" ? {} : { partner }),
    ...(createdFrom == null ? {} : { created_from: createdFrom }),
    ...(createdTo == null ? {} : { created_to: createdTo }),
    types: [...(start.types ?? [])],
    statuses: isWithDelivered ? (["failed", "delivered"] as const).slice() : (["failed"] as const).slice(),
  };
  const preview = useQuery(trpc.webhooks.replays.preview.queryOptions(input, { enabled: isReady, staleTime: 0 }));
  const found = isReady ? preview.data : undefined;
  const sendable = found === undefined ? 0 : found.count - found.held;

  async function send(): Promise<void> {
    setFailure(null);
    try {
      const result = await startReplayAction(input);
      if (result.ok) onStarted(result.message);
      else setFailure(result.message);
    } catch {
      setFailure(UNANSWERED);
    }
  }

  return (
    <form
      noValidate
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        if (sendable > 0 && !preview.isFetching) void run(send);
      }}
    >
      <dl className="grid gap-1 rounded-md border border-line bg-surface px-3 py-2">
        <Row term="Mode">
          <ModeBadge mode={mode} />
        </Row>
        {start.endpoint === undefined ? null : <Row term="Endpoint">{start.endpoint.words}</Row>}
        {start.endpoint?.partner == null ? null : <Row term="Partner">{start.endpoint.partner}</Row>}
        {start.types === undefined || start.types.length === 0 ? null : (
          <Row term="Event types">{start.types.join(", ")}</Row>
        )}
      </dl>
      {start.endpoint !== undefined || !hasPartners ? null : (
        <Field label="Partner" isRequired>
          {(control) =>
            partners.length === 0 ? (
              <Input
                {...control}
                placeholder="ptn_…"
                value={partner}
                onChange={(event) => setPartner(event.target.value.trim())}
              />
            ) : (
              <Select {...control} options={partners} value={partner} onValueChange={setPartner} placeholder="Whose" />
            )
          }
        </Field>
      )}
      <div className="grid gap-1.5">
        <div className="grid gap-3 sm:grid-cols-2">
          <Field label="Created since" hint="Empty: from the beginning">
            {(control) => (
              <Input
                {...control}
                type="datetime-local"
                value={from}
                onChange={(event) => setFrom(event.target.value)}
              />
            )}
          </Field>
          <Field label="Until" hint="Empty: until now" error={isBackwards ? "Ends before it starts." : undefined}>
            {(control) => (
              <Input {...control} type="datetime-local" value={to} onChange={(event) => setTo(event.target.value)} />
            )}
          </Field>
        </div>
        <fieldset className="flex flex-wrap gap-1">
          <legend className="sr-only">Since so long ago</legend>
          {SPANS.map(({ label, minutes }) => (
            <Button
              key={label}
              size="sm"
              variant="ghost"
              onClick={() => {
                setFrom(toInput(new Date(Date.now() - minutes * 60_000)));
                setTo("");
              }}
            >
              {label}
            </Button>
          ))}
          <Button
            size="sm"
            variant="ghost"
            onClick={() => {
              setFrom("");
              setTo("");
            }}
          >
            All
          </Button>
        </fieldset>
      </div>
      {/* biome-ignore lint/a11y/noLabelWithoutControl: the checkbox inside is a button, which a label may hold */}
      <label className="flex items-start gap-2 text-sm">
        <Checkbox
          className="mt-0.5"
          checked={isWithDelivered}
          onCheckedChange={(isChecked) => setWithDelivered(isChecked === true)}
        />
        <span>
          Also what arrived
          <span className="block text-ink-3 text-xs">For a receiver that lost what it had taken</span>
        </span>
      </label>
      <div aria-live="polite" className="min-h-9 text-sm">
        {isPartnerMissing ? (
          <p className="text-ink-2">Choose a Partner to see how many these are.</p>
        ) : !isReady ? null : preview.error !== null ? (
          <Notice tone="bad" title={describeError(preview.error).message} />
        ) : found === undefined || preview.isFetching ? (
          <p className="text-ink-2">Counting…</p>
        ) : (
          <p className={found.count === 0 ? "text-ink-2" : "font-medium"}>
            {foundWords(found.count)}
            {createdFrom == null ? "" : ` since ${absoluteWords(new Date(createdFrom), "minute")}`}.
            {found.held === 0 ? null : (
              <span className="block font-normal text-warn">
                {COUNT.format(found.held)} of them belong to endpoints that are switched off and are left out.
              </span>
            )}
          </p>
        )}
      </div>
      {failure === null ? null : <Notice tone="bad" title={failure} />}
      <div className="flex flex-wrap justify-end gap-2">
        <Button onClick={onCancel} disabled={isRunning}>
          Go back
        </Button>
        <Button type="submit" variant="primary" isBusy={isRunning} disabled={sendable === 0 || preview.isFetching}>
          {sendable === 0 ? "Send again" : `Send ${COUNT.format(sendable)} again`}
        </Button>
      </div>
    </form>
  );
}

function foundWords(count: number): string {
  if (count === 0) return "No delivery matches";
  if (count === 1) return "1 delivery matches";
  return `${count >= COUNTED_MAX ? `${COUNT.format(COUNTED_MAX)} or more` : COUNT.format(count)} deliveries match`;
}

function Row({ term, children }: { term: string; children: React.ReactNode }) {
  return (
    <div className="flex items-center justify-between gap-4 text-sm">
      <dt className="text-ink-3">{term}</dt>
      <dd className="min-w-0 break-all text-right">{children}</dd>
    </div>
  );
}
