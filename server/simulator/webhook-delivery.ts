import { createHmac } from "node:crypto";
import { Agent, request as send } from "undici";
import { z } from "zod";
import { SimulatedError } from "./errors";
import { iso, newUuid } from "./ids";
import { type Delivery, WEBHOOK_RETRY_STEPS_MS, type Webhook } from "./model";
import { parseBody } from "./requests";
import { spoil, takeFault, triggerOf } from "./scenarios";
import { nowFor, type SimulatedEvent, type Simulator } from "./simulator";

/** The way of an event to its webhooks: signature, faults on the way, order, Klarna's retry steps. */

const COMPLETED_EVENT = "payment.request.state-change.completed";
const IN_PROGRESS_EVENT = "payment.request.state-change.in-progress";
const ACCEPTED_STATUSES: ReadonlySet<number> = new Set([200, 201, 202, 204]);
const SWEEP_EVERY_MS = 50;
const FINISHED_KEPT_MAX = 20_000;
const OUT_OF_ORDER_DELAY_MS = 300;
/** How long the next event of a subject waits for the first attempt of the one before. */
const ORDER_PATIENCE_MS = 1_000;

export function signatureOf(body: string, signingKey: string): string {
  return createHmac("sha256", signingKey).update(body, "utf8").digest("hex");
}

export function doesTypeMatch(pattern: string, type: string): boolean {
  if (pattern === "*" || pattern === type) return true;
  const star = pattern.indexOf("*");
  if (star < 0) return false;
  const expression = pattern
    .split("*")
    .map((part) => part.replace(/[.+?^${}()|[\]\\-]/g, "\\$&"))
    .join(".*");
  return new RegExp(`^${expression}$`).test(type);
}

type Plan = {
  count: number;
  delayMs: number;
  isLost: boolean;
  isFirstAttemptLost: boolean;
  isBadlySigned: boolean;
  heldFor: string | null;
  /** What is wrong with the body. */
  spoil: "malformed" | "unknown_word" | "odd_form" | null;
};

const UNDISTURBED: Readonly<Plan> = {
  count: 1,
  delayMs: 0,
  isLost: false,
  isFirstAttemptLost: false,
  isBadlySigned: false,
  heldFor: null,
  spoil: null,
};

/** What the amount and the armed faults do to an event on its way. */
function planOf(sim: Simulator, event: SimulatedEvent): Plan {
  const plan: Plan = { ...UNDISTURBED };
  const trigger = event.facts.amount === undefined ? null : triggerOf(sim, event.account, event.facts.amount);
  if (trigger === "05" && event.type === COMPLETED_EVENT) plan.isFirstAttemptLost = true;
  if (trigger === "06" && event.type === COMPLETED_EVENT) plan.count = 2;
  if (trigger === "07" && event.type === IN_PROGRESS_EVENT) plan.heldFor = COMPLETED_EVENT;
  const fault = takeFault(sim, "webhook", event.account.account_id, { ...event.facts, event_type: event.type });
  switch (fault?.kind) {
    case "lost":
      plan.isLost = true;
      break;
    case "doubled":
      plan.count = 2;
      break;
    case "late":
      plan.delayMs = fault.delay_ms ?? 5_000;
      break;
    case "out_of_order":
      plan.heldFor = COMPLETED_EVENT;
      break;
    case "malformed":
    case "unknown_word":
    case "odd_form":
      plan.spoil = fault.kind;
      break;
    case "bad_signature":
      plan.isBadlySigned = true;
      break;
    default:
      break;
  }
  return plan;
}

export type WebhookSender = ReturnType<typeof createWebhookSender>;

