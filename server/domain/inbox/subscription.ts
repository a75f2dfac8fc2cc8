import { randomUUID } from "node:crypto";
import { requirePermission, type ServiceContext, type Services, systemContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { klarnaIdempotencyKey, newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import { addMs, DAY_MS, HOUR_MS, MINUTE_MS } from "@/server/core/time";
import { appendAudit } from "@/server/domain/audit/service";
import { type NotificationApi, NotificationApiError, notificationApi } from "@/server/klarna/subscriptions";
import { signingKeyPlace } from "@/server/klarna/webhook-signature";
import * as repository from "./repository";
import type { RegisterKeyInput, RepairResult, SigningKeyItem, SubscriptionView } from "./schema";
import type { SubscriptionVerdict } from "./states";
import { EVENT_TYPES, EVENT_VERSION, planSubscription, type SubscriptionPlan, wantedFacts } from "./subscription-plan";

/*
 * Our subscription to Klarna's events, one webhook a mode, and the keys that sign it. Klarna is asked outside transactions;
 * what was done stands in the audit.
 */

/** Klarna sends an event again for up to 21 hours, so a key that signed it must be good for longer. Source: KNR-Q4. */
export const KEY_OVERLAP_MS = DAY_MS;
const LEASE_MS = 2 * MINUTE_MS;
/** Klarna forgets an idempotency key after 24 hours. */
const KEY_REQUEST_LIFE_MS = 23 * HOUR_MS;

export function receiverUrl(env: { PUBLIC_URL: string }): string {
  return `${env.PUBLIC_URL.replace(/\/$/, "")}/api/klarna/webhooks`;
}

type Looked = { plan: SubscriptionPlan; foreignKeys: SubscriptionView["foreignKeys"] };

async function look(ctx: ServiceContext, api: NotificationApi): Promise<Looked> {
  const [webhooks, klarnaKeys, keys] = await Promise.all([
    api.listWebhooks(),
    api.listKeys(),
    repository.findKeys(ctx.db, ctx.scope.mode),
  ]);
  const active = keys.filter((key) => key.state === "ACTIVE");
  const plan = planSubscription({ url: receiverUrl(ctx.env), webhooks, keys: active });
  const held = new Set(keys.map((key) => key.id));
  const used = new Set(webhooks.map((webhook) => webhook.signing_key_id));
  return {
    plan,
    foreignKeys: klarnaKeys.filter((key) => !held.has(key.id)).map((key) => ({ ...key, isUsed: used.has(key.id) })),
  };
}

async function note(
  ctx: ServiceContext,
  verdict: SubscriptionVerdict,
  plan: SubscriptionPlan | null,
  detail: string | null,
): Promise<void> {
  await repository.noteCheck(ctx.db, {
    mode: ctx.scope.mode,
    verdict,
    webhookId: plan?.ours?.webhookId ?? null,
    signingKeyId: plan?.ours?.signing_key_id ?? null,
    detail,
    at: ctx.clock.now(),
  });
}

/**
 * Asks Klarna what it holds and compares it with what we want, field by field. Changes nothing at Klarna. An unreachable
 * Klarna is an answer too (`verdict: UNREACHABLE`), not an error.
 *
 * Errors: permission_denied.
 */
export async function checkSubscription(ctx: ServiceContext): Promise<SubscriptionView> {
  requirePermission(ctx, "system:read");
  const { mode } = ctx.scope;
  const view = (parts: Partial<SubscriptionView>): SubscriptionView => ({
    mode,
    isConfigured: ctx.klarna.isConfigured(mode),
    verdict: "UNREACHABLE",
    problem: null,
    checkedAt: ctx.clock.now(),
    wanted: wantedFacts(receiverUrl(ctx.env), null),
    held: [],
    differences: [],
    foreignKeys: [],
    ...parts,
  });
  if (!ctx.klarna.isConfigured(mode)) return view({ verdict: "UNKNOWN", problem: "There are no credentials." });
  try {
    const { plan, foreignKeys } = await look(ctx, notificationApi(ctx.klarna, mode));
    const { verdict, wanted, held, differences } = plan;
    await note(ctx, verdict, plan, null);
    return view({ verdict, wanted, held, differences, foreignKeys });
  } catch (error) {
    if (!(error instanceof NotificationApiError)) throw error;
    await note(ctx, "UNREACHABLE", null, error.message);
    return view({ problem: error.message });
  }
}

/** What the last look at Klarna found, without asking it now. Errors: permission_denied. */
export async function getSubscriptionNote(ctx: ServiceContext): Promise<repository.SubscriptionNote> {
  requirePermission(ctx, "system:read");
  return repository.findCheck(ctx.db, ctx.scope.mode);
}

/** Klarna's refusal or silence as an error of the catalogue. */
function translated(error: unknown): unknown {
  if (!(error instanceof NotificationApiError)) return error;
  return new AppError(error.kind === "refused" ? "state_conflict" : "klarna_unavailable", {
    detail: error.message,
    cause: error,
  });
}

/** Only one at a time looks and repairs, so that two never make two webhooks. */
async function withLease<T>(ctx: ServiceContext, work: () => Promise<T>): Promise<T> {
  const now = ctx.clock.now();
  const until = addMs(now, LEASE_MS);
  if (!(await repository.takeLease(ctx.db, ctx.scope.mode, now, until)))
    throw new AppError("state_conflict", {
      detail: "The subscription is being repaired just now. Look again in a moment.",
    });
  try {
    return await work();
  } finally {
    await repository.endLease(ctx.db, ctx.scope.mode, until);
  }
}

/**
 * Makes Klarna send its events of this mode to us: creates key and webhook where there are none, puts right what differs
 * (address after a move, types, version, key, status), and removes webhooks at our address that can only disturb.
 *
 * Errors: permission_denied, state_conflict (Klarna refused, or a repair is under way), klarna_unavailable.
 */
export async function repairSubscription(ctx: ServiceContext): Promise<RepairResult> {
  requirePermission(ctx, "klarna_subscriptions:write");
  return withLease(ctx, () => repair(ctx)).catch((error: unknown) => {
    throw translated(error);
  });
}

async function repair(ctx: ServiceContext): Promise<RepairResult> {
  const { mode } = ctx.scope;
  const api = notificationApi(ctx.klarna, mode);
  let { plan } = await look(ctx, api);
  const changes: string[] = [];
  if (plan.signingKeyId === null) {
    const id = await makeKey(ctx, api);
    changes.push("signing key made");
    ({ plan } = await look(ctx, api));
    if (plan.signingKeyId !== id) ctx.log.warn({ mode }, "another signing key was made at the same time");
  }
  const signingKeyId = plan.signingKeyId;
  if (signingKeyId === null) throw new AppError("internal_error");
  for (const webhook of plan.held.filter((other) => other.relation === "surplus")) {
    await api.deleteWebhook(webhook.webhookId);
    changes.push("webhook removed");
    await audit(ctx, "klarna_webhook.deleted", webhook.webhookId, { before: facts(webhook) });
  }
  const wanted = {
    url: plan.wanted.url,
    event_types: [...EVENT_TYPES],
    event_version: EVENT_VERSION,
    signing_key_id: signingKeyId,
    status: "ENABLED",
  };
  let outcome: RepairResult["outcome"] = changes.length > 0 ? "repaired" : "kept";
  let webhookId = plan.ours?.webhookId ?? "";
  if (plan.ours === null) {
    webhookId = await api.createWebhook(wanted, randomUUID());
    outcome = "created";
    changes.push("webhook made");
    await audit(ctx, "klarna_webhook.created", webhookId, { after: wanted });
  } else if (plan.differences.length > 0) {
    const fields = new Set<string>(plan.differences.map((difference) => difference.field));
    const patch = Object.fromEntries(Object.entries(wanted).filter(([field]) => fields.has(field)));
    await api.updateWebhook(webhookId, patch, randomUUID());
    outcome = "repaired";
    changes.push(...plan.differences.map((difference) => `${difference.field} changed`));
    await audit(ctx, "klarna_webhook.repaired", webhookId, { before: facts(plan.ours), after: wanted });
  }
  await repository.noteCheck(ctx.db, {
    mode,
    verdict: "IN_ORDER",
    webhookId,
    signingKeyId,
    detail: null,
    at: ctx.clock.now(),
  });
  return { outcome, webhookId, signingKeyId, changes };
}

const facts = (webhook: SubscriptionPlan["held"][number]): Record<string, string> => ({
  url: webhook.url,
  event_types: webhook.event_types,
  event_version: webhook.event_version,
  signing_key_id: webhook.signing_key_id,
  status: webhook.status,
});

async function audit(
  ctx: ServiceContext,
  action: string,
  subjectId: string,
  change: { before?: unknown; after?: unknown },
): Promise<void> {
  await appendAudit(ctx.db, ctx, { action, subjectKind: action.split(".")[0] ?? "", subjectId, ...change });
}

/**
 * Has Klarna make a key and stores it, encrypted, before anything can be signed with it; keys made before get an end. The
 * intent is written first, so that a lost answer is asked for again with the same idempotency key.
 */
async function makeKey(ctx: ServiceContext, api: NotificationApi): Promise<string> {
  const now = ctx.clock.now();
  const { mode } = ctx.scope;
  const request = await repository.openKeyRequest(ctx.db, {
    mode,
    id: newId("operation"),
    now,
    notBefore: addMs(now, -KEY_REQUEST_LIFE_MS),
  });
  const key = await api.createKey(klarnaIdempotencyKey(request));
  await ctx.db.transaction(async (tx) => {
    const isNew = await repository.insertKey(tx, {
      id: key.id,
      mode,
      secret: ctx.secrets.seal(key.secret, signingKeyPlace({ id: key.id, mode })),
      source: "KLARNA",
      createdBy: ctx.actor.id,
      createdAt: now,
    });
    await repository.closeKeyRequest(tx, mode);
    if (!isNew) return;
    const leaving = await repository.planRetirement(tx, { mode, except: key.id, at: addMs(now, KEY_OVERLAP_MS) });
    await appendAudit(tx, ctx, {
      action: "klarna_signing_key.created",
      subjectKind: "klarna_signing_key",
      subjectId: key.id,
      after: { signing_key_id: key.id, mode, previous_keys: leaving.length },
    });
  });
  return key.id;
}

/**
 * Changes the key that signs Klarna's events: a new one is made and Klarna told to use it; the old one stays good for a day,
 * for events that Klarna sends again, and is retired after that.
 *
 * Errors: permission_denied, state_conflict, klarna_unavailable. Where Klarna could not be told to use the new key, the key
 * is kept and the next repair (every ten minutes) tells it.
 */
export async function rotateSigningKey(ctx: ServiceContext): Promise<RepairResult> {
  requirePermission(ctx, "klarna_subscriptions:write");
  return withLease(ctx, async () => {
    await makeKey(ctx, notificationApi(ctx.klarna, ctx.scope.mode));
    return repair(ctx);
  }).catch((error: unknown) => {
    throw translated(error);
  });
}

/** Lists the keys of this mode, those in use first. Never their secrets. Errors: permission_denied. */
export async function listSigningKeys(ctx: ServiceContext): Promise<SigningKeyItem[]> {
  requirePermission(ctx, "system:read");
  return repository.findKeys(ctx.db, ctx.scope.mode);
}

/**
 * Takes over a key that was made elsewhere, in Klarna's portal: events signed with it are accepted from then on (within two
 * seconds). Its id is Klarna's.
 *
 * Errors: permission_denied, validation_failed (the id is known already).
 */
export async function registerSigningKey(ctx: ServiceContext, input: RegisterKeyInput): Promise<void> {
  requirePermission(ctx, "klarna_subscriptions:write");
  const { mode } = ctx.scope;
  await ctx.db.transaction(async (tx) => {
    const isNew = await repository.insertKey(tx, {
      id: input.id,
      mode,
      secret: ctx.secrets.seal(input.secret, signingKeyPlace({ id: input.id, mode })),
      source: "HAND",
      createdBy: ctx.actor.id,
      createdAt: ctx.clock.now(),
    });
    if (!isNew)
      throw new AppError("validation_failed", { errors: [{ pointer: "/id", detail: "This key is known already." }] });
    await appendAudit(tx, ctx, {
      action: "klarna_signing_key.registered",
      subjectKind: "klarna_signing_key",
      subjectId: input.id,
      after: { signing_key_id: input.id, mode },
    });
  });
}

/**
 * Ends a key now: events signed with it are refused within a minute. The key that our webhook is signed with cannot be ended
 * so; it is rotated.
 *
 * Errors: permission_denied, not_found, state_conflict.
 */
export async function retireSigningKey(ctx: ServiceContext, id: string): Promise<void> {
  requirePermission(ctx, "klarna_subscriptions:write");
  const key = (await repository.findKeys(ctx.db, ctx.scope.mode)).find((candidate) => candidate.id === id);
  if (!key) throw new AppError("not_found");
  if (key.isCurrent)
    throw new AppError("state_conflict", { detail: "Klarna signs our events with this key. Rotate it instead." });
  await retire(ctx, id);
}

async function retire(ctx: ServiceContext, id: string): Promise<boolean> {
  return ctx.db.transaction(async (tx) => {
    const input = { mode: ctx.scope.mode, id, by: ctx.actor.id, now: ctx.clock.now() };
    if (!(await repository.retireKey(tx, input))) return false;
    await appendAudit(tx, ctx, {
      action: "klarna_signing_key.retired",
      subjectKind: "klarna_signing_key",
      subjectId: id,
      after: { signing_key_id: id, mode: ctx.scope.mode },
    });
    return true;
  });
}

/** Ends keys whose overlap is over, unless Klarna still signs anything with them, and removes them at Klarna. */
async function retireDueKeys(ctx: ServiceContext): Promise<void> {
  const now = ctx.clock.now();
  const due = (await repository.findKeys(ctx.db, ctx.scope.mode)).filter(
    (key) => key.state === "ACTIVE" && key.retireAt !== null && key.retireAt <= now,
  );
  if (due.length === 0) return;
  const api = notificationApi(ctx.klarna, ctx.scope.mode);
  const used = new Set((await api.listWebhooks()).map((webhook) => webhook.signing_key_id));
  for (const key of due.filter((candidate) => !used.has(candidate.id))) {
    if (!(await retire(ctx, key.id))) continue;
    await api.deleteKey(key.id).catch((error: unknown) => {
      ctx.log.warn({ error, mode: ctx.scope.mode }, "a retired signing key could not be removed at Klarna");
    });
  }
}

/**
 * The job's turn: keeps the subscription of one mode in order and ends old keys. A subscription that cannot be put right is
 * an alarm, which the next good turn clears. Answers what was done.
 */
export async function keepSubscription(services: Services, mode: Mode): Promise<RepairResult["outcome"]> {
  const ctx = systemContext(services, "keep-subscriptions", mode);
  const subject = `klarna-subscription-${mode}`;
  try {
    const result = await withLease(ctx, async () => {
      const repaired = await repair(ctx);
      await retireDueKeys(ctx);
      return repaired;
    });
    await ctx.db.query({
      text: "update alarms set cleared_at = $2, cleared_by = $3 where subject_id = $1 and kind = 'klarna_subscription' and cleared_at is null",
      values: [subject, ctx.clock.now(), ctx.actor.id],
    });
    return result.outcome;
  } catch (error) {
    if (!(error instanceof NotificationApiError)) throw error;
    await note(ctx, "UNREACHABLE", null, error.message);
    await ctx.db.query({
      text: `insert into alarms (id, kind, mode, subject_kind, subject_id, message, raised_at) values ($1,'klarna_subscription',$2,'klarna_subscription',$3,$4,$5)
        on conflict (kind, subject_id) where cleared_at is null do nothing`,
      values: [
        newId("alarm"),
        mode,
        subject,
        `Whether Klarna sends its events to us is not sure. ${error.message}`,
        ctx.clock.now(),
      ],
    });
    throw error;
  }
}
