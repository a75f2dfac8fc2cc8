import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { KLARNA_CURRENCIES } from "@/server/core/money";
import { addMs, DAY_MS, HOUR_MS, SECOND_MS } from "@/server/core/time";
import { sqlState, violatedConstraint } from "@/server/db/client";
import { IDEMPOTENCY_KEPT_MS, IdempotencyConflict, releaseKey } from "@/server/db/idempotency";
import type { KlarnaOutcome } from "@/server/klarna/client";
import {
  authorizePayment as callAuthorize,
  type KlarnaPaymentRequest,
  type KlarnaPaymentTransaction,
  type TokenKind,
} from "@/server/klarna/payments";
import {
  creationAudit,
  type Draft,
  journal,
  type Loaded,
  move,
  newOperation,
  nextWake,
  postpone,
  raiseAlarm,
  settle,
  startDraft,
  step,
  toPublic,
} from "./change";
import { type AuthorizeResult, buildAuthorizeBody, type Purchase, readAuthorizeOutcome } from "./klarna";
import { findPointOfSale, type PointOfSale } from "./point-of-sale";
import { insertPayment } from "./repository";
import type { OperationRow, PaymentRecord, PaymentRow } from "./rows";
import { type CreatePaymentInput, EXPIRES_IN_DEFAULT_S, type PublicPayment } from "./schema";

const AUTHORIZATION_PERIOD_MS = 28 * DAY_MS;
const BREAKER_RETRY_SECONDS = 3;

/** Where a payment's customer data is encrypted. */
export function purchasePlace(payment: Pick<PaymentRow, "id" | "partnerId">): string {
  return `payments|purchase_secret|${payment.id}|${payment.partnerId}`;
}

function openPurchase(ctx: ServiceContext, payment: PaymentRow): Purchase {
  if (payment.purchaseSecret === null) return { customer: null, shipping: null, klarna: null };
  return JSON.parse(ctx.secrets.open(payment.purchaseSecret, purchasePlace(payment))) as Purchase;
}

/** The Partner whose payment this is: the API key's own, or the one that a person names within its scope. */
function partnerOf(ctx: ServiceContext, named: string | undefined): string {
  if (ctx.actor.kind === "DEVICE") return ctx.actor.partnerId;
  if (ctx.actor.kind === "API_KEY" && ctx.actor.partnerId !== null) return ctx.actor.partnerId;
  if (named === undefined || (ctx.scope.partners !== "all" && !ctx.scope.partners.includes(named)))
    throw new AppError("not_found");
  return named;
}

/** Rules that the shape of the request cannot say. Errors: currency_not_supported, amount_mismatch, launch_not_available. */
function checkRules(input: CreatePaymentInput): void {
  if (!KLARNA_CURRENCIES.some((currency) => currency === input.currency)) {
    throw new AppError("currency_not_supported", {
      errors: [{ pointer: "/currency", detail: "is not one that Klarna takes" }],
    });
  }
  if (input.line_items) {
    const sum = input.line_items.reduce((all, item) => all + item.total_amount, 0);
    if (sum !== input.amount) {
      throw new AppError("amount_mismatch", {
        errors: [{ pointer: "/line_items", detail: `total_amount adds up to ${sum}, not to ${input.amount}` }],
      });
    }
  }
  const channel = input.channel ?? "in_store";
  const launch = input.launch ?? "qr";
  if (channel !== "in_store" || launch !== "qr") {
    throw new AppError("launch_not_available", {
      errors: [
        {
          pointer: channel === "in_store" ? "/launch" : "/channel",
          detail: "only in-store payments by QR code are served",
        },
      ],
    });
  }
}

/**
 * Takes a payment in store: writes it with its journal row, asks Klarna, writes what Klarna said.
 *
 * `amount` in minor units of `currency`. Answers with the payment in `completed`, `authorized`, `pending` (step-up),
 * `declined`, `failed` (Klarna refused the request for good) or `processing` (something was sent and no definite answer
 * came). Journal kind AUTHORIZE. Claims the caller's Idempotency-Key in the statement that writes the payment.
 * Errors: permission_denied, partner_not_operational, store_not_found, terminal_not_found, store_details_differ, rule_broken,
 * amount_mismatch, currency_not_supported, launch_not_available, reference_taken, session_token_used, klarna_unavailable.
 * Source: KNR-I3, KNR-I4, KNR-L5 to L7.
 */