export function createWebhookSender(sim: Simulator) {
  const agent = new Agent({
    connections: 32,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    connect: { timeout: 10_000 },
  });
  /** Deliveries that wait for their time, by id. */
  const waiting = new Set<string>();
  /** The first attempt of the latest event of a subject: the next event lets it go first. */
  const firstAttempts = new Map<string, Promise<void>>();
  const finished: string[] = [];
  const running = new Set<Promise<void>>();
  let isClosed = false;

  function finish(delivery: Delivery, status: Delivery["status"]): void {
    delivery.status = status;
    delivery.next_attempt_at = null;
    sim.state.deliveries.put(delivery);
    finished.push(delivery.delivery_id);
    if (finished.length > FINISHED_KEPT_MAX) {
      const oldest = finished.shift();
      const kept = oldest === undefined ? undefined : sim.state.deliveries.get(oldest);
      if (kept !== undefined && kept.status !== "PENDING") sim.state.deliveries.remove(kept.delivery_id);
    }
    if (status === "DELIVERED") releaseHeld(delivery);
  }

  function releaseHeld(delivered: Delivery): void {
    for (const id of waiting) {
      const held = sim.state.deliveries.get(id);
      if (held === undefined || held.held_for !== delivered.event_type) continue;
      if (held.subject_id !== delivered.subject_id || held.webhook_id !== delivered.webhook_id) continue;
      held.held_for = null;
      held.next_attempt_at = nowFor(sim, sim.state.accounts.get(held.account_id)) + OUT_OF_ORDER_DELAY_MS;
      sim.state.deliveries.put(held);
    }
  }

  async function post(webhook: Webhook, delivery: Delivery): Promise<number> {
    const key = sim.state.signingKeys.get(webhook.signing_key_id);
    const secret = delivery.is_badly_signed ? "not the signing key" : (key?.signing_key ?? "");
    const timeoutMs = sim.settings().webhook_timeout_ms;
    const answer = await send(webhook.url, {
      method: "POST",
      dispatcher: agent,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      headers: {
        "content-type": "application/json",
        "user-agent": "simulator-notifications/1",
        "klarna-signature": signatureOf(delivery.body, secret),
        "klarna-signing-key-id": webhook.signing_key_id,
      },
      body: delivery.body,
    });
    await answer.body.dump();
    return answer.statusCode;
  }

  async function attempt(delivery: Delivery): Promise<void> {
    const webhook = sim.state.webhooks.get(delivery.webhook_id);
    const account = sim.state.accounts.get(delivery.account_id);
    const at = nowFor(sim, account);
    if (webhook === undefined || webhook.status === "DISABLED") {
      delivery.attempts.push({ at, status: null, error: "the webhook is disabled or deleted", duration_ms: 0 });
      finish(delivery, "FAILED");
      return;
    }
    const startedAt = performance.now();
    let status: number | null = null;
    let error: string | null = null;
    if (delivery.is_first_attempt_lost && delivery.attempts.length === 0) {
      error = "lost on the way, as asked";
    } else {
      try {
        status = await post(webhook, delivery);
      } catch (cause) {
        error = cause instanceof Error ? cause.message : String(cause);
      }
    }
    if (isClosed) return;
    delivery.attempts.push({ at, status, error, duration_ms: Math.round((performance.now() - startedAt) * 10) / 10 });
    if (status !== null && ACCEPTED_STATUSES.has(status)) {
      finish(delivery, "DELIVERED");
      return;
    }
    const step = WEBHOOK_RETRY_STEPS_MS[delivery.attempts.length - 1];
    if (step === undefined) {
      finish(delivery, "FAILED");
      return;
    }
    delivery.next_attempt_at = nowFor(sim, account) + step;
    sim.state.deliveries.put(delivery);
    waiting.add(delivery.delivery_id);
  }

  function track(work: Promise<void>): Promise<void> {
    const settled = work.catch(() => undefined);
    running.add(settled);
    void settled.then(() => running.delete(settled));
    return settled;
  }

  /** Sends when the change is on disk and the event before it of the same subject had its first chance. */
  function sendFirst(delivery: Delivery): void {
    const lane = `${delivery.webhook_id} ${delivery.subject_id}`;
    const before = firstAttempts.get(lane);
    const work = track(
      (async () => {
        await sim.state.durable();
        if (before !== undefined) {
          let timer: NodeJS.Timeout | undefined;
          await Promise.race([before, new Promise((resolve) => (timer = setTimeout(resolve, ORDER_PATIENCE_MS)))]);
          clearTimeout(timer);
        }
        await attempt(delivery);
      })(),
    );
    firstAttempts.set(lane, work);
    void work.then(() => {
      if (firstAttempts.get(lane) === work) firstAttempts.delete(lane);
    });
  }

  function createDelivery(webhook: Webhook, event: SimulatedEvent, eventId: string, plan: Plan): Delivery {
    const now = nowFor(sim, event.account);
    const accountId = event.account.account_id;
    // Dispute events are of version 1 whatever was asked for, and repeat three fields at the top.
    const isDispute = event.type.startsWith("payment.dispute.");
    const version = isDispute ? "v1" : webhook.event_version;
    const text = JSON.stringify({
      ...(isDispute ? { event_type: event.type, event_id: eventId, occurred_at: iso(now) } : {}),
      metadata: {
        event_type: event.type,
        event_id: eventId,
        event_version: version,
        occurred_at: iso(now),
        correlation_id: newUuid(),
        ...(version === "v1" ? { account_id: accountId } : {}),
        ...(isDispute ? { merchant_id: accountId } : {}),
        ...(version === "v1" && !isDispute
          ? {}
          : { subject_account_id: accountId, recipient_account_id: sim.settings().acquirer_account_id }),
        ...(event.isAccountWide === true ? {} : { product_instance_id: event.account.product_instance_id }),
        webhook_id: webhook.webhook_id,
        live: accountId.includes(":live:"),
      },
      payload: event.payload,
    });
    const body = plan.spoil === null ? text : spoil(text, plan.spoil);
    return {
      delivery_id: newUuid(),
      webhook_id: webhook.webhook_id,
      event_id: eventId,
      event_type: event.type,
      account_id: accountId,
      subject_id: event.subjectId,
      payment_request_reference: event.facts.payment_request_reference ?? null,
      body,
      status: "PENDING",
      attempts: [],
      next_attempt_at: now + plan.delayMs,
      is_badly_signed: plan.isBadlySigned,
      is_first_attempt_lost: plan.isFirstAttemptLost,
      held_for: plan.heldFor,
      created_at: now,
    };
  }

  function emit(event: SimulatedEvent): void {
    if (sim.state.webhooks.size === 0) return;
    const plan = planOf(sim, event);
    const eventId = newUuid();
    for (const webhook of sim.state.webhooks.values()) {
      if (webhook.status === "DISABLED") continue;
      if (!webhook.event_types.some((pattern) => doesTypeMatch(pattern, event.type))) continue;
      for (let copy = 0; copy < plan.count; copy += 1) {
        const delivery = createDelivery(webhook, event, eventId, plan);
        sim.state.deliveries.put(delivery);
        if (plan.isLost) finish(delivery, "LOST");
        else if (plan.delayMs > 0 || plan.heldFor !== null) waiting.add(delivery.delivery_id);
        else sendFirst(delivery);
      }
    }
  }

  /** Sends everything whose time has come on its account's clock. */
  function sweep(): void {
    for (const id of waiting) {
      const delivery = sim.state.deliveries.get(id);
      if (delivery === undefined || delivery.status !== "PENDING") {
        waiting.delete(id);
        continue;
      }
      if (delivery.held_for !== null) continue;
      const now = nowFor(sim, sim.state.accounts.get(delivery.account_id));
      if ((delivery.next_attempt_at ?? 0) > now) continue;
      waiting.delete(id);
      void track(attempt(delivery));
    }
  }

  for (const delivery of sim.state.deliveries.values()) {
    if (delivery.status === "PENDING") waiting.add(delivery.delivery_id);
    else finished.push(delivery.delivery_id);
  }
  const timer = setInterval(sweep, SWEEP_EVERY_MS);
  timer.unref();
  sim.emit = emit;

  return {
    sweep,
    /** Sends a delivery again now, whatever became of it. */
    redeliver(delivery: Delivery): void {
      delivery.status = "PENDING";
      delivery.held_for = null;
      delivery.is_badly_signed = false;
      delivery.is_first_attempt_lost = false;
      delivery.next_attempt_at = nowFor(sim, sim.state.accounts.get(delivery.account_id));
      sim.state.deliveries.put(delivery);
      waiting.delete(delivery.delivery_id);
      void track(attempt(delivery));
    },
    /** Sends a sample of an event type to one webhook. */
    simulate(webhook: Webhook, body: unknown): string {
      const input = parseBody(z.looseObject({ event_type: z.string(), event_version: z.string().optional() }), body);
      const account = sim.state.accounts.values().next().value;
      if (account === undefined)
        throw new SimulatedError("OPERATION_FORBIDDEN", "There is no account to take a sample of.");
      const eventId = newUuid();
      const delivery = createDelivery(
        webhook,
        {
          account,
          type: input.event_type,
          subjectId: `sample:${eventId}`,
          payload: { sample: true, state: "SAMPLE" },
          facts: {},
        },
        eventId,
        UNDISTURBED,
      );
      sim.state.deliveries.put(delivery);
      sendFirst(delivery);
      return eventId;
    },
    clear(): void {
      waiting.clear();
      finished.length = 0;
    },
    /** Resolves when nothing is on its way; what waits for a retry stays waiting. */
    async idle(): Promise<void> {
      while (running.size > 0) await Promise.all(running);
    },
    async close(): Promise<void> {
      isClosed = true;
      clearInterval(timer);
      await agent.destroy();
    },
  };
}
