import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { addMs, SECOND_MS } from "@/server/core/time";
import { sqlState, violatedConstraint } from "@/server/db/client";
import { IDEMPOTENCY_KEPT_MS, IdempotencyConflict, releaseKey } from "@/server/db/idempotency";
import type { ClassicUser } from "@/server/domain/classic/schema";
import { runAuthorize, SESSION_TOKEN_USED } from "./authorize";
import { creationAudit, type Loaded, newOperation, toPublic } from "./change";
import { newClassicFacts } from "./classic/facts";
import { requireClassicUser, startClassic } from "./classic/start";
import { currenciesTaken } from "./currencies";
import type { Purchase } from "./klarna";
import { findPointOfSale, type PointOfSale } from "./point-of-sale";
import { ownReturnUrl, sealPurchase } from "./purchase";
import { insertPayment } from "./repository-change";
import type { PaymentRecord, PaymentRow } from "./rows";
import {
  type CreatePaymentInput,
  EXPIRES_IN_DEFAULT_S,
  EXPIRES_IN_ONLINE_S,
  type ExpressPaymentInput,
  type PublicPayment,
} from "./schema";
import { nextWake } from "./wake";

const BREAKER_RETRY_SECONDS = 3;

/** The Partner whose payment this is: the API key's or the device's own, or the one that a person names within its scope. */
function partnerOf(ctx: ServiceContext, named: string | undefined): string {
  if (ctx.actor.kind === "DEVICE") return ctx.actor.partnerId;
  if (ctx.actor.kind === "API_KEY" && ctx.actor.partnerId !== null) return ctx.actor.partnerId;
  if (named === undefined || (ctx.scope.partners !== "all" && !ctx.scope.partners.includes(named)))
    throw new AppError("not_found");
  return named;
}

const broken = (
  code: "rule_broken" | "launch_not_available" | "currency_not_supported",
  pointer: string,
  detail: string,
) => new AppError(code, { errors: [{ pointer, detail }] });

/** Rules that the shape of the request cannot say. Errors: currency_not_supported, amount_mismatch, rule_broken. */
function checkRules(ctx: ServiceContext, input: CreatePaymentInput): void {
  if (!currenciesTaken(ctx).includes(input.currency))
    throw broken("currency_not_supported", "/currency", "is not one that Klarna takes");
  if (input.line_items) {
    const sum = input.line_items.reduce((all, item) => all + item.total_amount, 0);
    if (sum !== input.amount) {
      throw new AppError("amount_mismatch", {
        errors: [{ pointer: "/line_items", detail: `total_amount adds up to ${sum}, not to ${input.amount}` }],
      });
    }
  }
  const { klarna } = input;
  if (klarna?.journey_completed && !klarna.network_session_token && !klarna.interoperability_token)
    throw broken("rule_broken", "/klarna/network_session_token", "is required: it confirms the finished journey");
  if (ctx.scope.mode === "live" && input.return_url?.startsWith("http:"))
    throw broken("rule_broken", "/return_url", "must be an https address in live mode");
}

export type PaymentPlan = Pick<PaymentRow, "channel" | "launch" | "rail">;

const LAUNCHES: Readonly<Record<NonNullable<CreatePaymentInput["launch"]>, PaymentRow["launch"]>> = {
  qr: "QR",
  redirect: "REDIRECT",
  sdk: "SDK",
  short_code: "SHORT_CODE",
  none: "NONE",
};
const DEFAULT_LAUNCH: Readonly<Record<PaymentRow["channel"], PaymentRow["launch"]>> = {
  IN_STORE: "QR",
  WEB: "REDIRECT",
  MOBILE_APP: "SDK",
};

/**
 * How the customer gets to Klarna: what was asked for, else what fits the channel. An online payment always goes through the
 * Network. Errors: launch_not_available, rule_broken.
 */
function planOf(input: CreatePaymentInput, place: Pick<PointOfSale, "channel" | "rail">): PaymentPlan {
  const { channel } = place;
  const rail = channel === "IN_STORE" ? place.rail : "NETWORK";
  const launch = input.launch === undefined ? DEFAULT_LAUNCH[channel] : LAUNCHES[input.launch];
  if (launch === "NONE")
    throw broken("launch_not_available", "/launch", "needs a saved customer, and none is charged here");
  if (launch === "SHORT_CODE" && rail !== "CLASSIC")
    throw broken("launch_not_available", "/launch", "is for terminals that are set to Klarna's classic sessions");
  if (rail === "CLASSIC" && launch !== "QR" && launch !== "SHORT_CODE")
    throw broken("launch_not_available", "/launch", "is not served by Klarna's classic sessions");
  if ((launch === "SHORT_CODE") !== (input.short_code !== undefined))
    throw broken("rule_broken", "/short_code", "goes with the launch short_code, and with no other");
  const hasReturn = launch === "REDIRECT" || launch === "SDK";
  for (const name of ["return_url", "app_return_url"] as const)
    if (!hasReturn && input[name] !== undefined)
      throw broken("rule_broken", `/${name}`, "is for the launches redirect and sdk");
  return { channel, launch, rail };
}