export async function createPayment(
  ctx: ServiceContext,
  input: CreatePaymentInput,
  options: { partnerId?: string } = {},
): Promise<PublicPayment> {
  requirePermission(ctx, "payments:create");
  const partnerId = partnerOf(ctx, options.partnerId);
  checkRules(input);
  if (ctx.klarna.isOpen(ctx.scope.mode) || !ctx.klarna.isConfigured(ctx.scope.mode)) {
    throw new AppError("klarna_unavailable", { retryAfterSeconds: BREAKER_RETRY_SECONDS });
  }
  const place = await findPointOfSale(ctx, partnerId, { store: input.store, terminal: input.terminal });
  if (ctx.scope.terminal !== undefined && place.terminalId !== ctx.scope.terminal)
    throw new AppError("terminal_not_found", { errors: [{ pointer: "/terminal", detail: "is not this till's" }] });
  const now = ctx.clock.now();
  const payment = buildPayment(ctx, input, partnerId, place, now);
  const operation = newOperation(payment, "AUTHORIZE", now);
  payment.nextActionAt = nextWake(payment, [operation], now);
  const intent = ctx.idempotency;
  try {
    const isMade = await insertPayment(ctx.db, {
      payment,
      operation,
      audit: creationAudit(ctx, payment, now),
      claim: intent
        ? {
            partnerId: intent.partnerId,
            mode: intent.mode,
            key: intent.key,
            requestHash: intent.requestHash,
            resourceId: payment.id,
            createdAt: now,
            expiresAt: addMs(now, IDEMPOTENCY_KEPT_MS),
          }
        : null,
    });
    if (!isMade) throw new IdempotencyConflict();
  } catch (error) {
    throw sqlState(error) === "23505" ? duplicateError(error) : error;
  }

  const record: PaymentRecord = {
    ...payment,
    storeReference: place.storeReference,
    storeName: place.storeName,
    storeAddress: place.storeAddress,
    storeSource: place.storeSource,
    storeKlarnaId: place.storeKlarnaId,
    terminalReference: place.terminalReference,
    terminalLabel: place.terminalLabel,
    partnerName: place.partnerName,
    accountId: place.accountId,
  };
  const first: Loaded = { payment: record, operations: [operation], refunds: [] };
  const { payment: settled, result } = await runAuthorize(ctx, first, operation, first);
  if (result.kind === "not_sent") {
    if (intent) await releaseKey(ctx.db, intent);
    throw new AppError("klarna_unavailable", { retryAfterSeconds: BREAKER_RETRY_SECONDS });
  }
  return toPublic(ctx, settled);
}

function duplicateError(error: unknown): Error {
  switch (violatedConstraint(error)) {
    case "payments_reference_key":
      return new AppError("reference_taken", {
        errors: [{ pointer: "/reference", detail: "is used by another payment" }],
        cause: error,
      });
    case "payments_session_token_key":
      return new AppError("session_token_used", { cause: error });
    default:
      return error instanceof Error ? error : new Error(String(error));
  }
}

const captureOf = (said: CreatePaymentInput["capture"]) =>
  said === undefined ? null : said === "manual" ? ("MANUAL" as const) : ("AUTOMATIC" as const);

