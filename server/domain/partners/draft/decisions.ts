import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { Row } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { queueMail } from "@/server/domain/mail/service";
import { appendStateChange } from "@/server/domain/partners/facts";
import { buildOnboarding } from "@/server/domain/partners/onboard";
import { enqueue } from "@/server/domain/partners/queue/queue";
import { syncPartners } from "@/server/domain/partners/queue/sync";
import { requireVersion } from "@/server/domain/partners/records";
import type { AccountRow, Queries } from "@/server/domain/partners/rows";
import type { DraftRecord } from "@/server/domain/partners/schema-onboarding";
import { bump, isOfPartner, lockDraft, mayEdit, move, requireOpen } from "./row";
import { draftOf, getDraft } from "./view";

/* A filled draft is handed in, decided by the acquirer and sent to Klarna as one call. */

/** Lets the Partner's own people fill the draft, or takes that back. Errors: permission_denied, not_found, state_conflict. */
export async function setPartnerMayEdit(ctx: ServiceContext, partnerId: string, mayEditNow: boolean): Promise<void> {
  requirePermission(ctx, "partners:write");
  await ctx.db.transaction(async (tx) => {
    const { account, row } = await lockDraft(tx, ctx, partnerId);
    requireOpen(row);
    await bump(tx, row, "partner_may_edit = $3", [mayEditNow], ctx.clock.now());
    await appendAudit(tx, ctx, {
      action: "onboarding.invited",
      subjectKind: "onboarding",
      subjectId: row.id,
      partnerId: account.partnerId,
      before: { partner_may_edit: row.partnerMayEdit },
      after: { partner_may_edit: mayEditNow },
    });
  });
}

/**
 * Hands the draft to the acquirer; whoever began it is told by mail. `address` is where the person asks from: Klarna's risk
 * check is told it. Errors: permission_denied, not_found, state_conflict, rule_broken (what is missing).
 */
export async function submitDraft(
  ctx: ServiceContext,
  partnerId: string,
  version: number,
  address: string | null = null,
): Promise<DraftRecord> {
  requirePermission(ctx, "partners:draft");
  const draft = await ctx.db.transaction(async (tx) => {
    const { account, row } = await lockDraft(tx, ctx, partnerId);
    requireOpen(row);
    if (!mayEdit(ctx, row)) throw new AppError("permission_denied");
    requireVersion(version, row.version);
    if (row.state === "SUBMITTED") return draftOf(tx, ctx, account);
    requireComplete(await draftOf(tx, ctx, account), isOfPartner(ctx) ? ["payments"] : []);
    await move(
      tx,
      ctx,
      account,
      row,
      "SUBMITTED",
      "submitted_by = $4, submitted_at = $5, requested_from = coalesce($6, requested_from), reject_reason = null",
      [ctx.actor.id, ctx.clock.now(), address],
    );
    await tell(tx, ctx, account, row.createdBy, {
      kind: "onboarding_submitted",
      subject: `${account.partnerName} has handed in its onboarding`,
      lines: [`${account.partnerName} has filled its draft and waits for your decision.`],
    });
    return draftOf(tx, ctx, account);
  });
  ctx.nudge("mails");
  return draft;
}

/** A mail to one person about the draft; nobody is told what they did themselves. */
async function tell(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  userId: string | null,
  mail: { kind: string; subject: string; lines: readonly string[] },
): Promise<void> {
  if (userId === null || userId === ctx.actor.id) return;
  const [person] = await tx.query<{ email: string; name: string; isOfPartner: boolean }>({
    text: `select u.email, u.name, exists (select 1 from user_partners up where up.user_id = u.id and up.partner_id = $2) as "isOfPartner"
      from users u where u.id = $1 and u.state = 'ACTIVE'`,
    values: [userId, account.partnerId],
  });
  if (!person) return;
  await queueMail(tx, ctx, {
    kind: mail.kind,
    to: person.email,
    partnerId: person.isOfPartner ? account.partnerId : null,
    subject: mail.subject,
    text: [
      `Hello ${person.name},`,
      "",
      ...mail.lines,
      "",
      new URL(`/partners/${account.partnerId}/onboarding`, ctx.env.PUBLIC_URL).href,
      "",
    ].join("\n"),
  });
}

function requireComplete(draft: DraftRecord, except: readonly string[]): void {
  const missing = draft.completeness.missing.filter(
    (item) => item.level === "required" && !except.includes(item.section),
  );
  if (missing.length === 0) return;
  throw new AppError("rule_broken", {
    detail: `The draft lacks ${missing.length} required ${missing.length === 1 ? "thing" : "things"}.`,
    errors: missing.slice(0, 50).map((item) => ({
      pointer: `/${[item.section, item.item, item.field].filter(Boolean).join("/")}`,
      detail: `${item.label} is missing (${item.requirement})`,
    })),
  });
}

