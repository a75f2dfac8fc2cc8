import { z } from "zod";
import type { ServiceContext } from "@/server/context";
import { newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import { addMs, HOUR_MS, SECOND_MS } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import type { EventType } from "@/server/events/catalog";
import {
  listProducts,
  type ManagementTarget,
  readAccount,
  WireAccountSchema,
  type WireDecision,
  type WireProduct,
  WireProductSchema,
} from "@/server/klarna/accounts";
import type { AccountKey, AccountRow, Queries } from "./rows";
import { ACCOUNT_STATES, PRODUCT_STATES } from "./states";

/* What becomes of an account when Klarna's state of it is known: columns, history, events, alarms, all in one transaction. */

/** While an account is not operational yet, and while a product's change takes its time. */
const READ_SOON_MS = 3 * SECOND_MS;
const READ_PENDING_MS = 15 * SECOND_MS;
/** Should an event be lost, this finds it. */
const READ_INTERVAL_MS = 6 * HOUR_MS;

export type AccountFacts = { accountState?: string | undefined; product?: WireProduct | null | undefined };

/** Klarna's state of the account and its product now; what could not be read is left out. */
export async function readFacts(ctx: Pick<ServiceContext, "klarna">, target: ManagementTarget) {
  const [account, products] = await Promise.all([readAccount(ctx.klarna, target), listProducts(ctx.klarna, target)]);
  const parsedAccount = account.kind === "answered" ? WireAccountSchema.safeParse(account.body) : null;
  const parsedProducts =
    products.kind === "answered"
      ? z.looseObject({ payment_products: z.array(WireProductSchema) }).safeParse(products.body)
      : null;
  return {
    accountState: parsedAccount?.success ? parsedAccount.data.state : undefined,
    product: parsedProducts?.success ? (parsedProducts.data.payment_products[0] ?? null) : undefined,
  };
}

type AlarmSubject = { kind: string; partnerId: string; mode: Mode | null; subjectKind: string; subjectId: string };

export async function raiseAlarm(
  tx: Queries,
  ctx: Pick<ServiceContext, "clock">,
  alarm: AlarmSubject & { message: string },
) {
  await tx.query<Row>({
    text: `insert into alarms (id, kind, partner_id, mode, subject_kind, subject_id, message, raised_at) values ($1,$2,$3,$4,$5,$6,$7,$8)
      on conflict (kind, subject_id) where cleared_at is null do nothing`,
    values: [
      newId("alarm"),
      alarm.kind,
      alarm.partnerId,
      alarm.mode,
      alarm.subjectKind,
      alarm.subjectId,
      alarm.message,
      ctx.clock.now(),
    ],
  });
}

export async function clearAlarm(tx: Queries, ctx: ServiceContext, kind: string, subjectId: string): Promise<void> {
  await tx.query<Row>({
    text: "update alarms set cleared_at = $3, cleared_by = $4 where kind = $1 and subject_id = $2 and cleared_at is null",
    values: [kind, subjectId, ctx.clock.now(), ctx.actor.id],
  });
}

/** One row of the history of an account. */
export async function appendStateChange(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountKey,
  change: {
    what: "PARTNER" | "ACCOUNT" | "PRODUCT" | "PAYMENT_ACCOUNT" | "ONBOARDING";
    subjectId: string;
    from: string | null;
    to: string;
    madeBy: "US" | "KLARNA";
    reason?: string | null;
    decisionId?: string | null;
    at?: Date;
  },
): Promise<void> {
  const now = ctx.clock.now();
  await tx.query<Row>({
    text: `insert into account_state_changes (id, partner_id, mode, what, subject_id, from_state, to_state, made_by, actor_id, reason,
        klarna_decision_id, occurred_at, created_at) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13)`,
    values: [
      newId("accountStateChange", now.getTime()),
      account.partnerId,
      account.mode,
      change.what,
      change.subjectId,
      change.from,
      change.to,
      change.madeBy,
      change.madeBy === "KLARNA" ? "klarna" : ctx.actor.id,
      change.reason ?? null,
      change.decisionId ?? null,
      change.at ?? now,
      now,
    ],
  });
}

/** Tells the Partner's endpoints of the mode. The two modes share the Partner's id: each counts in its own half of the numbers. */
export async function appendPartnerEvent(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  type: Extract<EventType, `partner.${string}`>,
): Promise<void> {
  const now = ctx.clock.now();
  account.eventSequence += 1;
  await tx.query<Row>({
    text: "update partner_accounts set event_sequence = $3 where partner_id = $1 and mode = $2",
    values: [account.partnerId, account.mode, account.eventSequence],
  });
  await tx.query<Row>({
    text: `insert into outbox_events (id, partner_id, mode, type, subject_kind, subject_id, sequence, payload, request_id, created_at)
      values ($1,$2,$3,$4,'partner',$2,$5,$6::jsonb,$7,$8)`,
    values: [
      newId("event", now.getTime()),
      account.partnerId,
      account.mode,
      type,
      account.eventSequence * 2 + (account.mode === "live" ? 1 : 0),
      JSON.stringify({
        object: {
          id: account.partnerId,
          object: "partner",
          mode: account.mode,
          reference: account.partnerReference,
          status: account.partnerState.toLowerCase(),
          account_status: account.state.toLowerCase(),
          product_status: account.productState.toLowerCase(),
          updated_at: now.toISOString(),
        },
      }),
      ctx.requestId,
      now,
    ],
  });
}

/** Whether new payments are taken now. */
export function takesPayments(account: Pick<AccountRow, "partnerState" | "state" | "productState">): boolean {
  return (
    account.partnerState === "OPERATIONAL" &&
    (account.state === "OPERATIONAL" || account.state === "PARTIALLY_OPERATIONAL") &&
    account.productState === "ENABLED"
  );
}

/** Announces the difference that a change made for payments; `account` is as it was before `change` ran. */
export async function announcingPayments(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  change: () => Promise<void>,
): Promise<void> {
  const could = takesPayments(account);
  await change();
  const can = takesPayments(account);
  if (could && !can) await appendPartnerEvent(tx, ctx, account, "partner.disabled");
  if (!could && can && account.operationalAt !== null) await appendPartnerEvent(tx, ctx, account, "partner.enabled");
}

async function keepDecision(tx: Queries, ctx: ServiceContext, account: AccountKey, decision: WireDecision) {
  const now = ctx.clock.now();
  const made = await tx.query<{ id: string }>({
    text: `insert into compliance_decisions (id, partner_id, mode, klarna_decision_id, reason, outcome, decided_at, received_at)
      values ($1,$2,$3,$4,$5,$6,$7,$8) on conflict (mode, klarna_decision_id) do nothing returning id`,
    values: [
      newId("complianceDecision", now.getTime()),
      account.partnerId,
      account.mode,
      decision.compliance_decision_id,
      decision.reason,
      decision.outcome,
      decision.created_at ?? now,
      now,
    ],
  });
  const [row] = made;
  if (!row) return;
  await appendAudit(tx, ctx, {
    action: "compliance_decision.received",
    subjectKind: "compliance_decision",
    subjectId: row.id,
    partnerId: account.partnerId,
    mode: account.mode,
    after: { reason: decision.reason, outcome: decision.outcome },
  });
}

export async function keepDecisions(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountKey,
  decisions: readonly WireDecision[],
): Promise<void> {
  for (const decision of decisions) await keepDecision(tx, ctx, account, decision);
}

/**
 * Takes over what Klarna says of the account and its product. `account` is locked by the caller and follows the change.
 * A word that is not known here changes nothing and raises an alarm.
 */
export async function applyFacts(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  facts: AccountFacts,
): Promise<void> {
  const now = ctx.clock.now();
  const stopped = { kind: "partner_stopped_by_klarna", subjectKind: "partner", subjectId: account.partnerId };
  await announcingPayments(tx, ctx, account, async () => {
    const { accountState, product } = facts;
    const unknown = [
      ...(accountState !== undefined && !ACCOUNT_STATES.some((state) => state === accountState) ? [accountState] : []),
      ...(product && !PRODUCT_STATES.some((state) => state === product.state) ? [product.state] : []),
    ];
    if (unknown.length > 0) {
      await raiseAlarm(tx, ctx, {
        kind: "klarna_state_unknown",
        partnerId: account.partnerId,
        mode: account.mode,
        subjectKind: "partner",
        subjectId: account.partnerId,
        message: "Klarna named a state of the account that is not known here.",
      });
      return;
    }
    if (accountState !== undefined && accountState !== account.state) {
      await appendStateChange(tx, ctx, account, {
        what: "ACCOUNT",
        subjectId: account.klarnaId ?? account.partnerId,
        from: account.state,
        to: accountState,
        madeBy: "KLARNA",
      });
      account.state = accountState;
    }
    const isPending = product?.pending_state != null && product.pending_state !== product.state;
    if (product) {
      const wasKnown = account.productId !== null;
      account.productId = product.product_id;
      if (product.payment_profile_id !== null) account.paymentProfileId = product.payment_profile_id;
      if (product.state !== account.productState) {
        const madeBy =
          product.state_changed_by === "KLARNA" || (product.state !== account.productWanted && !isPending)
            ? "KLARNA"
            : "US";
        if (wasKnown || product.state !== "ENABLED") {
          await appendStateChange(tx, ctx, account, {
            what: "PRODUCT",
            subjectId: product.product_id,
            from: account.productState,
            to: product.state,
            madeBy,
            reason: product.compliance_decision?.reason ?? null,
            decisionId: product.compliance_decision?.compliance_decision_id ?? null,
            at: product.state_changed_at ?? now,
          });
        }
        account.productState = product.state;
        await tx.query<Row>({
          text: "update partner_accounts set product_changed_by = $3, product_changed_at = $4 where partner_id = $1 and mode = $2",
          values: [account.partnerId, account.mode, madeBy, product.state_changed_at ?? now],
        });
        if (madeBy === "KLARNA" && product.state !== "ENABLED") {
          await raiseAlarm(tx, ctx, {
            ...stopped,
            partnerId: account.partnerId,
            mode: account.mode,
            message: `Klarna has ${product.state === "TERMINATED" ? "terminated" : "disabled"} payments of ${account.partnerName}.`,
          });
        }
      }
      if (product.compliance_decision) await keepDecisions(tx, ctx, account, [product.compliance_decision]);
      const follows = product.state === "ENABLED" ? "ENABLED" : "DISABLED";
      for (const entry of product.payment_accounts) {
        await tx.query<Row>({
          text: `update payment_accounts set klarna_payment_account_id = $4, state = $5, updated_at = $6
            where partner_id = $1 and mode = $2 and reference = $3 and (klarna_payment_account_id is distinct from $4 or state <> $5)`,
          values: [
            account.partnerId,
            account.mode,
            entry.payment_account_reference,
            entry.payment_account_id,
            entry.state === "ENABLED" || entry.state === "DISABLED" ? entry.state : follows,
            now,
          ],
        });
      }
    }
    if (account.state === "DISABLED") {
      await raiseAlarm(tx, ctx, {
        ...stopped,
        partnerId: account.partnerId,
        mode: account.mode,
        message: `Klarna has disabled the account of ${account.partnerName}.`,
      });
    } else if (account.productState === "ENABLED") await clearAlarm(tx, ctx, stopped.kind, account.partnerId);
    const isFirstTime = account.state === "OPERATIONAL" && account.operationalAt === null;
    if (isFirstTime) account.operationalAt = now;
    const wait =
      account.state === "PARTIALLY_OPERATIONAL" ? READ_SOON_MS : isPending ? READ_PENDING_MS : READ_INTERVAL_MS;
    await tx.query<Row>({
      text: `update partner_accounts set state = $3, product_state = $4, klarna_product_id = $5, payment_profile_id = $6, operational_at = $7,
          next_read_at = $8, updated_at = case when (state, product_state) is distinct from ($3, $4) then $9 else updated_at end
        where partner_id = $1 and mode = $2`,
      values: [
        account.partnerId,
        account.mode,
        account.state,
        account.productState,
        account.productId,
        account.paymentProfileId,
        account.operationalAt,
        addMs(now, wait),
        now,
      ],
    });
    if (isFirstTime) {
      const ended = await tx.query<{ id: string }>({
        text: `update onboardings set state = 'OPERATIONAL', finished_at = $3, updated_at = $3, version = version + 1
          where partner_id = $1 and mode = $2 and state in ('ONBOARDED','ONBOARDING') returning id`,
        values: [account.partnerId, account.mode, now],
      });
      for (const { id } of ended) {
        await appendStateChange(tx, ctx, account, {
          what: "ONBOARDING",
          subjectId: id,
          from: "ONBOARDED",
          to: "OPERATIONAL",
          madeBy: "KLARNA",
        });
      }
      await appendAudit(tx, ctx, {
        action: "partner.operational",
        subjectKind: "partner",
        subjectId: account.partnerId,
        partnerId: account.partnerId,
        mode: account.mode,
        after: { state: account.state },
      });
      await appendPartnerEvent(tx, ctx, account, "partner.operational");
    }
  });
}
