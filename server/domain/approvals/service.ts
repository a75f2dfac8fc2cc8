import { actorCan, resolveRole } from "@/server/auth/permissions";
import { requirePermission, type ServiceContext, type Services } from "@/server/context";
import { AppError, isAppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { decodeCursor, LIST_TOTAL_MAX, type ListPage, toListPage } from "@/server/core/pagination";
import { addMs, DAY_MS, HOUR_MS } from "@/server/core/time";
import type { Transaction } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { queueMail } from "@/server/domain/mail/service";
import { type Json, payloadHash } from "./canonical";
import * as repository from "./repository";
import type { ApprovalFilter, ApprovalItem, ApprovalRecord, Decision, NewApproval } from "./schema";
import {
  APPROVAL_KIND_WORDS,
  APPROVAL_KINDS,
  APPROVAL_PERMISSIONS,
  type ApprovalKind,
  approvalMachine,
} from "./states";

// biome-ignore lint/performance/noBarrelFile: the rules are a file of their own, and this is the one door
export { getFourEyes, listFourEyesRules, refundNeedsTwo, saveFourEyesRules } from "./rules";

/** How long a request stays open, and how long what was approved may still be carried out, counted from the request. */
export const APPROVAL_LIFE_MS = 3 * DAY_MS;
const CANDIDATES_MAX = 500;
const MAILS_MAX = 20;
const SWEEP_MAX = 200;

type Queries = Pick<Transaction, "query">;
type Why = "self_approval" | "payload_changed" | "replayed" | "not_approved" | "expired" | "requester_gone";

function refusal(why: Why, detail: string): AppError {
  return new AppError("approval_refused", { detail, params: { why } });
}

/** Writes down that somebody tried what four eyes forbid; the refusal itself took everything else back. */
async function auditRefusals<T>(ctx: ServiceContext, approvalId: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isAppError(error) && error.code === "approval_refused") {
      ctx.log.warn(
        { requestId: ctx.requestId, id: approvalId, reason: error.params["why"] },
        "an approval was refused",
      );
      const known = await repository.findItem(ctx.db, ctx.scope, approvalId, ctx.clock.now());
      await appendAudit(ctx.db, ctx, {
        action: "approval.refused",
        subjectKind: "approval",
        subjectId: approvalId,
        partnerId: known?.partnerId ?? null,
        after: { reason: error.params["why"] },
      });
    }
    throw error;
  }
}

/**
 * Asks for a second person. The same wish that is open already is answered with its request. Whoever may decide gets a mail.
 *
 * `payload` is exactly what will be done; its hash binds the approval to it. Open for three days.
 * Errors: permission_denied (only people ask), not_found (another's Partner).
 */
export async function requestApproval(ctx: ServiceContext, wish: NewApproval): Promise<{ id: string; isNew: boolean }> {
  if (ctx.actor.kind !== "USER") throw new AppError("permission_denied");
  requirePermission(ctx, APPROVAL_PERMISSIONS[wish.kind]);
  if (ctx.scope.partners !== "all" && !ctx.scope.partners.includes(wish.partnerId)) throw new AppError("not_found");
  const now = ctx.clock.now();
  const row = {
    id: newId("approval"),
    partnerId: wish.partnerId,
    mode: ctx.scope.mode,
    kind: wish.kind,
    state: "PENDING" as const,
    subjectKind: wish.subjectKind,
    subjectId: wish.subjectId,
    payload: wish.payload,
    payloadHash: payloadHash(wish.payload),
    summary: wish.summary,
    amount: wish.money?.amount ?? null,
    currency: wish.money?.currency ?? null,
    reason: wish.reason || null,
    requestedBy: ctx.actor.id,
    expiresAt: addMs(now, APPROVAL_LIFE_MS),
    createdAt: now,
  };
  const made = await ctx.db.transaction(async (tx) => {
    if (!(await repository.insertApproval(tx, row))) return null;
    await appendAudit(tx, ctx, {
      action: "approval.requested",
      subjectKind: "approval",
      subjectId: row.id,
      partnerId: row.partnerId,
      after: { id: row.id, kind: row.kind, amount: row.amount, currency: row.currency },
    });
    await tellApprovers(tx, ctx, row);
    return row.id;
  });
  if (made !== null) {
    ctx.nudge("mails");
    return { id: made, isNew: true };
  }
  const open = await repository.findOpenTwin(ctx.db, row);
  // Decided in this very moment: the wish is asked anew.
  return open ? { id: open.id, isNew: false } : requestApproval(ctx, wish);
}