/**
 * Takes a payment: writes it with its journal row, asks Klarna, writes what Klarna said. In a store by QR code, redirect or
 * SDK; online by redirect, SDK or QR code.
 *
 * `amount` in minor units of `currency`. Answers with the payment in `completed`, `authorized`, `pending` (step-up),
 * `declined`, `failed` (Klarna refused the request for good) or `processing` (something was sent and no definite answer
 * came). Journal kind AUTHORIZE. Claims the caller's Idempotency-Key in the statement that writes the payment. A session
 * token of a finished journey (`klarna.journey_completed`) makes one payment.
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
  checkRules(ctx, input);
  const place = await findPointOfSale(ctx, partnerId, input);
  if (ctx.scope.terminal !== undefined && place.terminalId !== ctx.scope.terminal)
    throw new AppError("terminal_not_found", { errors: [{ pointer: "/terminal", detail: "is not this till's" }] });
  const plan = planOf(input, place);
  // A Partner's classic interface is another host with credentials of its own.
  const classicUser = plan.rail === "CLASSIC" ? await requireClassicUser(ctx, partnerId) : null;
  if (classicUser === null && (ctx.klarna.isOpen(ctx.scope.mode) || !ctx.klarna.isConfigured(ctx.scope.mode)))
    throw new AppError("klarna_unavailable", { retryAfterSeconds: BREAKER_RETRY_SECONDS });
  // The payment lives by the Partner's clock, which may be ahead in test mode; what is kept of us by ours.
  const now = ctx.clock.now();
  const theirNow = addMs(now, place.clockAheadMs);
  const payment = buildPayment(ctx, input, partnerId, place, { ...plan, classicUser }, theirNow);
  const operation = newOperation(payment, "AUTHORIZE", theirNow);
  const wake = nextWake(payment, [operation], theirNow);
  payment.nextActionAt = wake === null ? null : addMs(wake, -place.clockAheadMs);
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
    clockAheadMs: place.clockAheadMs,
  };
  const first: Loaded = { payment: record, operations: [operation], captures: [], refunds: [] };
  const start = plan.rail === "CLASSIC" ? startClassic : runAuthorize;
  const { payment: settled, result } = await start(ctx, first, operation, first);
  if (result.kind === "not_sent") {
    if (intent) await releaseKey(ctx.db, intent);
    throw new AppError("klarna_unavailable", { retryAfterSeconds: BREAKER_RETRY_SECONDS });
  }
  if (result.kind === "refused" && result.code === SESSION_TOKEN_USED) {
    if (intent) await releaseKey(ctx.db, intent);
    throw new AppError("session_token_used");
  }
  return toPublic(ctx, settled);
}

/**
 * Confirms an Express journey that the customer has finished in the Partner's own page, with no earlier call: the session
 * token is what proves it. Answers and errors as createPayment's; Klarna may still ask the customer (step-up).
 * Source: KNR-F6.
 */
export async function createExpressPayment(
  ctx: ServiceContext,
  input: ExpressPaymentInput,
  options: { partnerId?: string } = {},
): Promise<PublicPayment> {
  const channel = input.channel ?? (input.terminal === undefined && input.store === undefined ? "web" : undefined);
  return createPayment(
    ctx,
    {
      ...input,
      ...(channel === undefined ? {} : { channel }),
      launch: input.launch ?? "sdk",
      klarna: { ...input.klarna, journey_completed: true },
    },
    options,
  );
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

/** Goods that are handed over at once are paid at once; what is sent is captured when it is sent. */
const DEFAULT_CAPTURE = { IN_STORE: "AUTOMATIC", WEB: "MANUAL", MOBILE_APP: "MANUAL" } as const;

function buildPayment(
  ctx: ServiceContext,
  input: CreatePaymentInput,
  partnerId: string,
  place: Pick<PointOfSale, "storeId" | "terminalId" | "capture" | "expiresInSeconds">,
  plan: PaymentPlan & { classicUser: ClassicUser | null },
  now: Date,
): PaymentRow {
  const id = newId("payment", now.getTime());
  const hasReturn = plan.launch === "REDIRECT" || plan.launch === "SDK";
  const purchase: Purchase = {
    customer: input.customer ?? null,
    shipping: input.shipping ?? null,
    klarna: input.klarna ?? null,
    back: hasReturn
      ? { own: ownReturnUrl(ctx, id), partner: input.return_url ?? null, app: input.app_return_url ?? null }
      : null,
    shortCode: input.short_code ?? null,
  };
  const sessionToken = input.klarna?.network_session_token ?? input.klarna?.interoperability_token;
  const patience = plan.channel === "IN_STORE" ? EXPIRES_IN_DEFAULT_S : EXPIRES_IN_ONLINE_S;
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
    channel: plan.channel,
    launch: plan.launch,
    capture: captureOf(input.capture) ?? place.capture ?? DEFAULT_CAPTURE[plan.channel],
    rail: plan.rail,
    classic: plan.classicUser === null ? null : newClassicFacts(ctx, id, plan.classicUser),
    klarnaReference: null,
    storeId: place.storeId,
    terminalId: place.terminalId,
    amountAuthorized: 0,
    amountCaptured: 0,
    amountRefunded: 0,
    amountVoided: 0,
    lineItems: input.line_items ?? [],
    metadata: input.metadata,
    purchaseSecret: sealPurchase(ctx, { id, partnerId }, purchase),
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
    expiresAt: addMs(now, (input.expires_in ?? place.expiresInSeconds ?? patience) * SECOND_MS),
    authorizationExpiresAt: null,
    authorizationWarnedAt: null,
    lateTransactionId: null,
    lateApprovalState: null,
    eventSequence: 0,
    nextActionAt: now,
    createdBy: ctx.actor.id,
    createdAt: now,
    updatedAt: now,
  };
}