function buildPayment(
  ctx: ServiceContext,
  input: CreatePaymentInput,
  partnerId: string,
  place: Pick<PointOfSale, "storeId" | "terminalId" | "capture" | "expiresInSeconds">,
  now: Date,
): PaymentRow {
  const id = newId("payment", now.getTime());
  const purchase: Purchase = {
    customer: input.customer ?? null,
    shipping: input.shipping ?? null,
    klarna: input.klarna ?? null,
  };
  const hasSecret = purchase.customer !== null || purchase.shipping !== null || purchase.klarna !== null;
  const sessionToken = input.klarna?.network_session_token ?? input.klarna?.interoperability_token;
  return {
    id,
    partnerId,
    mode: ctx.scope.mode,
    version: 1,
    state: "PROCESSING",
    amount: input.amount,
    currency: input.currency,
    reference: input.reference,
    allowRepeatReference: input.allow_repeat_reference,
    channel: "IN_STORE",
    launch: "QR",
    capture: captureOf(input.capture) ?? place.capture ?? "AUTOMATIC",
    rail: "NETWORK",
    classic: null,
    klarnaReference: null,
    storeId: place.storeId,
    terminalId: place.terminalId,
    amountAuthorized: 0,
    amountCaptured: 0,
    amountRefunded: 0,
    amountVoided: 0,
    lineItems: input.line_items ?? [],
    metadata: input.metadata,
    purchaseSecret: hasSecret ? ctx.secrets.seal(JSON.stringify(purchase), purchasePlace({ id, partnerId })) : null,
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
    // Only a token of a finished journey makes one payment; a token that carries a running session may be sent many times.
    sessionTokenHash:
      sessionToken && input.klarna?.journey_completed ? ctx.secrets.hash(sessionToken, "session_token") : null,
    fundingType: null,
    fundingState: null,
    declineReason: null,
    failureCode: null,
    stopMark: null,
    stopMarkedAt: null,
    journeyCompletedAt: null,
    finalStartedAt: null,
    finalizeBy: null,
    expiresAt: addMs(now, (input.expires_in ?? place.expiresInSeconds ?? EXPIRES_IN_DEFAULT_S) * SECOND_MS),
    authorizationExpiresAt: null,
    lateTransactionId: null,
    lateApprovalState: null,
    eventSequence: 0,
    nextActionAt: now,
    createdBy: ctx.actor.id,
    createdAt: now,
    updatedAt: now,
  };
}

/** The authorize call of a journal row: built from what is stored and nothing else, so that a repeat is the same call. */
export function askKlarna(
  ctx: ServiceContext,
  payment: PaymentRecord,
  operation: OperationRow,
  proof?: { kind: TokenKind; token: string },
): Promise<KlarnaOutcome> {
  const purchase = openPurchase(ctx, payment);
  return callAuthorize(
    ctx.klarna,
    { mode: payment.mode, accountId: payment.accountId, sessionReference: payment.id },
    {
      idempotencyKey: operation.idempotencyKey,
      body: buildAuthorizeBody(payment, purchase, ctx.env.KLARNA_IN_STORE_PLACEMENT),
      session: {
        networkSessionToken: purchase.klarna?.network_session_token,
        interoperabilityToken: purchase.klarna?.interoperability_token,
      },
      ...(proof ? { proof } : {}),
    },
  );
}

/** Makes (or repeats, with the same key) the initial call and writes what is known then. */
export async function runAuthorize(
  ctx: ServiceContext,
  loaded: Loaded,
  operation: OperationRow,
  first?: Loaded,
): Promise<{ payment: PaymentRecord; result: AuthorizeResult }> {
  const { payment } = loaded;
  const outcome = await askKlarna(ctx, payment, operation);
  const result = readAuthorizeOutcome(ctx, outcome);
  const settled = await step(
    ctx,
    payment.id,
    (fresh, now) => {
      const open = fresh.operations.find((row) => row.id === operation.id);
      if (!open || open.settledAt !== null) return null;
      const draft = startDraft(fresh);
      applyInitial(draft, open, outcome, result, now);
      return draft;
    },
    { first, answer: ctx.idempotency && result.kind !== "not_sent" ? (after) => toPublic(ctx, after) : undefined },
  );
  return { payment: settled, result };
}

