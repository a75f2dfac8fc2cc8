import { createHash } from "node:crypto";
import type { Services } from "@/server/context";
import type { Database } from "@/server/db/client";
import { type WebhookSent, webhooksSent } from "@/server/observability/exchanges";
import { sendNotices } from "./notices";
import { type AttemptResult, type Claim, claimDue, findNextDueAt, recordAttempts, releaseClaims } from "./queue";
import { renderBody } from "./render";
import { nextAttemptAt, parseRetryAfter } from "./schedule";
import { openHeaders, openSecret } from "./secrets";
import { createSender, type Sender, type SendResult, WEBHOOK_TIMEOUT_MS } from "./send";
import { signatureHeaders } from "./signature";
import { type Resolve, urlPolicy } from "./url-guard";

/*
 * The sending side. Each endpoint has a lane of its own: at most `laneWidth` requests at a time, so that one that hangs or
 * fails holds up nobody else. Many that hang at once do neither: a request that takes long stops to count, and while too
 * many are under way each endpoint still gets one at a time. Deliveries are claimed and written down in batches across the
 * lanes. What is in flight when the process dies is sent again when its lease ends: at least once, with the same id.
 */

const LANE_WIDTH = 8;
/** Requests under way above which lanes are one request wide. */
const QUICK_MAX = 512;
/** A request that takes longer costs us little but its connection: it makes room for others, up to so many in all. */
const SLOW_AFTER_MS = 500;
const OPEN_MAX = 4_096;
const CLAIM_MAX = 256;
const LEASE_EXTRA_MS = 15_000;
/** Retries that are due sooner are sent by a timer of this process; later ones by the scheduled sweep. */
const TIMER_MAX_MS = 90_000;
const BUDGET_DEFAULT_MS = 10_000;

export type DrainResult = { sent: number; failed: number; nextDueAt: Date | null };
export type DelivererOptions = { timeoutMs?: number; laneWidth?: number; resolve?: Resolve; random?: () => number };
export type Deliverer = {
  /** Looks for due deliveries now and sends them. Does not wait. */
  wake(): void;
  /** Sends what is due until nothing is, or the budget is spent; what is then in flight goes on by itself. */
  drain(budgetMs?: number): Promise<DrainResult>;
  /** Starts nothing more, waits for what is in flight, cuts and gives back what has not ended, closes the connections. */
  stop(graceMs?: number): Promise<void>;
};