/** To a Partner's people the acquirer's staff has no names. */
function nameOf(asker: Awaited<ReturnType<typeof repository.findPerson>>, reader: "ACQUIRER" | "PARTNER"): string {
  if (asker === null) return "Somebody";
  return reader === "PARTNER" && asker.partnerId === null ? "Somebody of the acquirer" : asker.name;
}

async function tellApprovers(
  tx: Queries,
  ctx: ServiceContext,
  row: Omit<repository.ApprovalRow, "decidedBy">,
): Promise<void> {
  const asker = await repository.findPerson(tx, row.requestedBy);
  const partnerName = (await repository.findPartnerName(tx, row.partnerId)) ?? row.partnerId;
  const candidates = await repository.findCandidates(tx, row.partnerId, CANDIDATES_MAX);
  const deciders = candidates.filter((person) => {
    const role = resolveRole({
      id: person.roleId,
      name: person.roleName,
      audience: person.audience,
      permissions: person.permissions,
    });
    const isAtHome = person.rolePartnerId === null || person.rolePartnerId === row.partnerId;
    const may = (name: (typeof role.permissions)[number]) => role.permissions.includes(name);
    return person.id !== row.requestedBy && isAtHome && may("approvals:decide") && may(APPROVAL_PERMISSIONS[row.kind]);
  });
  for (const person of deciders.slice(0, MAILS_MAX)) {
    await queueMail(tx, ctx, {
      kind: "approval_requested",
      to: person.email,
      partnerId: person.audience === "PARTNER" ? row.partnerId : null,
      subject: `Approval needed: ${row.summary}`,
      text: [
        `${nameOf(asker, person.audience)} asks for a second person:`,
        "",
        row.summary,
        `Partner: ${partnerName}`,
        `Mode: ${row.mode}`,
        ...(row.reason === null ? [] : [`Reason: ${row.reason}`]),
        "",
        `Look at it and decide: ${ctx.env.PUBLIC_URL}/settings/approvals/${row.id}`,
        "",
        `Without a decision the request ends on ${row.expiresAt.toISOString().slice(0, 16).replace("T", " ")} UTC.`,
        "",
      ].join("\n"),
      notAfter: row.expiresAt,
    });
  }
}

/**
 * Requests within the caller's Partners and mode, newest first.
 *
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listApprovals(
  ctx: ServiceContext,
  filter: ApprovalFilter,
  page: { limit: number; cursor?: string | null | undefined },
): Promise<ListPage<ApprovalItem>> {
  requirePermission(ctx, "approvals:read");
  const now = ctx.clock.now();
  const cursor = page.cursor ? decodeCursor(page.cursor) : null;
  const [rows, total] = await Promise.all([
    repository.findItems(ctx.db, ctx.scope, filter, { limit: page.limit, cursor, now }),
    repository.countItems(ctx.db, ctx.scope, filter, now, LIST_TOTAL_MAX),
  ]);
  return toListPage(rows, page.limit, total);
}

/** One request with what it will do. Who asked may always look. Errors: not_found (also for who may see neither). */
export async function getApproval(ctx: ServiceContext, id: string): Promise<ApprovalRecord> {
  const found = await repository.findItem(ctx.db, ctx.scope, id, ctx.clock.now());
  const mayLook = found?.requestedBy.id === ctx.actor.id || actorCan(ctx.actor, "approvals:read");
  if (!found || !mayLook) throw new AppError("not_found");
  const { payloadHash: hash, ...item } = found;
  return { ...item, isIntact: payloadHash(item.payload) === hash };
}