/** Sends a submitted draft back with a reason, which goes by mail too. Errors: permission_denied, not_found, state_conflict. */
export async function rejectDraft(ctx: ServiceContext, partnerId: string, reason: string): Promise<DraftRecord> {
  requirePermission(ctx, "partners:write");
  const draft = await ctx.db.transaction(async (tx) => {
    const { account, row } = await lockDraft(tx, ctx, partnerId);
    if (row.state !== "SUBMITTED")
      throw new AppError("state_conflict", { detail: "Only a submitted draft can be sent back." });
    await move(
      tx,
      ctx,
      account,
      row,
      "DRAFT",
      "decided_by = $4, decided_at = $5, reject_reason = $6",
      [ctx.actor.id, ctx.clock.now(), reason],
      reason,
    );
    await tell(tx, ctx, account, row.submittedBy, {
      kind: "onboarding_sent_back",
      subject: `The onboarding of ${account.partnerName} needs changes`,
      lines: ["The draft was sent back to you:", "", reason],
    });
    return draftOf(tx, ctx, account);
  });
  ctx.nudge("mails");
  return draft;
}

/** Ends a draft for good. The Partner is closed when it has no other account. Errors: permission_denied, not_found, state_conflict. */
export async function cancelDraft(ctx: ServiceContext, partnerId: string): Promise<void> {
  requirePermission(ctx, "partners:write");
  await ctx.db.transaction(async (tx) => {
    const { account, row } = await lockDraft(tx, ctx, partnerId);
    requireOpen(row);
    await move(tx, ctx, account, row, "CANCELED", "decided_by = $4, decided_at = $5", [ctx.actor.id, ctx.clock.now()]);
    const closed = await tx.query<Row>({
      text: `update partners set state = 'CLOSED', state_reason = 'The onboarding was canceled.', version = version + 1, updated_at = $2 where id = $1 and state = 'DRAFT'
        and not exists (select 1 from onboardings where partner_id = $1 and state not in ('CANCELED')) returning 1`,
      values: [partnerId, ctx.clock.now()],
    });
    if (closed.length > 0)
      await appendStateChange(tx, ctx, account, {
        what: "PARTNER",
        subjectId: partnerId,
        from: "DRAFT",
        to: "CLOSED",
        madeBy: "US",
      });
  });
}

/**
 * Approves a complete draft and sends it to Klarna as one call, whose key is that of its journal row: what was refused and
 * corrected goes out as a new call, what was lost goes out again as the same. Answers the draft after the first try:
 * ONBOARDED or OPERATIONAL, REFUSED with the fields to correct, or still ONBOARDING when Klarna gave no definite answer.
 * `address` is where the person asks from; that of who handed the draft in comes first.
 * Errors: permission_denied, not_found, state_conflict (version, state), rule_broken (what is missing).
 */
export async function approveDraft(
  ctx: ServiceContext,
  partnerId: string,
  version: number,
  address: string | null = null,
): Promise<DraftRecord> {
  requirePermission(ctx, "partners:write");
  if (isOfPartner(ctx)) throw new AppError("permission_denied");
  await ctx.db.transaction(async (tx) => {
    const { account, row } = await lockDraft(tx, ctx, partnerId);
    if (account.klarnaId !== null) throw new AppError("state_conflict", { detail: "Klarna has taken the account." });
    requireOpen(row);
    requireVersion(version, row.version);
    requireComplete(await draftOf(tx, ctx, account), []);
    const now = ctx.clock.now();
    const bodies = await buildOnboarding(tx, ctx, account, {
      at: row.requestedAt ?? row.createdAt,
      address: row.requestedFrom ?? address,
    });
    await move(
      tx,
      ctx,
      account,
      row,
      "ONBOARDING",
      "decided_by = $4, decided_at = $5, requested_from = coalesce(requested_from, $6), field_errors = '[]'",
      [ctx.actor.id, now, address],
    );
    await tell(tx, ctx, account, row.submittedBy, {
      kind: "onboarding_approved",
      subject: `The onboarding of ${account.partnerName} is approved`,
      lines: [
        "The draft was approved and goes to Klarna. Payments can be taken once Klarna has made the account operational.",
      ],
    });
    for (const body of bodies)
      await enqueue(tx, ctx, account, {
        kind: "ONBOARD",
        subjectKind: "partner",
        subjectId: account.partnerId,
        body,
        fields: [],
      });
  });
  ctx.nudge("partners");
  ctx.nudge("mails");
  // The person who approved sees the answer at once; whatever is left is the background's.
  await syncPartners(ctx, { partnerId, mode: ctx.scope.mode, rounds: 1 });
  return getDraft(ctx, partnerId);
}