export function createDeliverer(services: Services, options: DelivererOptions = {}): Deliverer {
  const { db, clock, log } = services;
  const timeoutMs = options.timeoutMs ?? WEBHOOK_TIMEOUT_MS;
  const senders: Record<Claim["mode"], Sender> = {
    test: createSender(urlPolicy("test", services.env), { timeoutMs, resolve: options.resolve }),
    live: createSender(urlPolicy("live", services.env), { timeoutMs, resolve: options.resolve }),
  };
  const busy = new Map<string, number>();
  const started = new Set<Claim>();
  const timers = new Map<number, NodeJS.Timeout>();
  const totals = { sent: 0, failed: 0 };
  let inFlight = 0;
  let slow = 0;
  let isFull = false;
  let isStopped = false;
  let isCut = false;
  let pumping: Promise<void> | null = null;
  let isAskedAgain = false;
  let idleWaiters: Array<() => void> = [];
  let unrecorded: Array<{ result: AttemptResult; done: () => void }> = [];
  let isRecording = false;

  /** Claims and starts until no lane has both room and work. One at a time; a call while it runs makes it look again. */
  function pump(): Promise<void> {
    isAskedAgain = true;
    pumping ??= runPump().finally(() => {
      pumping = null;
      if (isAskedAgain && !isStopped) wake();
      announceIdle();
    });
    return pumping;
  }

  async function runPump(): Promise<void> {
    while (isAskedAgain && !isStopped) {
      isAskedAgain = false;
      const room = QUICK_MAX - (inFlight - slow);
      isFull = room <= 0;
      const limit = Math.min(CLAIM_MAX, OPEN_MAX - inFlight, isFull ? CLAIM_MAX : room);
      if (limit <= 0) return;
      const claims = await claimDue(db, {
        now: clock.now(),
        leaseMs: timeoutMs + LEASE_EXTRA_MS,
        limit,
        laneWidth: isFull ? 1 : (options.laneWidth ?? LANE_WIDTH),
        busy,
      });
      if (isStopped) {
        await releaseClaims(db, claims);
        return;
      }
      if (claims.length === limit) isAskedAgain = true;
      for (const claim of claims) start(claim);
    }
  }

  function start(claim: Claim): void {
    inFlight += 1;
    started.add(claim);
    busy.set(claim.endpointId, (busy.get(claim.endpointId) ?? 0) + 1);
    let isSlow = false;
    const slowTimer = setTimeout(() => {
      isSlow = true;
      slow += 1;
      if (isFull) wake();
    }, SLOW_AFTER_MS);
    attempt(claim)
      .finally(() => {
        // The endpoint is free once it has answered: writing that down need not hold its lane.
        const left = (busy.get(claim.endpointId) ?? 1) - 1;
        if (left > 0) busy.set(claim.endpointId, left);
        else busy.delete(claim.endpointId);
        wake();
      })
      .then(record)
      .catch((error: unknown) =>
        log.error(
          { error, deliveryId: claim.id },
          "a webhook could not be sent; its lease will end and it is tried again",
        ),
      )
      .finally(() => {
        clearTimeout(slowTimer);
        if (isSlow) slow -= 1;
        inFlight -= 1;
        started.delete(claim);
        wake();
      });
  }

  async function attempt(claim: Claim): Promise<AttemptResult> {
    const startedAt = clock.now();
    const owner = { id: claim.endpointId, partnerId: claim.partnerId };
    let result: SendResult;
    let bodyHash: Buffer | null = null;
    try {
      const body = renderBody(services, claim);
      if (webhooksSent.hasSubscribers) webhooksSent.publish({ body } satisfies WebhookSent);
      const secrets = [
        claim.secret,
        ...(claim.previousSecret && claim.previousSecretUntil && claim.previousSecretUntil > startedAt
          ? [claim.previousSecret]
          : []),
      ];
      const headers = {
        ...openHeaders(services.secrets, owner, claim.headersSecret),
        ...signatureHeaders({
          id: claim.eventId,
          at: startedAt,
          body,
          secrets: secrets.map((secret) => openSecret(services.secrets, owner, secret)),
        }),
      };
      bodyHash = createHash("sha256").update(body).digest();
      result = await senders[claim.mode].post({ url: claim.url, headers, body });
    } catch (error) {
      log.error({ error, deliveryId: claim.id, eventId: claim.eventId }, "a webhook could not be made");
      result = { outcome: "render_failed", status: null, answer: null, retryAfter: undefined, durationMs: 0 };
    }
    const now = clock.now();
    const isOver = result.outcome === "delivered" || result.outcome === "gone";
    return {
      claim,
      outcome: result.outcome,
      status: result.status,
      answer: result.answer,
      durationMs: result.durationMs,
      startedAt,
      url: result.outcome === "render_failed" || result.outcome === "address_refused" ? null : claim.url,
      bodyHash: result.outcome === "render_failed" || result.outcome === "address_refused" ? null : bodyHash,
      nextAttemptAt: isOver
        ? null
        : nextAttemptAt({
            now,
            attemptsMade: claim.attempts - claim.scheduleBase + 1,
            retryAfterMs: parseRetryAfter(result.retryAfter, now),
            random: options.random,
          }),
    };
  }

  /** Waits until the result is written. Results that come while a statement runs share the next one. */
  function record(result: AttemptResult): Promise<void> {
    // We hung up ourselves and gave the claim back: that is nobody's failure.
    if (isCut && result.outcome !== "delivered") return Promise.resolve();
    return new Promise((done) => {
      unrecorded.push({ result, done });
      if (!isRecording)
        flush().catch((error: unknown) => log.error({ error }, "results of webhooks could not be written"));
    });
  }

  async function flush(): Promise<void> {
    isRecording = true;
    while (unrecorded.length > 0) {
      const batch = unrecorded;
      unrecorded = [];
      try {
        const disabled = await recordAttempts(
          db,
          batch.map(({ result }) => result),
          clock.now(),
        );
        for (const endpointId of disabled) log.warn({ endpointId }, "a webhook endpoint was switched off");
        if (disabled.length > 0) await tellOwners();
        for (const { result } of batch) noteResult(result);
      } catch (error) {
        // Nothing is lost: the leases end and the deliveries are sent again with the same ids.
        log.error({ error, count: batch.length }, "results of webhooks could not be written");
      }
      for (const { done } of batch) done();
    }
    isRecording = false;
  }

  /** What fails here is due still: the sweep tells them. */
  async function tellOwners(): Promise<void> {
    await sendNotices(services).catch((error: unknown) =>
      log.error({ error }, "the owner of a webhook endpoint could not be told that it was switched off"),
    );
  }

  function noteResult(result: AttemptResult): void {
    if (result.outcome === "delivered") totals.sent += 1;
    else totals.failed += 1;
    if (!result.nextAttemptAt || isStopped) return;
    const delayMs = Math.max(0, result.nextAttemptAt.getTime() - clock.now().getTime());
    const slot = Math.ceil((Date.now() + delayMs) / 250);
    if (delayMs > TIMER_MAX_MS || timers.has(slot)) return;
    const timer = setTimeout(
      () => {
        timers.delete(slot);
        wake();
      },
      slot * 250 - Date.now(),
    );
    timer.unref();
    timers.set(slot, timer);
  }

  function wake(): void {
    if (isStopped) announceIdle();
    else pump().catch((error: unknown) => log.error({ error }, "due webhooks could not be claimed"));
  }

  function announceIdle(): void {
    if (inFlight > 0 || pumping) return;
    const waiters = idleWaiters;
    idleWaiters = [];
    for (const waiter of waiters) waiter();
  }

  function untilIdle(limitMs: number): Promise<void> {
    if (inFlight === 0 && !pumping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      idleWaiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  return {
    wake,
    drain: async (budgetMs = BUDGET_DEFAULT_MS) => {
      const before = { ...totals };
      await pump();
      await untilIdle(budgetMs);
      return {
        sent: totals.sent - before.sent,
        failed: totals.failed - before.failed,
        nextDueAt: await findNextDueAt(db, clock.now()),
      };
    },
    stop: async (graceMs = 10_000) => {
      isStopped = true;
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
      await untilIdle(graceMs);
      isCut = true;
      await releaseClaims(db, [...started]).catch((error: unknown) =>
        log.warn(
          { error, count: started.size },
          "claims of webhooks could not be given back; they run out by themselves",
        ),
      );
      await Promise.all([senders.test.close(), senders.live.close()]);
    },
  };
}

/** One for each database of a process: lanes and connections outlive the call that started them. */
const deliverers = new WeakMap<Database, Deliverer>();

function delivererOf(services: Services): Deliverer {
  const existing = deliverers.get(services.db);
  if (existing) return existing;
  const made = createDeliverer(services);
  deliverers.set(services.db, made);
  return made;
}

/**
 * Sends the deliveries that are due, for at most `budgetMs`; slow ones go on in this process after that.
 * Returns what was sent and failed meanwhile, and when the next one is due.
 */
export function deliverDue(services: Services, options: { budgetMs?: number } = {}): Promise<DrainResult> {
  return delivererOf(services).drain(options.budgetMs);
}

/** Starts sending what is due and returns at once. Nothing is lost if the process ends: the rows say what is owed. */
export function wakeDeliveries(services: Services): void {
  delivererOf(services).wake();
}

/**
 * For the shutdown of a process: lets requests in flight end, gives back what has not ended after `graceMs`, and closes.
 * Nothing is sent by this process afterwards, whoever asks.
 */
export async function stopDeliveries(services: Services, graceMs?: number): Promise<void> {
  await delivererOf(services).stop(graceMs);
}
