import { createContext, type ServiceContext, type Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import { addMs, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { applyPartnerEvent } from "@/server/domain/partners/service";
import { applyPaymentEvent } from "@/server/domain/payments/service";
import {
  claimInboxEvents,
  type InboxEvent,
  type InboxMark,
  type InboxResult,
  inboxPlace,
  markInboxEvent,
} from "@/server/events/inbox";
import { webhooksProcessed } from "@/server/observability/metrics";

/* Works off what Klarna told us: each event to the module that it is about. */

const LEASE_MS = 30 * SECOND_MS;
const PARK_MS = 1 * SECOND_MS;
const PARK_ALARM_MS = HOUR_MS;
const PARK_END_MS = 3 * DAY_MS;
const FAULT_WAIT_MAX_MS = 5 * MINUTE_MS;

type Handler = (ctx: ServiceContext, event: InboxEvent, body: unknown) => Promise<InboxResult>;

/** Who acts on which types. What starts with none of these is kept and counted, and can be replayed once somebody does. */
const HANDLERS: readonly (readonly [prefix: string, handle: Handler])[] = [
  ["payment.request.state-change.", applyPaymentEvent],
  ["payment.transaction.", applyPaymentEvent],
  // The names beyond state-change.operational are not published: all of the family end in a read.
  ["partner.", applyPartnerEvent],
];

export type ProcessResult = { processed: number; parked: number };

/**
 * Works off waiting inbox events until none is due. Each is applied, ignored with a note, parked until what it is about is
 * known, or kept as failed; a fault in one does not hold up the others. Calls that an event makes necessary (the final
 * authorize, a cancel) are made here, so that the till does not wait for another hop.
 */
export async function processInbox(
  services: Services,
  options: { batch?: number; rounds?: number } = {},
): Promise<ProcessResult> {
  const result: ProcessResult = { processed: 0, parked: 0 };
  for (let round = 0; round < (options.rounds ?? 50); round += 1) {
    const now = services.clock.now();
    const events = await claimInboxEvents(services.db, {
      now,
      leaseUntil: addMs(now, LEASE_MS),
      limit: options.batch ?? 32,
    });
    if (events.length === 0) break;
    await Promise.all(
      events.map(async (event) => {
        const state = await handleEvent(services, event);
        if (state === "PARKED") result.parked += 1;
        else result.processed += 1;
      }),
    );
  }
  return result;
}

async function handleEvent(services: Services, event: InboxEvent): Promise<InboxMark["state"]> {
  // The inbox event is the request behind everything that it causes: audit and outbox name it.
  const ctx = createContext(services, {
    actor: { kind: "KLARNA", id: "klarna", name: "Klarna" },
    scope: { partners: "all", mode: event.mode },
    way: "WEBHOOK",
    requestId: event.id,
  });
  try {
    const handle = HANDLERS.find(([prefix]) => event.eventType.startsWith(prefix))?.[1];
    const result: InboxResult = handle
      ? await handle(ctx, event, openBody(ctx, event))
      : { state: "IGNORED", note: "nothing here acts on this type", paymentId: null };
    const mark = await judge(ctx, event, result, handle === undefined);
    await markInboxEvent(ctx.db, event.id, mark, ctx.clock.now());
    webhooksProcessed.inc({ result: handle === undefined ? "unhandled" : mark.state.toLowerCase() });
    await result.follow?.();
    return mark.state;
  } catch (error) {
    ctx.log.error(
      { error, event_id: event.eventId, event_type: event.eventType, attempts: event.attempts },
      "an event from Klarna could not be processed",
    );
    webhooksProcessed.inc({ result: "fault" });
    const now = ctx.clock.now();
    if (now.getTime() - event.waitsSince.getTime() >= PARK_ALARM_MS)
      await raise(
        ctx,
        event,
        "webhook_parked",
        "An event from Klarna cannot be processed. It is tried again and again.",
      ).catch((fault: unknown) => ctx.log.warn({ error: fault }, "an alarm about an event could not be raised"));
    const mark: InboxMark = {
      state: "PARKED",
      note: "processing failed",
      paymentId: null,
      isUnhandled: false,
      nextAttemptAt: addMs(now, Math.min(FAULT_WAIT_MAX_MS, event.attempts * 2 * SECOND_MS)),
    };
    // Where even this cannot be written, the lease that the claim wrote ends by itself.
    await markInboxEvent(ctx.db, event.id, mark, now).catch(() => undefined);
    return mark.state;
  }
}

/** The signed bytes were JSON when they were received. */
function openBody(ctx: ServiceContext, event: InboxEvent): unknown {
  return JSON.parse(ctx.secrets.unsealBytes(event.rawBody, inboxPlace(event)).toString("utf8"));
}

/** Parked until what it is about is known; after an hour a person is told, after three days it is set aside. */
async function judge(
  ctx: ServiceContext,
  event: InboxEvent,
  result: InboxResult,
  isUnhandled: boolean,
): Promise<InboxMark> {
  const now = ctx.clock.now();
  const { state, note, paymentId } = result;
  const age = now.getTime() - event.waitsSince.getTime();
  if (state === "FAILED") await raise(ctx, event, "webhook_failed", "An event from Klarna could not be understood.");
  if (state !== "PARKED") {
    if (event.attempts > 1) await clearParked(ctx, event);
    return { state, note, paymentId, isUnhandled, nextAttemptAt: null };
  }
  if (age >= PARK_END_MS)
    return { state: "FAILED", note: `${note}, for three days`, paymentId, isUnhandled, nextAttemptAt: null };
  if (age >= PARK_ALARM_MS)
    await raise(ctx, event, "webhook_parked", "An event from Klarna names a payment that is not known here.");
  const wait = age < MINUTE_MS ? PARK_MS : age < HOUR_MS ? 30 * SECOND_MS : 30 * MINUTE_MS;
  return { state, note, paymentId, isUnhandled, nextAttemptAt: addMs(now, wait) };
}

async function raise(ctx: ServiceContext, event: InboxEvent, kind: string, message: string): Promise<void> {
  await ctx.db.query({
    name: "inbox_alarm",
    text: `insert into alarms (id, kind, mode, subject_kind, subject_id, message, raised_at) values ($1,$2,$3,'inbox_event',$4,$5,$6)
      on conflict (kind, subject_id) where cleared_at is null do nothing`,
    values: [newId("alarm"), kind, event.mode, event.id, message, ctx.clock.now()],
  });
}

/** What was parked has found its payment after all: nobody needs to look any more. */
async function clearParked(ctx: ServiceContext, event: InboxEvent): Promise<void> {
  await ctx.db.query({
    name: "inbox_alarm_clear",
    text: "update alarms set cleared_at = $2, cleared_by = 'process-klarna-events' where subject_id = $1 and kind = 'webhook_parked' and cleared_at is null",
    values: [event.id, ctx.clock.now()],
  });
}
