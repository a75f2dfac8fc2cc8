import type { PaymentTimelineEntry } from "@/app/(dashboard)/payments/_components/rows";
import { CopyButton } from "@/components/display/copy-button";
import { StatusBadge } from "@/components/display/status-badge";
import { statusWord } from "@/components/display/status-words";
import type { TimelineItem, TimelineMessage } from "@/components/timeline";
import { Badge, type Tone } from "@/components/ui/badge";

type Entry<Kind extends PaymentTimelineEntry["kind"]> = Extract<PaymentTimelineEntry, { kind: Kind }>;

const OPERATION_WORDS: Readonly<Record<string, string>> = {
  AUTHORIZE: "Authorize",
  FINAL_AUTHORIZE: "Final authorize",
  CANCEL_REQUEST: "Cancel payment request",
  CAPTURE: "Capture",
  REFUND: "Refund",
  VOID: "Void",
  LATE_VOID: "Void of a late approval",
  LATE_REFUND: "Refund of a late approval",
  UPDATE: "Change",
  REAUTHORIZE: "Renewal",
};

export function operationWord(kind: string): string {
  return OPERATION_WORDS[kind] ?? kind.toLowerCase().replaceAll("_", " ");
}

/** What a call is that goes to the classic interfaces; null of any other. */
function classicWord({ method, path }: { method: string; path: string }): string | null {
  const isRead = method === "GET";
  if (path.startsWith("/payments/v1/sessions"))
    return method === "DELETE" ? "Cancel of the session" : method === "POST" ? "Session" : "Look at the session";
  if (path.startsWith("/iss/")) return "Look at the session";
  return path.startsWith("/ordermanagement/") && isRead ? "Look at the order" : null;
}

const OUTCOMES: Readonly<Record<string, { word: string; tone: Tone }>> = {
  ANSWERED: { word: "Answered", tone: "good" },
  REFUSED: { word: "Refused", tone: "bad" },
  NO_ANSWER: { word: "No answer", tone: "warn" },
  NOT_SENT: { word: "Not sent", tone: "warn" },
};

const ACTION_WORDS: Readonly<Record<string, string>> = {
  "payment.created": "Payment created",
  "payment.pending": "Waiting for the customer",
  "payment.in_progress": "Customer started to pay",
  "payment.finalizing": "Customer has paid, finalizing",
  "payment.authorized": "Payment authorized",
  "payment.completed": "Payment completed",
  "payment.declined": "Payment declined",
  "payment.canceled": "Payment canceled",
  "payment.expired": "Payment expired",
  "payment.failed": "Payment failed",
  "payment.voided": "Payment voided",
  "payment.cancel_requested": "Cancel asked for",
  "payment.expiry_requested": "Time ran out, canceling at Klarna",
  "payment.late_approval_found": "Approval found after the end",
  "payment.late_approval_undone": "Late approval undone",
  "payment.void_refused": "Void refused by Klarna",
  "payment.void_requested": "Void asked for",
  "payment.updated": "Payment changed",
  "payment.update_requested": "Change asked for",
  "payment.update_refused": "Change refused by Klarna",
  "payment.authorization_expired": "Authorization ended",
  "payment.reauthorize_requested": "Renewal asked for",
  "payment.reauthorized": "Authorization renewed",
  "payment.reauthorize_refused": "Renewal refused by Klarna",
  "payment.authorization_ending": "Authorization ends soon",
  "capture.requested": "Capture asked for",
  "capture.succeeded": "Captured",
  "capture.failed": "Capture failed",
  "refund.requested": "Refund asked for",
  "refund.succeeded": "Refund succeeded",
  "refund.failed": "Refund failed",
};

const ACTION_TONES: Readonly<Record<string, Tone>> = {
  completed: "good",
  authorized: "good",
  succeeded: "good",
  declined: "bad",
  failed: "bad",
  pending: "info",
  in_progress: "info",
};