/** How many open requests wait for this person; 0 for who may not decide. */
export async function countOpenApprovals(ctx: ServiceContext): Promise<number> {
  if (!actorCan(ctx.actor, "approvals:decide")) return 0;
  const kinds = APPROVAL_KINDS.filter((kind) => actorCan(ctx.actor, APPROVAL_PERMISSIONS[kind]));
  return repository.countOpenFor(ctx.db, ctx.scope, { kinds, notBy: ctx.actor.id, now: ctx.clock.now() });
}

/**
 * Says yes or no to what somebody else asked for. Who decides must be allowed to do the thing alone. PENDING becomes
 * APPROVED or REJECTED; carrying it out is a step of its own. Who asked gets a mail.
 *
 * Errors: permission_denied, not_found, state_conflict (decided before), approval_refused (their own request, past its
 * time, altered since, or of somebody disabled since; audited), validation_failed (no reason for a no). Case: S7.
 */
export async function decideApproval(ctx: ServiceContext, id: string, decision: Decision): Promise<ApprovalKind> {
  requirePermission(ctx, "approvals:decide");
  if (ctx.actor.kind !== "USER") throw new AppError("permission_denied");
  const reason = decision.reason.trim();
  if (decision.decision === "reject" && reason === "")
    throw new AppError("validation_failed", { errors: [{ pointer: "/reason", detail: "is needed to say no" }] });
  const kind = await auditRefusals(ctx, id, () =>
    ctx.db.transaction(async (tx) => {
      const row = await repository.lockApproval(tx, ctx.scope, id);
      if (!row) throw new AppError("not_found");
      requirePermission(ctx, APPROVAL_PERMISSIONS[row.kind]);
      if (row.requestedBy === ctx.actor.id)
        throw refusal("self_approval", "Somebody else must decide what you asked for.");
      const now = ctx.clock.now();
      const state = approvalMachine.next(row.state, decision.decision);
      if (row.expiresAt <= now) throw refusal("expired", "The request has ended. It can be asked for again.");
      if (decision.decision === "approve" && payloadHash(row.payload) !== row.payloadHash)
        throw refusal("payload_changed", "The request is not what was asked for. It can only be rejected.");
      if (decision.decision === "approve" && !(await repository.findPerson(tx, row.requestedBy)))
        throw refusal("requester_gone", "Who asked is disabled by now. The request can only be rejected.");
      await repository.setDecided(tx, { id, state, by: ctx.actor.id, reason: reason || null, now });
      await appendAudit(tx, ctx, {
        action: decision.decision === "approve" ? "approval.approved" : "approval.rejected",
        subjectKind: "approval",
        subjectId: id,
        partnerId: row.partnerId,
        before: { state: row.state },
        after: { state, kind: row.kind, amount: row.amount, currency: row.currency, reason: reason || null },
      });
      await tellRequester(tx, ctx, row, decision.decision, reason);
      return row.kind;
    }),
  );
  ctx.nudge("mails");
  return kind;
}

async function tellRequester(
  tx: Queries,
  ctx: ServiceContext,
  row: repository.ApprovalRow,
  decision: Decision["decision"],
  reason: string,
): Promise<void> {
  const asker = await repository.findPerson(tx, row.requestedBy);
  if (!asker) return;
  const word = decision === "approve" ? "approved" : "rejected";
  await queueMail(tx, ctx, {
    kind: "approval_decided",
    to: asker.email,
    partnerId: asker.partnerId,
    subject: `${APPROVAL_KIND_WORDS[row.kind]} ${word}: ${row.summary}`,
    text: [
      `What you asked for was ${word}: ${row.summary}.`,
      ...(reason === "" ? [] : ["", `Reason: ${reason}`]),
      "",
      `${ctx.env.PUBLIC_URL}/settings/approvals/${row.id}`,
      "",
    ].join("\n"),
  });
}

