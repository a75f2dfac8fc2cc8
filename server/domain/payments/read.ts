import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { type Page, toPage } from "@/server/core/pagination";
import { isEqualSecret } from "@/server/db/secrets";
import { openShipping } from "./captures";
import {
  inTimeOf,
  issueDisplayToken,
  openCaptureAmount,
  openKinds,
  openRefundAmount,
  presentNow,
  presentOne,
} from "./change";
import type { MoneyTask } from "./list-filter";
import { findPayment, listCaptures, listOperations, listRefundRows } from "./repository";
import {
  findWithSomethingLeft,
  listOpenAlarms,
  listPaymentRecords,
  type PaymentTotals,
  readTimelineRows,
  totalPayments,
} from "./repository-lists";
import type { CaptureRow, OperationRow, PaymentRecord, RefundRow } from "./rows";
import type { PaymentFilter, PublicPayment } from "./schema";
import { refundableAmount } from "./snapshot";
import { capturableAmount, type PaymentActions, paymentActions } from "./states";

/** NOTIFY channel on which every change of a payment is heard; the payload is the payment's id. */
export const PAYMENT_CHANNEL = "payment_changed";

const states = (filter: PaymentFilter): string[] | null => filter.status?.map((status) => status.toUpperCase()) ?? null;

/** Errors: permission_denied, payment_not_found (also for another Partner's and the other mode's). */
export async function getPayment(ctx: ServiceContext, id: string): Promise<PublicPayment> {
  requirePermission(ctx, "payments:read");
  const payment = await findPayment(ctx.db, ctx.scope, id);
  if (!payment) throw new AppError("payment_not_found");
  return presentOne(ctx, payment);
}

/** Newest first, stable while rows arrive. Errors: permission_denied, validation_failed (cursor). */
export async function listPayments(
  ctx: ServiceContext,
  filter: PaymentFilter,
  page: { limit: number; cursor?: string },
): Promise<Page<PublicPayment>> {
  const { data, hasMore, nextCursor } = await listPaymentRecordsPage(ctx, filter, page);
  return { data: await presentNow(ctx, data), hasMore, nextCursor };
}

/** The same rows for the screens, with the names of Partner, store and terminal. */
export async function listPaymentRecordsPage(
  ctx: ServiceContext,
  filter: PaymentFilter,
  page: { limit: number; cursor?: string },
): Promise<Page<PaymentRecord>> {
  requirePermission(ctx, "payments:read");
  return toPage(await listPaymentRecords(ctx.db, ctx.scope, { ...filter, states: states(filter) }, page), page.limit);
}

/** Number and sums by currency of what the filter finds, of the newest 100,000 at most. Errors: permission_denied. */
export async function getPaymentTotals(ctx: ServiceContext, filter: PaymentFilter): Promise<PaymentTotals> {
  requirePermission(ctx, "payments:read");
  return totalPayments(ctx.db, ctx.scope, { ...filter, states: states(filter) });
}

/**
 * The newest payments that the filter finds and that have something left to capture, or to refund: their ids, and whose they
 * are. Errors: permission_denied.
 */
export async function findPaymentsFor(
  ctx: ServiceContext,
  task: MoneyTask,
  filter: PaymentFilter,
  limit: number,
): Promise<{ id: string; partnerId: string }[]> {
  requirePermission(ctx, "payments:read");
  return findWithSomethingLeft(ctx.db, ctx.scope, { ...filter, states: states(filter) }, task, limit);
}

/** A capture with the little of its delivery that helps to follow it; who gets it stays sealed. */
export type CaptureView = Omit<CaptureRow, "shippingSecret" | "intentKey"> & {
  shipping: { reference: string | null; trackingNumber: string | null; trackingUrl: string | null } | null;
};

export type PaymentView = {
  payment: PaymentRecord;
  amountRefundable: number;
  /** What can still be captured; captures that may still succeed count as captured. */
  amountCapturable: number;
  actions: PaymentActions;
  captures: CaptureView[];
  refunds: RefundRow[];
  operations: OperationRow[];
  alarms: { id: string; kind: string; message: string; raisedAt: Date }[];
  displayUrl: string;
};

