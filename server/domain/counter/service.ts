import type { z } from "zod";
import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { appendAudit } from "@/server/domain/audit/service";
import {
  CreatePaymentSchema,
  type CreateRefundInput,
  type LineItem,
  type PublicPayment,
  type RefundSnapshot,
} from "@/server/domain/payments/schema";
import {
  cancelPayment,
  createPayment,
  getPayment,
  getPaymentRecord,
  listPayments,
  lookUpPayments,
  refundOrAsk,
  refundPayment,
} from "@/server/domain/payments/service";
import type { CounterPlace } from "@/server/domain/terminals/schema";
import {
  type CounterPayment,
  type ReturnOutcome,
  type ReturnSchema,
  type Sale,
  type SaleRecord,
  SaleSearchSchema,
  type TakeSchema,
} from "./schema";

// biome-ignore lint/performance/noBarrelFile: a service that outgrew one file is split by use case, and this is its one door
export { kioskMethod } from "./kiosk";

/*
 * What the till and the kiosk of one terminal do. The context is the paired browser's, or that of somebody signed in, tied
 * to the terminal: the payments of another one do not exist for it. Returns alone look further, at any sale of the Partner.
 */

const LATEST_MAX = 50;
const FOUND_MAX = 20;

const toCounter = (payment: PublicPayment): CounterPayment => ({
  id: payment.id,
  mode: payment.mode,
  status: payment.status,
  amount: payment.amount,
  currency: payment.currency,
  reference: payment.reference,
  launch: payment.launch,
  amount_refunded: payment.amount_refunded,
  amount_refundable: payment.amount_refundable,
  klarna: { qr_code: payment.klarna.qr_code && { target_url: payment.klarna.qr_code.target_url } },
  funding: payment.funding,
  failure: payment.failure && { code: payment.failure.code },
  created_at: payment.created_at,
  expires_at: payment.expires_at,
  updated_at: payment.updated_at,
});

/** Takes a payment at the terminal, by QR code or by the customer's short code. Errors: those of `createPayment`. Case: R5. */
export async function takeAtCounter(
  ctx: ServiceContext,
  place: CounterPlace,
  input: z.output<typeof TakeSchema>,
): Promise<CounterPayment> {
  const { amount, currency, reference, lines, paymentOptionId, shortCode } = input;
  const body = CreatePaymentSchema.parse({
    amount,
    currency,
    reference,
    channel: "in_store",
    ...(shortCode === null ? { launch: "qr" } : { launch: "short_code", short_code: shortCode }),
    store: { id: place.storeId },
    terminal: { id: place.terminalId },
    ...(lines.length === 0
      ? {}
      : {
          line_items: lines.map((line) => ({
            name: line.name,
            quantity: line.quantity,
            unit_price: line.unitPrice,
            total_amount: line.quantity * line.unitPrice,
          })),
        }),
    ...(paymentOptionId === null ? {} : { klarna: { payment_option_id: paymentOptionId } }),
  });
  return toCounter(await createPayment(ctx, body, { partnerId: place.partnerId }));
}

/** Errors: permission_denied, payment_not_found (another terminal's too), payment_not_cancelable. */
export async function cancelAtCounter(ctx: ServiceContext, id: string): Promise<CounterPayment> {
  return toCounter(await cancelPayment(ctx, id));
}

/** Errors: permission_denied, payment_not_found (another terminal's too). */
export async function getAtCounter(ctx: ServiceContext, id: string): Promise<CounterPayment> {
  return toCounter(await getPayment(ctx, id));
}

/** The terminal's payments since `from`, newest first, fifty at most. Errors: permission_denied. */
export async function listAtCounter(ctx: ServiceContext, from: Date): Promise<CounterPayment[]> {
  const { data } = await listPayments(ctx, { created_from: from.toISOString() }, { limit: LATEST_MAX });
  return data.map(toCounter);
}

// --- Returns -----------------------------------------------------------------------------------------------------------------

/** Where sales are looked for: all of the Partner's, of every store and channel. */
function overAllStores(ctx: ServiceContext, place: CounterPlace): ServiceContext {
  requirePermission(ctx, "payments:refund");
  return { ...ctx, scope: { mode: ctx.scope.mode, partners: [place.partnerId] } };
}

const PAYMENT_ID = /pay_[0-9A-HJKMNP-TV-Z]{26}/;

const toSale = (payment: PublicPayment, storeName: string | null): Sale => ({
  id: payment.id,
  reference: payment.reference,
  status: payment.status,
  amount: payment.amount,
  currency: payment.currency,
  channel: payment.channel,
  storeName,
  createdAt: payment.created_at,
  amountRefundable: payment.amount_refundable,
});

/**
 * Finds sales by what a scanner read or a person typed: the code of a receipt, our id, the reference, Klarna's transaction
 * id; exactly, so that nobody leafs through sales. Newest first. Errors: permission_denied, validation_failed.
 */
export async function findSales(ctx: ServiceContext, place: CounterPlace, typed: string): Promise<SaleRecord[]> {
  const wide = overAllStores(ctx, place);
  const text = SaleSearchSchema.parse(typed.trim());
  const id = PAYMENT_ID.exec(text.toUpperCase().replace(/PAY_/, "pay_"))?.[0];
  const texts = [...new Set([id ?? text, text])];
  const found = (await Promise.all(texts.map((each) => lookUpPayments(wide, { reference: each })))).flat();
  const sold = found.filter((payment) => payment.amount_captured > 0 || payment.status === "authorized");
  const distinct = [...new Map(sold.map((payment) => [payment.id, payment])).values()].slice(0, FOUND_MAX);
  return Promise.all(distinct.map((payment) => getSale(ctx, place, payment.id)));
}