/** Takes back what one asked for, while nobody has decided. Errors: not_found (also another's request), state_conflict. */
export async function withdrawApproval(ctx: ServiceContext, id: string): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    const row = await repository.lockApproval(tx, ctx.scope, id);
    if (row?.requestedBy !== ctx.actor.id) throw new AppError("not_found");
    const state = approvalMachine.next(row.state, "withdraw");
    await repository.setState(tx, id, state, ctx.clock.now());
    await appendAudit(tx, ctx, {
      action: "approval.withdrawn",
      subjectKind: "approval",
      subjectId: id,
      partnerId: row.partnerId,
      before: { state: row.state },
      after: { state },
    });
  });
}

export type ApprovedUse = {
  id: string;
  kind: ApprovalKind;
  partnerId: string;
  /** What is about to be done: it must be what was approved, to the letter. */
  payload: Json;
  /** What comes of it: the refund, the key. */
  resultId: string;
};

/**
 * Spends an approval inside the transaction that does the thing: once, in time, and for nothing but what was approved.
 * APPROVED becomes EXECUTED. Run the transaction within `guardApproval`, which audits what is refused here.
 *
 * Errors: approval_refused.
 */
export async function spendApproval(tx: Queries, ctx: ServiceContext, use: ApprovedUse): Promise<void> {
  const row = await repository.lockApproval(tx, ctx.scope, use.id);
  if (!row || row.kind !== use.kind || row.partnerId !== use.partnerId)
    throw refusal("not_approved", "There is no approval for this.");
  if (row.state === "EXECUTED") throw refusal("replayed", "This approval was used before.");
  if (row.state !== "APPROVED") throw refusal("not_approved", "Nobody has approved this.");
  const now = ctx.clock.now();
  if (row.expiresAt <= now) throw refusal("expired", "The approval has ended. It can be asked for again.");
  if (payloadHash(row.payload) !== row.payloadHash || payloadHash(use.payload) !== row.payloadHash)
    throw refusal("payload_changed", "This is not what was approved.");
  const state = approvalMachine.next(row.state, "execute");
  await repository.setExecuted(tx, { id: row.id, state, by: ctx.actor.id, resultId: use.resultId, now });
  await appendAudit(tx, ctx, {
    action: "approval.executed",
    subjectKind: "approval",
    subjectId: row.id,
    partnerId: row.partnerId,
    before: { state: row.state },
    after: { state, kind: row.kind, id: use.resultId },
  });
}

/** Around a transaction that spends an approval: a refusal is audited although the transaction is taken back. */
export function guardApproval<T>(ctx: ServiceContext, approvalId: string | null, work: () => Promise<T>): Promise<T> {
  return approvalId === null ? work() : auditRefusals(ctx, approvalId, work);
}

/** Ends requests and unused approvals past their time, in every Partner and mode. Answers how many. */
export async function expireApprovals(services: Services): Promise<number> {
  return services.db.transaction(async (tx) => {
    const ended = await repository.expireDue(tx, services.clock.now(), SWEEP_MAX);
    for (const row of ended) {
      await appendAudit(
        tx,
        {
          actor: { kind: "SYSTEM", id: "approvals" },
          way: "JOB",
          requestId: newId("request"),
          clock: services.clock,
          scope: { mode: row.mode },
        },
        {
          action: "approval.expired",
          subjectKind: "approval",
          subjectId: row.id,
          partnerId: row.partnerId,
          after: { state: "EXPIRED", kind: row.kind },
        },
      );
    }
    return ended.length;
  });
}

/** Approved a while ago and not carried out, because whoever approved was cut off: oldest first. Keys wait for who asked. */
export function listForgotten(services: Services): Promise<{ id: string; mode: "test" | "live"; partnerId: string }[]> {
  return repository.findApproved(
    services.db,
    ["REFUND", "PAYOUT_DATA"],
    addMs(services.clock.now(), -HOUR_MS / 12),
    SWEEP_MAX,
  );
}
