import { z } from "zod";
import { requirePermission, type ServiceContext, type Services, systemContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { Mode } from "@/server/core/schema";
import { addMs, MINUTE_MS } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import type { InboxEvent, InboxResult } from "@/server/events/inbox";
import { listDecisions } from "@/server/klarna/accounts";
import { withoutNulls } from "@/server/klarna/wire";
import { applyFacts, keepDecisions, raiseAlarm, readFacts } from "./facts";
import { wantProduct } from "./lifecycle";
import { syncPartners } from "./queue/sync";
import { type AccountRow, findAccountByKlarna, findAccountRow, lockAccountRow } from "./rows";

/* Following what Klarna does to a Partner's account: its events, and reads of what no event told. */

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
  const parsed = EventSchema.safeParse(withoutNulls(body));
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