/** One sale with what is left of it. Errors: permission_denied, payment_not_found. */
export async function getSale(ctx: ServiceContext, place: CounterPlace, id: string): Promise<SaleRecord> {
  const wide = overAllStores(ctx, place);
  const [payment, view] = await Promise.all([getPayment(wide, id), getPaymentRecord(wide, id)]);
  return {
    ...toSale(payment, view.payment.storeName),
    lines: view.payment.lineItems.map((line, index) => ({
      index,
      name: line.name,
      quantity: line.quantity,
      amount: line.total_amount,
    })),
    captures: view.captures
      .filter((capture) => capture.state === "SUCCEEDED")
      .map((capture) => ({
        id: capture.id,
        amount: capture.amount,
        left:
          capture.amount -
          view.refunds
            .filter((refund) => refund.captureId === capture.id && refund.state !== "FAILED")
            .reduce((sum, refund) => sum + refund.amount, 0),
      })),
  };
}

/**
 * Gives back a sale, or part of it, at this till: the return keeps this store and terminal, wherever the sale was made.
 * A paired till whose terminal has a limit gives back no more than that of one sale, and of sales in its currency alone.
 * Errors: those of `refundPayment`. Source: KNR-L3. Case: R5.
 */
export async function refundAtCounter(
  ctx: ServiceContext,
  place: CounterPlace,
  input: Omit<z.output<typeof ReturnSchema>, "nonce" | "terminalId">,
): Promise<ReturnOutcome> {
  const wide = overAllStores(ctx, place);
  const { payment } = await getPaymentRecord(wide, input.paymentId);
  const sale = await getSale(ctx, place, input.paymentId);
  const lines = chooseLines(payment.lineItems, input.lines);
  const left = sale.captures.find((capture) => capture.id === input.capture)?.left ?? sale.amountRefundable;
  const amount = lines === null ? (input.amount ?? left) : lines.reduce((sum, line) => sum + line.total_amount, 0);
  const body = {
    ...(lines === null ? { amount } : { line_items: lines }),
    ...(input.capture === null ? {} : { capture: input.capture }),
    reason: input.reason,
    store: { id: place.storeId },
    terminal: { id: place.terminalId },
  };
  if (ctx.actor.kind === "USER") {
    const outcome = await refundOrAsk(wide, payment.id, body);
    if (outcome.kind === "approval")
      return { kind: "approval", id: null, status: null, amount: outcome.amount, currency: outcome.currency };
    return toOutcome(outcome.refund);
  }
  return refundAtTill(wide, place, payment, body);
}

type RefundTaken = { state: string; amount: number; createdBy: string };

/**
 * The same at a paired till. The limit is compared under the payment's lock, after the attempt's own key: two returns at
 * once do not pass it together, and a repeat of one that was made is answered with it.
 */
async function refundAtTill(
  ctx: ServiceContext,
  place: CounterPlace,
  payment: { id: string; currency: string },
  body: CreateRefundInput,
): Promise<ReturnOutcome> {
  const { till_return_limit: limit, till_return_currency: stated } = place.settings;
  const limitCurrency = stated === "auto" ? place.currency : stated;
  const found: { refused: { kind: "limit" | "currency"; amount: number; given: number } | null } = { refused: null };
  const mayRefund = (refunds: readonly RefundTaken[], amount: number): void => {
    const given = refunds
      .filter((refund) => refund.state !== "FAILED" && refund.createdBy.startsWith("pdv_"))
      .reduce((sum, refund) => sum + refund.amount, 0);
    // A number says nothing about another currency: staff decide.
    const kind =
      limit === 0 ? null : payment.currency !== limitCurrency ? "currency" : given + amount > limit ? "limit" : null;
    found.refused = kind === null ? null : { kind, amount, given };
    if (found.refused !== null) throw new AppError("rule_broken");
  };
  try {
    return toOutcome(await refundPayment(ctx, payment.id, body, { mayRefund }));
  } catch (error) {
    if (found.refused === null) throw error;
    const { kind, ...asked } = found.refused;
    await appendAudit(ctx.db, ctx, {
      action: kind === "limit" ? "refund.above_till_limit" : "refund.not_in_till_currency",
      subjectKind: "payment",
      subjectId: payment.id,
      partnerId: place.partnerId,
      after: { ...asked, currency: payment.currency, limit, limit_currency: limitCurrency },
    });
    const amount = kind === "limit" ? limit : asked.amount;
    return { kind, id: null, status: null, amount, currency: payment.currency };
  }
}

const toOutcome = ({ id, status, amount, currency }: RefundSnapshot): ReturnOutcome => ({
  kind: "refund",
  id,
  status,
  amount,
  currency,
});

/** Whole lines of the sale; null when none was chosen. Errors: validation_failed. */
function chooseLines(all: readonly LineItem[], chosen: readonly number[]): LineItem[] | null {
  if (chosen.length === 0) return null;
  return [...new Set(chosen)].map((index) => {
    const line = all[index];
    if (line === undefined)
      throw new AppError("validation_failed", {
        errors: [{ pointer: "/lines", detail: "is not a line of this sale" }],
      });
    return line;
  });
}