function applyInitial(
  draft: Draft,
  operation: OperationRow,
  outcome: KlarnaOutcome,
  result: AuthorizeResult,
  now: Date,
): void {
  const { calls } = outcome;
  switch (result.kind) {
    case "approved":
      settle(draft, operation, "succeed", { result: "APPROVED", calls }, now);
      applyApproval(draft, result.transaction, result.captureId, now);
      if (draft.before.stopMark !== null) {
        raiseAlarm(
          draft,
          "approved_after_cancel",
          "Klarna approved the payment although it was to be canceled. Refund or void it if the sale is off.",
        );
      }
      return;
    case "step_up":
      settle(draft, operation, "succeed", { result: "STEP_UP_REQUIRED", calls }, now);
      applyStepUp(draft, result.request);
      if (draft.after.stopMark !== null) journal(draft, "CANCEL_REQUEST", now).nextAttemptAt = now;
      return;
    case "declined":
      settle(draft, operation, "succeed", { result: "DECLINED", calls }, now);
      draft.after.declineReason = result.reason.slice(0, 255);
      move(draft, "decline");
      return;
    case "refused":
      settle(
        draft,
        operation,
        "fail",
        { result: "REFUSED", calls, errorCode: result.code, errorId: result.errorId },
        now,
      );
      draft.after.failureCode = "klarna_refused";
      move(draft, "fail");
      return;
    case "not_sent":
      // Only a first call that never left us fails the payment; a repeat of a lost call stays open.
      if (operation.state === "PENDING" && operation.attempts === 0) {
        settle(draft, operation, "fail", { result: "NOT_SENT", calls }, now);
        draft.after.failureCode = "klarna_unavailable";
        move(draft, "fail");
      } else postpone(draft, operation, calls, false, now);
      return;
    case "unknown":
      postpone(draft, operation, calls, true, now);
  }
}

/** An approval becomes the truth about the money: what is authorized, captured, funded. */
export function applyApproval(
  draft: Draft,
  transaction: KlarnaPaymentTransaction,
  captureId: string | null,
  now: Date,
): void {
  const { after } = draft;
  after.klarnaPaymentTransactionId = transaction.payment_transaction_id;
  after.amountAuthorized = transaction.amount ?? after.amount;
  after.klarnaTokenSecret = null;
  const funding = transaction.payment_funding;
  if (funding) {
    after.fundingType = funding.type.toUpperCase() === "NON_GUARANTEED" ? "NON_GUARANTEED" : "GUARANTEED";
    after.fundingState = funding.state.toUpperCase();
  }
  if (after.amountAuthorized !== after.amount) {
    raiseAlarm(draft, "amount_differs", "Klarna approved another amount than was asked for.");
  }
  const isCaptured = captureId !== null || transaction.state?.toUpperCase() !== "AUTHORIZED";
  if (after.capture === "AUTOMATIC" && !isCaptured) {
    raiseAlarm(
      draft,
      "capture_missing",
      "Klarna approved the payment but did not capture it, although that was asked for.",
    );
  }
  if (after.capture === "AUTOMATIC" && isCaptured) {
    after.amountCaptured = after.amountAuthorized;
    draft.newCaptures.push({
      id: newId("capture"),
      partnerId: after.partnerId,
      mode: after.mode,
      paymentId: after.id,
      state: "SUCCEEDED",
      amount: after.amountAuthorized,
      currency: after.currency,
      reference: null,
      klarnaPaymentCaptureId: captureId,
      automatic: true,
      failureCode: null,
      createdAt: now,
      updatedAt: now,
    });
    move(draft, "complete");
  } else {
    after.authorizationExpiresAt = transaction.expires_at ?? addMs(now, AUTHORIZATION_PERIOD_MS);
    move(draft, "approve");
  }
}

/** The customer is wanted: what to show, and how long Klarna keeps it open. */
export function applyStepUp(draft: Draft, request: KlarnaPaymentRequest): void {
  const { after } = draft;
  const interaction = request.state_context?.customer_interaction;
  after.klarnaPaymentRequestId = request.payment_request_id;
  after.klarnaPaymentRequestUrl = interaction?.payment_request_url ?? interaction?.qr_code?.target_url ?? null;
  after.klarnaQrImageUrl = interaction?.qr_code?.image_url ?? null;
  after.klarnaQrTargetUrl = interaction?.qr_code?.target_url ?? null;
  after.klarnaRequestState = request.state.toUpperCase();
  after.klarnaRequestStateAt = null;
  after.klarnaRequestExpiresAt = request.expires_at ?? null;
  after.klarnaTokenSecret = null;
  after.klarnaTokenKind = null;
  after.journeyCompletedAt = null;
  after.finalStartedAt = null;
  after.finalizeBy = null;
  move(draft, "stepUp");
}

/** How long an approval may wait for its final call. Source: final-authorization pages. */
export const FINALIZE_WITHIN_MS = HOUR_MS;