function actionWord(action: string): string {
  const known = ACTION_WORDS[action];
  if (known !== undefined) return known;
  const text = action.replaceAll("_", " ").replace(".", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const WAYS: Readonly<Record<string, string>> = {
  API: "API",
  SCREEN: "dashboard",
  JOB: "background job",
  WEBHOOK: "webhook",
};
const ACTORS: Readonly<Record<string, string>> = { KLARNA: "Klarna", SYSTEM: "Tillgate" };

/** Newest first: on an open screen what just happened stands at the top. */
export function timelineItems(entries: readonly PaymentTimelineEntry[]): TimelineItem[] {
  return entries.map(toItem).reverse();
}

function toItem(entry: PaymentTimelineEntry): TimelineItem {
  switch (entry.kind) {
    case "audit":
      return auditItem(entry);
    case "call":
      return callItem(entry);
    case "klarna_event":
      return klarnaEventItem(entry);
    case "event":
      return eventItem(entry);
  }
}

function auditItem(entry: Entry<"audit">): TimelineItem {
  return {
    id: entry.id,
    at: entry.at,
    title: actionWord(entry.action),
    tone: ACTION_TONES[entry.action.split(".").at(-1) ?? ""] ?? "neutral",
    actor: entry.actorName ?? ACTORS[entry.actorKind] ?? entry.actorId,
    via: WAYS[entry.way] ?? entry.way.toLowerCase(),
    messages: messages([
      ["Before", entry.before],
      ["After", entry.after],
      ["Request", entry.requestId === null ? null : { request_id: entry.requestId }],
    ]),
  };
}

function callItem(entry: Entry<"call">): TimelineItem {
  const outcome = OUTCOMES[entry.outcome] ?? { word: entry.outcome.toLowerCase(), tone: "neutral" as const };
  return {
    id: entry.id,
    at: entry.at,
    tone: outcome.tone,
    title: `${classicWord(entry) ?? operationWord(entry.operation)} at Klarna`,
    aside: (
      <Badge tone={outcome.tone}>
        {entry.httpStatus === null ? outcome.word : `${outcome.word} ${entry.httpStatus}`}
      </Badge>
    ),
    actor: "Tillgate",
    via: `call ${entry.attempt} · ${entry.durationMs.toLocaleString("en")} ms`,
    ...(entry.errorId === null
      ? {}
      : {
          description: (
            <span className="inline-flex items-center gap-1 text-xs">
              Klarna’s error id <span className="font-mono">{entry.errorId}</span>
              <CopyButton text={entry.errorId} label="Copy Klarna’s error id" />
            </span>
          ),
        }),
    messages: messages([
      [`Sent: ${entry.method} ${entry.path}`, entry.request],
      ["Answered", entry.response],
      ["Call", { idempotency_key: entry.idempotencyKey, correlation_id: entry.correlationId, error_id: entry.errorId }],
    ]),
  };
}

function klarnaEventItem(entry: Entry<"klarna_event">): TimelineItem {
  return {
    id: entry.id,
    at: entry.at,
    tone: statusWord("inbox", entry.state).tone,
    title: <span className="break-all font-mono text-xs">{entry.eventType}</span>,
    aside: <StatusBadge kind="inbox" status={entry.state} />,
    actor: "Klarna",
    via: "webhook",
    ...(entry.note === null ? {} : { description: `${entry.note.charAt(0).toUpperCase()}${entry.note.slice(1)}.` }),
    messages: messages([
      [
        "Event",
        { occurred_at: entry.occurredAt.toISOString(), received_at: entry.at.toISOString(), state: entry.state },
      ],
    ]),
  };
}

function eventItem(entry: Entry<"event">): TimelineItem {
  return {
    id: entry.id,
    at: entry.at,
    tone: "accent",
    title: (
      <>
        {entry.deliveries.length === 0 ? "Event " : "Told the Partner "}
        <span className="font-mono text-xs">{entry.type}</span>
      </>
    ),
    actor: "Tillgate",
    ...(entry.deliveries.length === 0 ? {} : { via: "Partner webhook" }),
    description:
      entry.deliveries.length === 0 ? (
        <span className="text-ink-3">No endpoint is subscribed.</span>
      ) : (
        <ul className="grid gap-1">
          {entry.deliveries.map((delivery) => (
            <li key={delivery.id} className="flex min-w-0 flex-wrap items-center gap-x-2">
              <StatusBadge kind="delivery" status={delivery.state} />
              <span className="min-w-0 break-all font-mono text-ink-3 text-xs">{delivery.url}</span>
              {delivery.attempts > 1 ? <span className="text-ink-3 text-xs">{delivery.attempts} attempts</span> : null}
            </li>
          ))}
        </ul>
      ),
    messages: messages([["Event", entry.payload]]),
  };
}

function messages(pairs: ReadonlyArray<readonly [label: string, value: unknown]>): TimelineMessage[] {
  return pairs.filter(([, value]) => value !== null && value !== undefined).map(([label, value]) => ({ label, value }));
}