/** Everything the record screen shows besides the timeline. Errors: permission_denied, payment_not_found. */
export async function getPaymentRecord(ctx: ServiceContext, id: string): Promise<PaymentView> {
  requirePermission(ctx, "payments:read");
  const payment = await findPayment(ctx.db, ctx.scope, id);
  if (!payment) throw new AppError("payment_not_found");
  const [captures, refunds, operations, alarms] = await Promise.all([
    listCaptures(ctx.db, payment),
    listRefundRows(ctx.db, payment),
    listOperations(ctx.db, payment),
    listOpenAlarms(ctx.db, payment),
  ]);
  const amountRefundable = refundableAmount(payment, openRefundAmount(refunds));
  const facts = {
    ...payment,
    amountRefundable,
    openCaptures: openCaptureAmount(captures),
    open: openKinds(operations),
    now: inTimeOf(ctx, payment).clock.now(),
  };
  return {
    payment: { ...payment, purchaseSecret: null, klarnaTokenSecret: null },
    amountRefundable,
    amountCapturable: payment.state === "AUTHORIZED" ? capturableAmount(facts) : 0,
    actions: paymentActions(facts),
    captures: captures.map((capture) => viewCapture(ctx, capture)),
    refunds,
    operations,
    alarms,
    displayUrl: `${ctx.env.PUBLIC_URL}/display/${payment.id}`,
  };
}

function viewCapture(ctx: ServiceContext, row: CaptureRow): CaptureView {
  const { shippingSecret: _secret, intentKey: _key, ...capture } = row;
  const shipping = openShipping(ctx, row);
  return {
    ...capture,
    shipping:
      shipping === null
        ? null
        : {
            reference: shipping.reference ?? null,
            trackingNumber: shipping.tracking_number ?? null,
            trackingUrl: shipping.tracking_url ?? null,
          },
  };
}

export type TimelineItem =
  | {
      kind: "call";
      id: string;
      at: Date;
      operation: string;
      attempt: number;
      outcome: string;
      method: string;
      path: string;
      httpStatus: number | null;
      durationMs: number;
      correlationId: string | null;
      errorId: string | null;
      idempotencyKey: string;
      request: unknown;
      response: unknown;
    }
  | {
      kind: "klarna_event";
      id: string;
      at: Date;
      eventType: string;
      state: string;
      note: string | null;
      occurredAt: Date;
    }
  | {
      kind: "event";
      id: string;
      at: Date;
      type: string;
      payload: unknown;
      deliveries: { id: string; url: string; state: string; attempts: number; deliveredAt: Date | null }[];
    }
  | {
      kind: "audit";
      id: string;
      at: Date;
      action: string;
      actorKind: string;
      actorId: string;
      actorName: string | null;
      way: string;
      requestId: string | null;
      before: unknown;
      after: unknown;
    };

/**
 * Every call, event and step of a payment, oldest first. Raw (masked) messages only for those who may see them.
 * Errors: permission_denied, payment_not_found.
 */
export async function getPaymentTimeline(
  ctx: ServiceContext,
  id: string,
  options: { withMessages: boolean },
): Promise<TimelineItem[]> {
  requirePermission(ctx, options.withMessages ? "payments:raw" : "payments:read");
  const payment = await findPayment(ctx.db, ctx.scope, id);
  if (!payment) throw new AppError("payment_not_found");
  const rows = await readTimelineRows(ctx.db, ctx.scope, payment);
  const items: TimelineItem[] = [
    ...rows.calls.map((row) => ({
      kind: "call" as const,
      id: `call_${row.id}`,
      at: row.createdAt,
      operation: row.kind,
      attempt: row.attempt,
      outcome: row.outcome,
      method: row.method,
      path: row.path,
      httpStatus: row.httpStatus,
      durationMs: row.durationMs,
      correlationId: row.klarnaCorrelationId,
      errorId: row.klarnaErrorId,
      idempotencyKey: row.idempotencyKey,
      request: options.withMessages ? row.request : null,
      response: options.withMessages ? row.response : null,
    })),
    ...rows.inbox.map((row) => ({
      kind: "klarna_event" as const,
      id: row.id,
      at: row.receivedAt,
      eventType: row.eventType,
      state: row.state,
      note: row.note,
      occurredAt: row.occurredAt,
    })),
    ...rows.events.map((row) => ({
      kind: "event" as const,
      id: row.id,
      at: row.createdAt,
      type: row.type,
      payload: options.withMessages ? row.payload : null,
      deliveries: rows.deliveries
        .filter((delivery) => delivery.eventId === row.id)
        .map((delivery) => ({
          id: delivery.id,
          url: delivery.url,
          state: delivery.state,
          attempts: delivery.attempts,
          deliveredAt: delivery.deliveredAt,
        })),
    })),
    ...rows.audit.map((row) => ({
      kind: "audit" as const,
      id: row.id,
      at: row.createdAt,
      action: row.action,
      actorKind: row.actorKind,
      actorId: row.actorId,
      actorName: row.actorName,
      way: row.way,
      requestId: row.requestId,
      before: row.before,
      after: row.after,
    })),
  ];
  return items.sort((left, right) => left.at.getTime() - right.at.getTime() || left.id.localeCompare(right.id));
}

/** Whether a token opens the display of this payment. Constant time. */
export function isDisplayToken(services: Pick<ServiceContext, "secrets">, paymentId: string, token: string): boolean {
  return isEqualSecret(issueDisplayToken(services, paymentId), token);
}
