import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { MODES, type Mode } from "@/server/core/schema";
import type { Row } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { announcingPayments, appendStateChange } from "./facts";
import { enqueue } from "./queue/queue";
import { syncPartners } from "./queue/sync";
import { type AccountRow, findAccountRow, lockAccountRow, type Queries } from "./rows";

/* Suspending, resuming and closing a Partner. */

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
export async function wantProduct(
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
