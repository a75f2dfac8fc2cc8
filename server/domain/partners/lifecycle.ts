import { z } from "zod";
import { requirePermission, type ServiceContext, type Services, systemContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { decodeCursor, LIST_TOTAL_MAX, type ListPage, toListPage } from "@/server/core/pagination";
import { MODES, type Mode } from "@/server/core/schema";
import { addMs, MINUTE_MS } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import type { InboxEvent, InboxResult } from "@/server/events/inbox";
import { listDecisions } from "@/server/klarna/accounts";
import { announcingPayments, appendStateChange, applyFacts, keepDecisions, raiseAlarm, readFacts } from "./facts";
import { enqueue, listQueue } from "./queue";
import { syncPartners } from "./queue-sync";
import { type AccountRow, findAccountByKlarna, findAccountRow, lockAccountRow, type Queries } from "./rows";
import { ChangeStateSchema, type DecisionItem, type KlarnaChangeItem, type StateChangeItem } from "./schema-sync";

/* Suspending, resuming and closing a Partner, and following what Klarna does to its account. */

export type LifecycleResult = {
  state: string;
  /** Klarna's side, by mode: whether it has confirmed what was asked. */
  products: { mode: Mode; state: string; isConfirmed: boolean }[];
};

const inMode = (ctx: ServiceContext, mode: Mode): ServiceContext => ({ ...ctx, scope: { ...ctx.scope, mode } });

async function accountsOf(tx: Queries, ctx: ServiceContext, partnerId: string, isLocked: boolean) {
  const rows: AccountRow[] = [];
  for (const mode of MODES) {
    const scope = { ...ctx.scope, mode };
    const row = isLocked ? await lockAccountRow(tx, scope, partnerId) : await findAccountRow(tx, scope, partnerId);
    if (row) rows.push(row);
  }
  if (rows.length === 0) throw new AppError("not_found");
  return rows;
}

/** What Klarna is asked about payments of an account; an older wish that has not gone out yet falls away. */
async function wantProduct(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  wanted: "ENABLED" | "DISABLED",
): Promise<void> {
  const now = ctx.clock.now();
  await tx.query<Row>({
    text: "update partner_accounts set product_wanted = $3, updated_at = $4 where partner_id = $1 and mode = $2",
    values: [account.partnerId, account.mode, wanted, now],
  });
  account.productWanted = wanted;
  if (account.klarnaId === null) return;
  await tx.query<Row>({
    text: `update klarna_changes set state = 'CANCELED', next_attempt_at = null, settled_at = $3
      where partner_id = $1 and mode = $2 and lane = 'PRODUCT' and state = 'PENDING'`,
    values: [account.partnerId, account.mode, now],
  });
  const [open] = await tx.query<{ kind: string }>({
    text: `select kind from klarna_changes where partner_id = $1 and mode = $2 and lane = 'PRODUCT' and state in ('SENT','UNKNOWN')`,
    values: [account.partnerId, account.mode],
  });
  const isThere = wanted === "ENABLED" ? account.productState === "ENABLED" : account.productState !== "ENABLED";
  if (isThere && !open) return;
  await enqueue(tx, ctx, account, {
    kind: wanted === "ENABLED" ? "PRODUCT_ENABLE" : "PRODUCT_DISABLE",
    subjectKind: "product",
    subjectId: account.partnerId,
    body: {},
    fields: ["state"],
  });
}

async function movePartner(
  tx: Queries,
  ctx: ServiceContext,
  accounts: readonly AccountRow[],
  to: "OPERATIONAL" | "SUSPENDED" | "CLOSED",
  reason: string | null,
): Promise<void> {
  const [first] = accounts;
  if (!first) return;
  const from = first.partnerState;
  await tx.query<Row>({
    text: "update partners set state = $2, state_reason = $3, version = version + 1, updated_at = $4 where id = $1",
    values: [first.partnerId, to, reason, ctx.clock.now()],
  });
  for (const account of accounts) {
    await announcingPayments(tx, ctx, account, async () => {
      account.partnerState = to;
      await appendStateChange(tx, ctx, account, {
        what: "PARTNER",
        subjectId: account.partnerId,
        from,
        to,
        madeBy: "US",
        reason,
      });
    });
  }
  const words = { OPERATIONAL: "resumed", SUSPENDED: "suspended", CLOSED: "offboarded" };
  await appendAudit(tx, ctx, {
    action: `partner.${words[to]}`,
    subjectKind: "partner",
    subjectId: first.partnerId,
    partnerId: first.partnerId,
    mode: null,
    before: { state: from },
    after: { state: to, reason },
  });
}

async function resultOf(ctx: ServiceContext, partnerId: string): Promise<LifecycleResult> {
  const accounts = await accountsOf(ctx.db, ctx, partnerId, false);
  return {
    state: accounts[0]?.partnerState ?? "",
    products: accounts
      .filter((account) => account.klarnaId !== null)
      .map((account) => ({
        mode: account.mode,
        state: account.productState,
        isConfirmed:
          account.productWanted === "ENABLED" ? account.productState === "ENABLED" : account.productState !== "ENABLED",
      })),
  };
}

/** Sends what was just queued; whatever has no definite answer is repeated in the background. */
async function sendNow(ctx: ServiceContext, partnerId: string): Promise<void> {
  ctx.nudge("partners");
  await syncPartners(ctx, { partnerId, rounds: 3, paceMs: 0 });
}

/**
 * Stops new payments of a Partner in both modes: refused here from this moment, and the products are disabled at Klarna in
 * the same breath. Captures, refunds and disputes of what was paid go on. Says whether Klarna has confirmed.
 * Errors: permission_denied, not_found, state_conflict. Source: KNR-D6.
 */
export async function suspendPartner(ctx: ServiceContext, partnerId: string, reason: string): Promise<LifecycleResult> {
  requirePermission(ctx, "partners:suspend");
  await ctx.db.transaction(async (tx) => {
    const accounts = await accountsOf(tx, ctx, partnerId, true);
    if (accounts[0]?.partnerState !== "OPERATIONAL")
      throw new AppError("state_conflict", { detail: "Only an operational Partner can be suspended." });
    for (const account of accounts) await wantProduct(tx, inMode(ctx, account.mode), account, "DISABLED");
    await movePartner(tx, ctx, accounts, "SUSPENDED", reason);
  });
  await sendNow(ctx, partnerId);
  return resultOf(ctx, partnerId);
}

/**
 * Lets a suspended Partner take payments again; they start when Klarna has enabled the product.
 * Errors: permission_denied, not_found, state_conflict (also where only Klarna can).
 */
export async function resumePartner(ctx: ServiceContext, partnerId: string): Promise<LifecycleResult> {
  requirePermission(ctx, "partners:suspend");
  await ctx.db.transaction(async (tx) => {
    const accounts = await accountsOf(tx, ctx, partnerId, true);
    if (accounts[0]?.partnerState !== "SUSPENDED")
      throw new AppError("state_conflict", { detail: "The Partner is not suspended." });
    const blocked = accounts.filter((account) => account.productState === "TERMINATED" || account.state === "DISABLED");
    if (blocked.length > 0 && blocked.length === accounts.filter((account) => account.klarnaId !== null).length)
      throw new AppError("state_conflict", {
        detail: "Klarna has stopped this Partner. Only Klarna can let it take payments again.",
      });
    for (const account of accounts) {
      if (account.productState === "TERMINATED" || account.state === "DISABLED") continue;
      await wantProduct(tx, inMode(ctx, account.mode), account, "ENABLED");
    }
    await movePartner(tx, ctx, accounts, "OPERATIONAL", null);
  });
  await sendNow(ctx, partnerId);
  return resultOf(ctx, partnerId);
}

/**
 * Closes a Partner for good: every product is disabled at Klarna first, and only when Klarna says so is it closed here.
 * Errors: permission_denied, not_found, state_conflict (closed already; Klarna has not confirmed yet: try again).
 */
export async function offboardPartner(
  ctx: ServiceContext,
  partnerId: string,
  reason: string,
): Promise<LifecycleResult> {
  requirePermission(ctx, "partners:suspend");
  const [first] = await accountsOf(ctx.db, ctx, partnerId, false);
  if (first?.partnerState === "CLOSED") throw new AppError("state_conflict", { detail: "The Partner is closed." });
  if (first?.partnerState === "DRAFT")
    throw new AppError("state_conflict", { detail: "A draft is canceled, not closed." });
  if (first?.partnerState === "OPERATIONAL") await suspendPartner(ctx, partnerId, reason);
  await ctx.db.transaction(async (tx) => {
    const accounts = await accountsOf(tx, ctx, partnerId, true);
    const open = accounts.filter((account) => account.productState === "ENABLED");
    if (open.length > 0)
      throw new AppError("state_conflict", {
        detail: "Klarna has not yet confirmed that payments are disabled. The Partner is suspended; try again soon.",
        retryAfterSeconds: 15,
      });
    await movePartner(tx, ctx, accounts, "CLOSED", reason);
  });
  return resultOf(ctx, partnerId);
}

// --- Following Klarna ----------------------------------------------------------------------------------------------------

/** Reads the account at Klarna and takes over what it says. False when Klarna could not be read. */
async function readAndApply(ctx: ServiceContext, account: AccountRow, isAboutDecisions: boolean): Promise<boolean> {
  if (account.klarnaId === null) return true;
  const target = { mode: account.mode, accountId: account.klarnaId, sessionReference: ctx.requestId };
  const [facts, decisions] = await Promise.all([
    readFacts(ctx, target),
    isAboutDecisions ? listDecisions(ctx.klarna, target) : null,
  ]);
  await ctx.db.transaction(async (tx) => {
    const locked = await lockAccountRow(tx, { partners: "all", mode: account.mode }, account.partnerId);
    if (!locked) return;
    await applyFacts(tx, ctx, locked, facts);
    if (decisions) await keepDecisions(tx, ctx, locked, decisions);
    // A Partner that is suspended here must not be enabled there, whoever enabled it. Source: KNR-D6.
    const [open] = await tx.query<{ id: string }>({
      text: "select id from klarna_changes where partner_id = $1 and mode = $2 and lane = 'PRODUCT' and state in ('PENDING','SENT','UNKNOWN')",
      values: [locked.partnerId, locked.mode],
    });
    if (locked.partnerState !== "OPERATIONAL" && locked.productState === "ENABLED" && !open)
      await wantProduct(tx, ctx, locked, "DISABLED");
  });
  return facts.accountState !== undefined && facts.product !== undefined;
}

const text = z.string().max(8192);
const EventSchema = z.looseObject({
  metadata: z.looseObject({ event_type: text, subject_account_id: text.optional() }),
  payload: z.looseObject({
    partner_account_id: text.optional(),
    brand_id: text.optional(),
    brand_reference: text.nullish(),
    incomplete_fields: z.array(z.looseObject({ parameter: text.optional(), reason: text.optional() })).optional(),
    state: text.optional(),
  }),
});

/**
 * What an event of Klarna's about an account does. It is a hint: the account is read and what Klarna says then counts, so
 * that order and repeats do not matter. Brand data that cannot be used is written on the brand.
 */
export async function applyPartnerEvent(ctx: ServiceContext, inbox: InboxEvent, body: unknown): Promise<InboxResult> {
  const parsed = EventSchema.safeParse(body);
  if (!parsed.success) return { state: "FAILED", note: "the body has an unexpected shape", paymentId: null };
  const { payload } = parsed.data;
  const accountId = payload.partner_account_id ?? inbox.subjectAccountId;
  if (accountId == null) return { state: "IGNORED", note: "the event names no account", paymentId: null };
  if (
    inbox.subjectAccountId !== null &&
    payload.partner_account_id !== undefined &&
    inbox.subjectAccountId !== accountId
  )
    return { state: "IGNORED", note: "the event names two accounts", paymentId: null };
  const account = await findAccountByKlarna(ctx.db, inbox.mode, accountId);
  // It may have overtaken the answer of the onboard call.
  if (!account) return { state: "PARKED", note: "no account is known for it yet", paymentId: null };
  if (payload.brand_id !== undefined || /\.brand\./.test(inbox.eventType)) {
    const isKnown = await noteBrand(ctx, account, payload);
    return isKnown
      ? { state: "PROCESSED", note: null, paymentId: null }
      : { state: "IGNORED", note: "no brand is known for it", paymentId: null };
  }
  const isRead = await readAndApply(ctx, account, true);
  if (!isRead) return { state: "PARKED", note: "Klarna could not be read", paymentId: null };
  return {
    state: "PROCESSED",
    note: null,
    paymentId: null,
    follow: async () => {
      await syncPartners(ctx, { partnerId: account.partnerId, mode: account.mode, rounds: 1 });
    },
  };
}

async function noteBrand(
  ctx: ServiceContext,
  account: AccountRow,
  payload: z.infer<typeof EventSchema>["payload"],
): Promise<boolean> {
  const problem = (payload.incomplete_fields ?? [])
    .map((field) => field.reason ?? "")
    .filter((reason) => reason !== "")
    .join("; ")
    .slice(0, 500);
  return ctx.db.transaction(async (tx) => {
    const [brand] = await tx.query<{ id: string; name: string }>({
      text: `update brands set data_state = 'INCOMPLETE', data_problem = $5, updated_at = $6
        where partner_id = $1 and mode = $2 and (klarna_brand_id = $3 or reference = $4) returning id, name`,
      values: [
        account.partnerId,
        account.mode,
        payload.brand_id ?? null,
        payload.brand_reference ?? null,
        problem || "Klarna cannot use the data of this brand.",
        ctx.clock.now(),
      ],
    });
    if (!brand) return false;
    await raiseAlarm(tx, ctx, {
      kind: "brand_incomplete",
      partnerId: account.partnerId,
      mode: account.mode,
      subjectKind: "brand",
      subjectId: brand.id,
      message: `Klarna cannot use the data of the brand ${brand.name} of ${account.partnerName}.`,
    });
    await appendAudit(tx, ctx, {
      action: "brand.incomplete",
      subjectKind: "brand",
      subjectId: brand.id,
      partnerId: account.partnerId,
      mode: account.mode,
      after: { reason: problem },
    });
    return true;
  });
}

/**
 * Reads accounts whose time has come: those that wait to be operational every few seconds, the others every six hours,
 * should an event be lost. Answers how many were read.
 */
export async function readDueAccounts(services: Services, options: { limit?: number } = {}): Promise<{ read: number }> {
  const now = services.clock.now();
  const due = await services.db.query<Row & { partnerId: string; mode: Mode }>({
    // The claim puts the next look off: two workers do not read the same account.
    text: `update partner_accounts a set next_read_at = $2 from (select partner_id, mode from partner_accounts where next_read_at <= $1
        order by next_read_at limit $3 for update skip locked) due
      where a.partner_id = due.partner_id and a.mode = due.mode returning a.partner_id as "partnerId", a.mode`,
    values: [now, addMs(now, MINUTE_MS), options.limit ?? 50],
  });
  for (const { partnerId, mode } of due) {
    const ctx = systemContext(services, "read-accounts", mode);
    try {
      const account = await findAccountRow(services.db, ctx.scope, partnerId);
      if (account) await readAndApply(ctx, account, true);
    } catch (error) {
      services.log.error({ error, id: partnerId, mode }, "an account could not be read at Klarna");
    }
  }
  return { read: due.length };
}

/** Reads one account now. Errors: permission_denied, not_found, klarna_unavailable. */
export async function refreshAccount(ctx: ServiceContext, partnerId: string): Promise<void> {
  requirePermission(ctx, "partners:write");
  const account = await findAccountRow(ctx.db, ctx.scope, partnerId);
  if (!account) throw new AppError("not_found");
  if (!(await readAndApply(ctx, account, true))) throw new AppError("klarna_unavailable");
}

// --- Reading ---------------------------------------------------------------------------------------------------------

async function requireAccount(ctx: ServiceContext, partnerId: string): Promise<AccountRow> {
  const account = await findAccountRow(ctx.db, ctx.scope, partnerId);
  if (!account) throw new AppError("not_found");
  return account;
}

/** History of the Partner, its account and product in the context's mode, newest first. Errors: permission_denied, not_found. */
export async function listStateChanges(
  ctx: ServiceContext,
  partnerId: string,
  limit = 100,
): Promise<StateChangeItem[]> {
  requirePermission(ctx, "partners:read");
  await requireAccount(ctx, partnerId);
  return ctx.db.query<Row & StateChangeItem>({
    text: `select c.id, c.what, c.from_state as "from", c.to_state as "to", c.made_by as "madeBy", c.actor_id as "actorId", u.name as "actorName",
        c.reason, c.occurred_at as "occurredAt"
      from account_state_changes c left join users u on u.id = c.actor_id where c.partner_id = $1 and c.mode = $2
      order by c.created_at desc, c.id desc limit $3`,
    values: [partnerId, ctx.scope.mode, limit],
  });
}

/** Decisions of Klarna's within the caller's Partners and mode, newest first. Errors: permission_denied, validation_failed (cursor). */
export async function listComplianceDecisions(
  ctx: ServiceContext,
  filter: { partner?: string; state?: readonly ("OPEN" | "HANDLED")[] },
  page: { limit: number; cursor?: string | null },
): Promise<ListPage<DecisionItem & { createdAt: Date }>> {
  requirePermission(ctx, "partners:read");
  const cursor = page.cursor ? decodeCursor(page.cursor) : null;
  const values: unknown[] = [
    ctx.scope.mode,
    ctx.scope.partners === "all" ? null : ctx.scope.partners,
    filter.partner ?? null,
    filter.state?.length ? filter.state : null,
  ];
  const where = `d.mode = $1 and ($2::text[] is null or d.partner_id = any($2)) and ($3::text is null or d.partner_id = $3) and ($4::text[] is null or d.state = any($4))`;
  const [rows, [count]] = await Promise.all([
    ctx.db.query<Row & DecisionItem & { createdAt: Date }>({
      text: `select d.id, d.partner_id as "partnerId", p.name as "partnerName", d.klarna_decision_id as "klarnaDecisionId", d.reason, d.outcome,
          d.decided_at as "decidedAt", d.state, d.action, d.handled_at as "handledAt", d.received_at as "createdAt"
        from compliance_decisions d join partners p on p.id = d.partner_id where ${where}
          and ($5::timestamptz is null or (d.received_at, d.id) < ($5, $6)) order by d.received_at desc, d.id desc limit $7`,
      values: [...values, cursor?.createdAt ?? null, cursor?.id ?? null, page.limit + 1],
    }),
    ctx.db.query<{ total: number }>({
      text: `select count(*)::int as total from (select 1 from compliance_decisions d where ${where} limit ${LIST_TOTAL_MAX}) found`,
      values,
    }),
  ]);
  return toListPage(rows, page.limit, count?.total ?? 0);
}

/** Writes down what was done about a decision. Errors: permission_denied, not_found, state_conflict. */
export async function handleDecision(ctx: ServiceContext, id: string, action: string): Promise<void> {
  requirePermission(ctx, "partners:write");
  await ctx.db.transaction(async (tx) => {
    const [row] = await tx.query<Row & { partnerId: string; state: string }>({
      text: `select partner_id as "partnerId", state from compliance_decisions where id = $1 and mode = $2 and ($3::text[] is null or partner_id = any($3)) for update`,
      values: [id, ctx.scope.mode, ctx.scope.partners === "all" ? null : ctx.scope.partners],
    });
    if (!row) throw new AppError("not_found");
    if (row.state === "HANDLED") throw new AppError("state_conflict", { detail: "It has been handled." });
    await tx.query<Row>({
      text: "update compliance_decisions set state = 'HANDLED', action = $2, handled_by = $3, handled_at = $4 where id = $1",
      values: [id, action, ctx.actor.id, ctx.clock.now()],
    });
    await appendAudit(tx, ctx, {
      action: "compliance_decision.handled",
      subjectKind: "compliance_decision",
      subjectId: id,
      partnerId: row.partnerId,
      before: { state: "OPEN" },
      after: { state: "HANDLED" },
    });
  });
}

const ProblemsSchema = z.array(z.object({ parameter: z.string(), reason: z.string() })).catch([]);

/** What Klarna was or is to be told, newest first; of one subject where given. Errors: permission_denied, not_found. */
export async function listKlarnaChanges(
  ctx: ServiceContext,
  partnerId: string,
  options: { limit?: number; subjectId?: string } = {},
): Promise<KlarnaChangeItem[]> {
  requirePermission(ctx, "partners:read");
  const account = await requireAccount(ctx, partnerId);
  const rows = await listQueue(ctx.db, account, { limit: options.limit ?? 100, ...options });
  return rows.map((row) => ({
    ...row,
    state: ChangeStateSchema.parse(row.state),
    problems: ProblemsSchema.parse(row.problems),
  }));
}
