import { klarnaIdempotencyKey } from "@/server/core/ids";
import { redact } from "@/server/core/redact";
import { addMs, DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import type { CaptureRow, OperationKind, OperationRow, PaymentRecord, RefundRow } from "@/server/domain/payments/rows";
import type { LineItem } from "@/server/domain/payments/schema";
import { announceCapture, announcePayment, announceRefund, stateEvent } from "@/server/domain/payments/snapshot";
import { type PaymentState, paymentMachine, REAUTHORIZE_WITHIN_MS } from "@/server/domain/payments/states";
import type { EventType, NewEvent } from "@/server/events/catalog";
import type { DemoPartner } from "./partners";
import type { Random } from "./random";

/* One payment of the demo, played step by step through the state table. */

export type SeededStore = {
  id: string;
  reference: string;
  name: string;
  klarnaStoreId: string;
  isWebsite: boolean;
  terminals: { id: string; reference: string; label: string }[];
};
export type SeededPartner = {
  demo: DemoPartner;
  id: string;
  accountId: string;
  apiKeyId: string;
  stores: SeededStore[];
};

type Actor = { kind: string; id: string; way: string };
const KLARNA: Actor = { kind: "KLARNA", id: "klarna", way: "WEBHOOK" };
const FINALIZER: Actor = { kind: "SYSTEM", id: "final-authorize", way: "JOB" };
const EXPIRER: Actor = { kind: "SYSTEM", id: "expire-payments", way: "JOB" };

type Dated<T> = T & { createdAt: Date };
export type History = {
  payments: PaymentRecord[];
  operations: OperationRow[];
  captures: CaptureRow[];
  refunds: RefundRow[];
  /** What Klarna told us: the body is encrypted when it is written. */
  inbox: (Record<string, unknown> & { id: string; mode: "test"; body: Record<string, unknown> })[];
  calls: Record<string, unknown>[];
  events: Dated<NewEvent & { version: number; requestId: string | null; relayedAt: Date }>[];
  audit: Dated<Record<string, unknown>>[];
  alarms: (Record<string, unknown> & { raisedAt: Date })[];
};

export type Outcome =
  | "approved_at_once"
  | "completed"
  | "declined_at_once"
  | "declined_in_journey"
  | "canceled"
  | "expired"
  | "lapsed"
  | "authorized"
  | "voided"
  | "captured"
  | "authorization_expired";

const DECLINES = ["high_risk", "credit_limit_exceeded", "could_not_establish_identity", "denied", "other"];
const REFUND_REASONS = ["Returned unused", "Wrong size", "Damaged", "Price adjustment", "Changed mind"];

export class Story {
  private at: Date;
  private readonly payment: PaymentRecord;
  private readonly caller: Actor;
  /** What Klarna told last, and when. */
  private cause: { id: string; at: Date } | null = null;

  constructor(
    private readonly random: Random,
    private readonly history: History,
    private readonly partner: SeededPartner,
    reference: string,
    start: Date,
    website: SeededStore | null,
  ) {
    const { demo } = partner;
    this.at = start;
    this.caller = { kind: "API_KEY", id: partner.apiKeyId, way: "API" };
    const store = website ?? random.pick(partner.stores.filter((other) => !other.isWebsite));
    const terminal = website ? null : random.pick(store.terminals);
    const lineItems = this.basket();
    this.payment = {
      id: random.id("payment", start),
      partnerId: partner.id,
      mode: "test",
      version: 1,
      state: "PROCESSING",
      amount: lineItems.reduce((sum, item) => sum + item.total_amount, 0),
      currency: demo.currency,
      reference,
      allowRepeatReference: false,
      channel: website ? "WEB" : "IN_STORE",
      launch: website ? "REDIRECT" : "QR",
      capture: website ? "MANUAL" : "AUTOMATIC",
      rail: "NETWORK",
      classic: null,
      klarnaReference: null,
      storeId: store.id,
      terminalId: terminal?.id ?? null,
      amountAuthorized: 0,
      amountCaptured: 0,
      amountRefunded: 0,
      amountVoided: 0,
      lineItems,
      metadata: {},
      purchaseSecret: null,
      klarnaPaymentRequestId: null,
      klarnaPaymentRequestUrl: null,
      klarnaQrImageUrl: null,
      klarnaQrTargetUrl: null,
      klarnaRequestState: null,
      klarnaRequestStateAt: null,
      klarnaRequestExpiresAt: null,
      klarnaPaymentTransactionId: null,
      klarnaTokenSecret: null,
      klarnaTokenKind: null,
      sessionTokenHash: null,
      fundingType: null,
      fundingState: null,
      declineReason: null,
      failureCode: null,
      stopMark: null,
      stopMarkedAt: null,
      journeyCompletedAt: null,
      finalStartedAt: null,
      finalizeBy: null,
      expiresAt: addMs(start, website ? HOUR_MS : 15 * MINUTE_MS),
      authorizationExpiresAt: null,
      authorizationWarnedAt: null,
      lateTransactionId: null,
      lateApprovalState: null,
      eventSequence: 0,
      nextActionAt: null,
      createdBy: partner.apiKeyId,
      createdAt: start,
      updatedAt: start,
      storeReference: store.reference,
      storeName: store.name,
      storeAddress: null,
      storeSource: "REGISTERED",
      storeKlarnaId: store.klarnaStoreId,
      terminalReference: terminal?.reference ?? null,
      terminalLabel: terminal?.label ?? null,
      partnerName: demo.name,
      accountId: partner.accountId,
      clockAheadMs: 0,
    };
    this.history.payments.push(this.payment);
    this.note(this.caller, "payment.created", undefined, {
      status: "PROCESSING",
      amount: this.payment.amount,
      currency: this.payment.currency,
      reference,
    });
  }

  play(outcome: Outcome, now: Date): void {
    switch (outcome) {
      case "approved_at_once":
        this.approve("AUTHORIZE", this.caller);
        break;
      case "declined_at_once":
        this.wait(320, 700);
        this.operation("AUTHORIZE", "DECLINED", this.authorizeCall("DECLINED"));
        this.move("DECLINED", this.caller, { declineReason: this.random.pick(DECLINES) });
        return;
      default:
        this.stepUp();
    }
    if (outcome === "approved_at_once") {
      this.maybeRefund(now);
      return;
    }
    const hasBegun = outcome !== "expired" && outcome !== "canceled" ? true : this.random.chance(0.45);
    if (hasBegun) {
      this.wait(7 * SECOND_MS, 40 * SECOND_MS);
      this.requestState("IN_PROGRESS");
      this.move("IN_PROGRESS", KLARNA);
    }
    switch (outcome) {
      case "declined_in_journey":
        this.wait(15 * SECOND_MS, 80 * SECOND_MS);
        this.requestState("DECLINED");
        this.move("DECLINED", KLARNA, { declineReason: this.random.pick(DECLINES) });
        return;
      case "canceled":
        this.wait(25 * SECOND_MS, 4 * MINUTE_MS);
        this.stop("CANCEL", "CANCELED", this.caller);
        return;
      case "expired":
        this.at = this.payment.expiresAt;
        this.stop("EXPIRE", "EXPIRED", EXPIRER);
        return;
      default:
    }
    this.wait(18 * SECOND_MS, 95 * SECOND_MS);
    this.requestState("COMPLETED");
    if (outcome === "lapsed") {
      this.lapse(now);
      return;
    }
    this.move("FINALIZING", KLARNA, {
      journeyCompletedAt: this.at,
      finalStartedAt: this.at,
      finalizeBy: addMs(this.at, HOUR_MS),
    });
    this.approve("FINAL_AUTHORIZE", FINALIZER);
    if (outcome === "voided") {
      this.wait(2 * HOUR_MS, 20 * HOUR_MS);
      if (this.at < addMs(now, -HOUR_MS)) this.release();
    } else if (outcome === "captured") {
      this.wait(3 * HOUR_MS, 44 * HOUR_MS);
      if (this.at < addMs(now, -HOUR_MS)) this.captureRest();
    } else if (outcome === "authorization_expired") {
      this.at = this.payment.authorizationExpiresAt ?? this.at;
      this.move("AUTHORIZATION_EXPIRED", EXPIRER, { nextActionAt: addMs(this.at, REAUTHORIZE_WITHIN_MS) });
    }
    if (this.payment.state === "AUTHORIZED") this.payment.nextActionAt = this.payment.authorizationExpiresAt;
    this.maybeRefund(now);
  }

  private basket(): LineItem[] {
    const { demo } = this.partner;
    const choices = demo.products.map((value) => ({ value, weight: value.weight ?? 1 }));
    const chosen = new Map<string, { price: number; quantity: number }>();
    const count = this.random.weighted([
      { weight: 60, value: 1 },
      { weight: 28, value: 2 },
      { weight: 12, value: 3 },
    ]);
    for (let index = 0; index < count; index += 1) {
      const product = this.random.weighted(choices);
      const known = chosen.get(product.name);
      chosen.set(product.name, { price: product.price * 100, quantity: (known?.quantity ?? 0) + 1 });
    }
    return [...chosen].map(([name, { price, quantity }]) => ({
      name,
      quantity,
      unit_price: price,
      total_amount: price * quantity,
      ...(demo.taxRate === 0
        ? {}
        : {
            tax_rate: demo.taxRate,
            total_tax_amount: Math.round((price * quantity * demo.taxRate) / (10_000 + demo.taxRate)),
          }),
    }));
  }

  private wait(minMs: number, maxMs: number): void {
    this.at = addMs(this.at, this.random.int(minMs, maxMs));
  }

  /** The event from Klarna that made this happen: the one that came at this moment, where Klarna is the actor. */
  private causeOf(actor: Actor): string | null {
    const { cause } = this;
    return actor.kind === "KLARNA" && cause !== null && cause.at === this.at ? cause.id : null;
  }

  private note(actor: Actor, action: string, before: unknown, after: unknown): void {
    const requestId = this.random.id("request", this.at);
    this.history.audit.push({
      id: this.random.id("audit", this.at),
      partnerId: this.partner.id,
      mode: "test",
      actorKind: actor.kind,
      actorId: actor.id,
      way: actor.way,
      action,
      subjectKind: "payment",
      subjectId: this.payment.id,
      requestId: this.causeOf(actor) ?? requestId,
      before: before === undefined ? null : redact(before),
      after: redact(after),
      createdAt: this.at,
    });
  }

  private announce(event: NewEvent, requestId: string | null = null): void {
    this.history.events.push({
      ...event,
      id: this.random.id("event", this.at),
      version: 1,
      requestId,
      createdAt: this.at,
      relayedAt: addMs(this.at, this.random.int(8, 90)),
    });
  }

  private announceState(before: PaymentRecord, type: EventType, requestId: string | null = null): void {
    this.announce(announcePayment(before, this.payment, type), requestId);
  }

  /** One step of the payment: only where the state table leads there. */
  private move(state: PaymentState, actor: Actor, facts: Partial<PaymentRecord> = {}): void {
    const before = { ...this.payment };
    if (!paymentMachine.leads(before.state, state))
      throw new Error(`the demo cannot go from ${before.state} to ${state}`);
    Object.assign(this.payment, facts, { state, version: before.version + 1, updatedAt: this.at });
    const type = stateEvent(state);
    if (type) this.announceState(before, type, this.causeOf(actor));
    this.note(actor, `payment.${state.toLowerCase()}`, { status: before.state }, { status: state });
  }

  /** Klarna's own state of the request; what the customer did there came by webhook. */
  private requestState(state: "IN_PROGRESS" | "COMPLETED" | "DECLINED" | "CANCELED"): void {
    const { payment } = this;
    const occurredAt = addMs(this.at, -this.random.int(60, 340));
    const eventType = `payment.request.state-change.${state.toLowerCase().replace("_", "-")}`;
    const eventId = this.random.uuid();
    const id = this.random.id("inboxEvent", this.at);
    this.cause = { id, at: this.at };
    this.history.inbox.push({
      id,
      eventId,
      mode: "test",
      eventType,
      occurredAt,
      subjectAccountId: this.partner.accountId,
      paymentRequestId: payment.klarnaPaymentRequestId,
      paymentTransactionId: null,
      signingKeyId: "krn:partner:global:notification:signing-key:00000000-0000-4000-8000-000000000000",
      state: "PROCESSED",
      attempts: 1,
      note: null,
      paymentId: payment.id,
      nextAttemptAt: null,
      receivedAt: this.at,
      processedAt: addMs(this.at, this.random.int(6, 60)),
      body: {
        metadata: {
          event_type: eventType,
          event_id: eventId,
          event_version: "v2",
          occurred_at: occurredAt.toISOString(),
          subject_account_id: this.partner.accountId,
          live: false,
        },
        payload: {
          payment_request_id: payment.klarnaPaymentRequestId,
          payment_request_reference: payment.id,
          amount: payment.amount,
          currency: payment.currency,
          state,
          previous_state: payment.klarnaRequestState,
        },
      },
    });
    payment.klarnaRequestState = state;
    payment.klarnaRequestStateAt = occurredAt;
  }

  private operation(
    kind: OperationKind,
    result: string,
    call: { method: string; path: string; status: number; request: unknown; response: unknown },
    ids: { captureId?: string; refundId?: string } = {},
  ): void {
    const durationMs = this.random.int(110, 480);
    const openedAt = addMs(this.at, -durationMs);
    const id = this.random.id("operation", openedAt);
    this.history.operations.push({
      id,
      partnerId: this.partner.id,
      mode: "test",
      paymentId: this.payment.id,
      captureId: ids.captureId ?? null,
      refundId: ids.refundId ?? null,
      kind,
      epoch: 1,
      state: call.status < 300 ? "SUCCEEDED" : "FAILED",
      idempotencyKey: klarnaIdempotencyKey(id),
      intentSecret: null,
      result,
      attempts: 1,
      nextAttemptAt: null,
      klarnaErrorCode: null,
      klarnaErrorId: null,
      openedAt,
      settledAt: this.at,
    });
    this.history.calls.push({
      operationId: id,
      partnerId: this.partner.id,
      mode: "test",
      attempt: 1,
      outcome: call.status < 300 ? "ANSWERED" : "REFUSED",
      method: call.method,
      path: call.path,
      httpStatus: call.status,
      request: redact(call.request),
      response: redact(call.response),
      klarnaCorrelationId: this.random.uuid(),
      klarnaErrorId: null,
      durationMs,
      createdAt: this.at,
    });
  }

  private path(rest: string): string {
    return `/v2/accounts/${encodeURIComponent(this.partner.accountId)}/payment/${rest}`;
  }

  private transactionPath(rest: string): string {
    return this.path(`transactions/${encodeURIComponent(this.payment.klarnaPaymentTransactionId ?? "")}/${rest}`);
  }

  private authorizeCall(result: string, more: Record<string, unknown> = {}) {
    const { payment } = this;
    return {
      method: "POST",
      path: this.path("authorize"),
      status: 200,
      request: {
        currency: payment.currency,
        request_payment_transaction: {
          amount: payment.amount,
          payment_transaction_reference: payment.id,
          capture: payment.capture === "AUTOMATIC" ? "NOW" : "LATER",
        },
        supplementary_purchase_data: { purchase_reference: payment.reference, line_items: payment.lineItems },
        step_up_config: {
          payment_request_reference: payment.id,
          customer_interaction_config: { method: payment.launch === "QR" ? "QR_CODE" : "HANDOVER" },
        },
        ...(payment.channel === "IN_STORE"
          ? {
              point_of_checkout: { store_id: payment.storeKlarnaId },
              point_of_transaction: { type: "TERMINAL", terminal_reference: payment.terminalReference },
            }
          : {}),
      },
      response: { payment_transaction_response: { result }, ...more },
    };
  }

  private stepUp(): void {
    this.wait(260, 620);
    const uuid = this.random.uuid();
    const url = `https://pay.test.klarna.com/eu/requests/${uuid}/start`;
    const requestId = `krn:payment:eu1:request:${uuid}`;
    this.operation(
      "AUTHORIZE",
      "STEP_UP_REQUIRED",
      this.authorizeCall("STEP_UP_REQUIRED", {
        payment_request: {
          payment_request_id: requestId,
          amount: this.payment.amount,
          currency: this.payment.currency,
          state: "SUBMITTED",
        },
      }),
    );
    this.move("PENDING", this.caller, {
      klarnaPaymentRequestId: requestId,
      klarnaPaymentRequestUrl: url,
      klarnaRequestState: "SUBMITTED",
      klarnaRequestExpiresAt: addMs(this.at, 3 * HOUR_MS),
      ...(this.payment.launch === "QR"
        ? { klarnaQrTargetUrl: url, klarnaQrImageUrl: `https://pay.test.klarna.com/eu/requests/${uuid}/qr.svg` }
        : {}),
    });
  }

  private approve(kind: "AUTHORIZE" | "FINAL_AUTHORIZE", actor: Actor): void {
    this.wait(250, 650);
    const transactionId = `krn:payment:eu1:transaction:${this.random.uuid()}`;
    const { payment } = this;
    this.operation(
      kind,
      "APPROVED",
      this.authorizeCall("APPROVED", {
        payment_transaction_response: {
          result: "APPROVED",
          payment_transaction: {
            payment_transaction_id: transactionId,
            amount: payment.amount,
            currency: payment.currency,
            payment_funding: { type: "GUARANTEED", state: "FUNDED" },
          },
        },
      }),
    );
    const facts = {
      klarnaPaymentTransactionId: transactionId,
      amountAuthorized: payment.amount,
      fundingType: "GUARANTEED",
      fundingState: "FUNDED",
    } as const;
    if (payment.capture === "MANUAL") {
      this.move("AUTHORIZED", actor, { ...facts, authorizationExpiresAt: addMs(this.at, 28 * DAY_MS) });
      return;
    }
    this.addCapture(transactionId, true);
    this.move("COMPLETED", actor, { ...facts, amountCaptured: payment.amount });
  }

  private addCapture(transactionId: string, isAutomatic: boolean): CaptureRow {
    const capture: CaptureRow = {
      id: this.random.id("capture", this.at),
      partnerId: this.partner.id,
      mode: "test",
      paymentId: this.payment.id,
      state: "SUCCEEDED",
      amount: this.payment.amount,
      currency: this.payment.currency,
      reference: null,
      klarnaPaymentCaptureId: `${transactionId}:capture:1`,
      automatic: isAutomatic,
      lineItems: [],
      shippingSecret: null,
      intentKey: null,
      failureCode: null,
      createdAt: this.at,
      updatedAt: this.at,
    };
    this.history.captures.push(capture);
    return capture;
  }

  private captureRest(): void {
    const transactionId = this.payment.klarnaPaymentTransactionId ?? "";
    const capture = this.addCapture(transactionId, false);
    this.operation(
      "CAPTURE",
      "CAPTURED",
      {
        method: "POST",
        path: this.transactionPath("captures"),
        status: 201,
        request: { amount: capture.amount, payment_capture_reference: capture.id },
        response: { payment_capture_id: capture.klarnaPaymentCaptureId, amount: capture.amount },
      },
      { captureId: capture.id },
    );
    this.move("COMPLETED", this.caller, { amountCaptured: capture.amount, nextActionAt: null });
    this.announce(announceCapture(capture, 1));
  }

  private release(): void {
    this.note(this.caller, "payment.void_requested", undefined, { status: this.payment.state });
    this.operation("VOID", "VOIDED", {
      method: "POST",
      path: this.transactionPath("void"),
      status: 201,
      request: { payment_void_reference: this.payment.id },
      response: { amount: this.payment.amount },
    });
    this.move("VOIDED", this.caller, { amountVoided: this.payment.amount, nextActionAt: null });
  }

  private stop(mark: "CANCEL" | "EXPIRE", state: "CANCELED" | "EXPIRED", actor: Actor): void {
    const markedAt = this.at;
    const asked = mark === "CANCEL" ? "payment.cancel_requested" : "payment.expiry_requested";
    this.note(actor, asked, undefined, { status: this.payment.state });
    this.wait(180, 520);
    this.operation("CANCEL_REQUEST", "CANCELED", {
      method: "DELETE",
      path: this.path(`requests/${encodeURIComponent(this.payment.klarnaPaymentRequestId ?? "")}`),
      status: 200,
      request: null,
      response: { payment_request_id: this.payment.klarnaPaymentRequestId, state: "CANCELED" },
    });
    this.requestState("CANCELED");
    this.move(state, actor, { stopMark: mark, stopMarkedAt: markedAt });
  }

  private lapse(now: Date): void {
    const finalizeBy = addMs(this.at, HOUR_MS);
    if (finalizeBy > addMs(now, -10 * MINUTE_MS)) {
      this.approveLate();
      return;
    }
    this.move("FINALIZING", KLARNA, { journeyCompletedAt: this.at, finalizeBy });
    this.at = finalizeBy;
    this.move("FAILED", FINALIZER, { failureCode: "approval_lapsed" });
    this.raise(
      "approval_lapsed",
      "The customer had approved, but the payment was not finalized within 60 minutes. Nothing was charged.",
    );
  }

  /** An hour is not over yet: the story ends well instead. */
  private approveLate(): void {
    this.move("FINALIZING", KLARNA, {
      journeyCompletedAt: this.at,
      finalStartedAt: this.at,
      finalizeBy: addMs(this.at, HOUR_MS),
    });
    this.approve("FINAL_AUTHORIZE", FINALIZER);
  }

  private raise(kind: string, message: string): void {
    this.history.alarms.push({
      id: this.random.id("alarm", this.at),
      kind,
      partnerId: this.partner.id,
      mode: "test",
      subjectKind: "payment",
      subjectId: this.payment.id,
      message,
      raisedAt: this.at,
    });
  }

  private maybeRefund(now: Date): void {
    const { payment } = this;
    if (payment.state !== "COMPLETED" || !this.random.chance(0.065)) return;
    this.at = addMs(payment.updatedAt, this.random.int(HOUR_MS, 9 * DAY_MS));
    if (this.at > addMs(now, -30 * MINUTE_MS)) return;
    const item = this.random.pick(payment.lineItems);
    const isWhole = payment.lineItems.length === 1 || this.random.chance(0.4);
    const amount = isWhole ? payment.amount : item.total_amount;
    const capture = this.history.captures.findLast((other) => other.paymentId === payment.id);
    if (!capture) return;
    const isRefused = this.random.chance(0.04);
    const klarnaRefundId = isRefused ? null : `${payment.klarnaPaymentTransactionId}:refund:1`;
    const refund: RefundRow = {
      id: this.random.id("refund", this.at),
      partnerId: this.partner.id,
      mode: "test",
      paymentId: payment.id,
      captureId: capture.id,
      state: isRefused ? "FAILED" : "SUCCEEDED",
      amount,
      currency: payment.currency,
      lineItems: isWhole ? [] : [item],
      storeId: payment.storeId,
      storeReference: payment.storeReference,
      terminalId: payment.terminalId,
      terminalReference: payment.terminalReference,
      reason: this.random.pick(REFUND_REASONS),
      reference: null,
      klarnaPaymentRefundId: klarnaRefundId,
      intentKey: null,
      failureCode: isRefused ? "klarna_refused" : null,
      createdBy: this.partner.apiKeyId,
      createdAt: this.at,
      updatedAt: this.at,
    };
    this.history.refunds.push(refund);
    this.operation(
      "REFUND",
      isRefused ? "REFUSED" : "REFUNDED",
      {
        method: "POST",
        path: this.transactionPath(`captures/${encodeURIComponent(capture.klarnaPaymentCaptureId ?? "")}/refunds`),
        status: isRefused ? 403 : 201,
        request: { amount, payment_refund_reference: refund.id },
        response: isRefused
          ? { error_type: "RESOURCE_ERROR", error_code: "OPERATION_FORBIDDEN" }
          : { payment_refund_id: klarnaRefundId, amount },
      },
      { captureId: capture.id, refundId: refund.id },
    );
    const facts = { id: refund.id, amount, currency: refund.currency };
    this.note(this.caller, "refund.requested", undefined, facts);
    const before = { ...payment };
    Object.assign(payment, { version: payment.version + 2, updatedAt: this.at });
    if (!isRefused) {
      payment.amountRefunded += amount;
      this.announceState(before, "payment.updated");
    }
    this.announce(announceRefund(refund, 1));
    this.note(this.caller, isRefused ? "refund.failed" : "refund.succeeded", undefined, facts);
  }
}
