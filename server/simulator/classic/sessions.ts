import { randomBytes } from "node:crypto";
import { z } from "zod";
import { SimulatedError } from "../errors";
import { iso, newUuid } from "../ids";
import { personOf } from "../markets";
import type { Account } from "../model";
import { triggerOf } from "../scenarios";
import { nowFor, upsertStore } from "../simulator";
import { accountOf, type Classic, nowOf } from "./context";
import { badValue, ClassicError, parseClassic } from "./errors";
import type { ClassicSession, DistributionStatus } from "./model";
import { placeOrder } from "./orders";
import { AddressSchema, checkAddress, checkMarket, checkSum, OrderLinesSchema } from "./parts";

/** Payment sessions, the way of their QR code to the customer, and what the customer does with it. */

const HOUR_MS = 3_600_000;
const SESSION_MS = 48 * HOUR_MS;
export const AUTHORIZATION_MS = HOUR_MS;
const EMD_CONTENT_TYPE = "application/vnd.klarna.internal.emd-v2+json";

const NEXT: Record<DistributionStatus, readonly DistributionStatus[]> = {
  WAITING: ["DISTRIBUTED", "CANCELLED", "FAILED"],
  DISTRIBUTED: ["ACCESSED", "CANCELLED", "FAILED"],
  ACCESSED: ["DISTRIBUTED", "COMPLETED", "CANCELLED", "FAILED"],
  COMPLETED: [],
  CANCELLED: [],
  FAILED: ["WAITING"],
};

export function isOpenSession(session: ClassicSession): boolean {
  return session.status === "WAITING" || session.status === "DISTRIBUTED" || session.status === "ACCESSED";
}

// --- bodies ---

const ChannelSchema = z
  .string()
  .transform((channel) => channel.toUpperCase())
  .pipe(z.enum(["ECOMMERCE", "IN_STORE", "TELESALES", "MOTO"]));

const SessionBodySchema = z.looseObject({
  acquiring_channel: ChannelSchema.default("ECOMMERCE"),
  purchase_country: z.string().regex(/^[A-Za-z]{2}$/, "is not a country code"),
  purchase_currency: z.string().regex(/^[A-Za-z]{3}$/, "is not a currency code"),
  locale: z.string().regex(/^[a-z]{2}-[A-Z]{2}$/, "is not a locale"),
  merchant_reference1: z.string().max(255).optional(),
  merchant_reference2: z.string().max(255).optional(),
  order_amount: z.int().min(0).max(2_147_483_647),
  order_tax_amount: z.int().min(0).max(2_147_483_647).optional(),
  order_lines: OrderLinesSchema,
  billing_address: AddressSchema.optional(),
  shipping_address: AddressSchema.optional(),
  attachment: z.looseObject({ content_type: z.string(), body: z.string() }).optional(),
  distribution: z
    .looseObject({
      method: z.literal("one_qr", { error: "must be one_qr" }),
      short_code: z
        .string({ error: "must be a string of digits" })
        .regex(/^\d{2,20}$/, "must have 2 to 20 digits")
        .optional(),
      callback_urls: z.looseObject({ status_update: z.string().max(2_000).optional() }).optional(),
    })
    .optional(),
});

const StoreInfoSchema = z.looseObject({
  merchant_store_id: z.string().min(1).max(255),
  store_terminal_id: z.string().max(255).optional(),
  merchant_store_name: z.string().max(255).optional(),
  store_address: z
    .looseObject({
      street_address: z.string().optional(),
      street_number: z.string().optional(),
      postal_code: z.string().optional(),
      city: z.string().optional(),
      country: z
        .string()
        .regex(/^[A-Z]{2}$/)
        .optional(),
    })
    .optional(),
});
const EmdSchema = z.looseObject({
  in_store_payment: z.array(z.looseObject({ store_info: StoreInfoSchema })).min(1),
});

/** Extra merchant data of a purchase in a shop: a JSON text that names the store and the till. */
function parseEmd(attachment: { content_type: string; body: string }): z.infer<typeof StoreInfoSchema> {
  if (attachment.content_type !== EMD_CONTENT_TYPE) {
    throw badValue("attachment.content_type", `must be ${EMD_CONTENT_TYPE}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(attachment.body);
  } catch {
    throw badValue("attachment.body", "is not JSON in a string");
  }
  const parsed = EmdSchema.safeParse(value);
  if (!parsed.success) {
    const messages = parsed.error.issues.map(
      (issue) => `Bad value: attachment.body ${issue.path.map(String).join(".")} ${issue.message}`,
    );
    throw new ClassicError(400, "BAD_VALUE", ...messages);
  }
  const [payment] = parsed.data.in_store_payment;
  if (payment === undefined) throw badValue("attachment.body", "has no in_store_payment");
  return payment.store_info;
}

/** Addresses for callbacks: https, or http to this machine where the settings allow it. */
export function checkCallbackUrl(classic: Classic, field: string, raw: string): string {
  if (!URL.canParse(raw)) throw new ClassicError(400, "BAD_REQUEST", `Bad value: ${field} is not a URL`);
  const url = new URL(raw);
  const isLoopback = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  const isAllowed =
    url.protocol === "https:" ||
    (url.protocol === "http:" && isLoopback && classic.sim.settings().webhook_targets === "loopback");
  if (!isAllowed) throw new ClassicError(400, "BAD_REQUEST", `Bad value: ${field} must use https`);
  return raw;
}

// --- views ---

const CATEGORY = {
  identifier: "klarna",
  name: "Pay with Klarna",
};

function categoriesOf(classic: Classic) {
  const base = `${classic.sim.publicUrl()}/assets`;
  return [{ ...CATEGORY, asset_urls: { descriptive: `${base}/rectangle.svg`, standard: `${base}/badge.svg` } }];
}

function resultUrl(classic: Classic, session: ClassicSession): string {
  return `${classic.sim.publicUrl()}/iss/v1/distributions/${session.session_id}`;
}

export function paymentLink(classic: Classic, session: ClassicSession): string {
  return `${classic.sim.publicUrl()}/eu/in-store/${session.session_id}/start`;
}

export function createdView(classic: Classic, session: ClassicSession): Record<string, unknown> {
  return {
    session_id: session.session_id,
    client_token: session.client_token,
    payment_method_categories: categoriesOf(classic),
    ...(session.distribution === null ? {} : { distribution: { result_url: resultUrl(classic, session) } }),
  };
}

export function sessionView(classic: Classic, session: ClassicSession): Record<string, unknown> {
  const optional = {
    merchant_reference1: session.merchant_reference1,
    merchant_reference2: session.merchant_reference2,
    billing_address: session.billing_address,
    shipping_address: session.shipping_address,
    attachment: session.attachment,
    authorization_token: session.authorization_token,
  };
  return {
    acquiring_channel: session.acquiring_channel,
    purchase_country: session.purchase_country,
    purchase_currency: session.purchase_currency,
    locale: session.locale,
    order_amount: session.order_amount,
    order_tax_amount: session.order_tax_amount,
    order_lines: session.order_lines,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== null)),
    client_token: session.client_token,
    payment_method_categories: categoriesOf(classic),
    status: session.status === "COMPLETED" ? "complete" : "incomplete",
    expires_at: iso(session.expires_at),
    ...(session.distribution === null ? {} : { distribution: { result_url: resultUrl(classic, session) } }),
  };
}

export function distributionView(classic: Classic, session: ClassicSession): Record<string, unknown> {
  const { status } = session;
  const order = session.order_id === null ? undefined : classic.sim.state.classicOrders.get(session.order_id);
  const isShown = status === "DISTRIBUTED" || status === "ACCESSED" || status === "COMPLETED";
  return {
    session_id: session.session_id,
    status: status === "CANCELLED" ? classic.sim.settings().classic_cancel_word : status,
    ...(isShown
      ? {
          qr: `${classic.sim.publicUrl()}/qr/in-store/${session.session_id}.png`,
          payment_link: paymentLink(classic, session),
        }
      : {}),
    ...(order === undefined ? {} : { order_id: order.order_id, klarna_reference: order.klarna_reference }),
    ...(session.error_code === null ? {} : { error: { code: session.error_code } }),
  };
}

// --- states ---

function notify(classic: Classic, session: ClassicSession): void {
  const target = session.distribution?.status_update;
  if (target === undefined || target === null) return;
  const view = distributionView(classic, session);
  classic.callbacks.notify({
    account_id: session.account_id,
    session_id: session.session_id,
    kind: "distribution",
    url: target,
    status_word: session.status,
    body: JSON.stringify(view),
    amount: session.order_amount,
    reference: session.merchant_reference1,
  });
}

/** Moves a session along its table and queues the callback. */
export function moveSession(
  classic: Classic,
  session: ClassicSession,
  to: DistributionStatus,
  errorCode: string | null = null,
): void {
  if (!NEXT[session.status].includes(to)) {
    throw new SimulatedError("OPERATION_FORBIDDEN", `The session is ${session.status} and cannot become ${to}.`);
  }
  session.status = to;
  session.error_code = errorCode;
  session.updated_at = nowOf(classic, session);
  if (isOpenSession(session)) classic.open.add(session.session_id);
  else classic.open.delete(session.session_id);
  classic.sim.state.classicSessions.put(session);
  notify(classic, session);
}

/** Lets time do its work: the QR code appears, what nobody paid ends. */
export function touchSession(classic: Classic, session: ClassicSession): ClassicSession {
  const now = nowOf(classic, session);
  if (session.status === "WAITING" && session.distribution !== null && now >= session.distribution.ready_at) {
    distribute(classic, session);
  }
  if (isOpenSession(session) && now >= session.closes_at) moveSession(classic, session, "FAILED", "SESSION_EXPIRED");
  return session;
}

/** The QR code is ready, or the customer with the short code is found. */
export function distribute(classic: Classic, session: ClassicSession): void {
  const shortCode = session.distribution?.short_code ?? null;
  if (shortCode !== null && !linkShortCode(classic, session, shortCode)) {
    moveSession(classic, session, "FAILED", "BAD_REQUEST");
    return;
  }
  const account = accountOf(classic, session.account_id);
  if (triggerOf(classic.sim, account, session.order_amount) === "01") {
    moveSession(classic, session, "FAILED", "INTERNAL_ERROR");
    return;
  }
  moveSession(classic, session, "DISTRIBUTED");
}

function linkShortCode(classic: Classic, session: ClassicSession, code: string): boolean {
  const now = nowFor(classic.sim, undefined);
  for (const visit of classic.sim.state.shortCodes.values()) {
    if (visit.short_code !== code || visit.expires_at <= now) continue;
    if (visit.session_id !== null && visit.session_id !== session.session_id) continue;
    visit.session_id = session.session_id;
    classic.sim.state.shortCodes.put(visit);
    return true;
  }
  return false;
}

// --- operations ---

export function createSession(classic: Classic, account: Account, body: unknown): ClassicSession {
  const { sim } = classic;
  const input = parseClassic(SessionBodySchema, body);
  const country = input.purchase_country.toUpperCase();
  const currency = input.purchase_currency.toUpperCase();
  checkMarket(country, currency);
  checkSum(input.order_amount, input.order_lines);
  if ((input.order_tax_amount ?? 0) > input.order_amount) throw badValue("order_tax_amount", "is above order_amount");
  checkAddress("billing_address", input.billing_address);
  checkAddress("shipping_address", input.shipping_address);
  if (input.distribution !== undefined && input.acquiring_channel !== "IN_STORE") {
    throw badValue("acquiring_channel", "must be in_store with a distribution");
  }
  if (input.distribution !== undefined && input.order_amount === 0) throw badValue("order_amount", "must be above 0");
  if (input.acquiring_channel === "IN_STORE" && input.attachment === undefined) {
    throw badValue("attachment", "is required in store");
  }
  const info =
    input.acquiring_channel === "IN_STORE" && input.attachment !== undefined ? parseEmd(input.attachment) : null;
  const target = input.distribution?.callback_urls?.status_update;
  if (target !== undefined) checkCallbackUrl(classic, "distribution.callback_urls.status_update", target);

  const known = account.stores.find((store) => store.store_reference === info?.merchant_store_id);
  const store =
    info === null
      ? null
      : (known ??
        upsertStore(
          sim,
          account,
          {
            store_reference: info.merchant_store_id,
            name: info.merchant_store_name ?? null,
            address: info.store_address ?? null,
          },
          "inline",
        ));
  const now = nowFor(sim, account);
  const session: ClassicSession = {
    session_id: newUuid(),
    account_id: account.account_id,
    acquiring_channel: input.acquiring_channel,
    purchase_country: country,
    purchase_currency: currency,
    locale: input.locale,
    order_amount: input.order_amount,
    order_tax_amount: input.order_tax_amount ?? 0,
    order_lines: input.order_lines,
    merchant_reference1: input.merchant_reference1 ?? null,
    merchant_reference2: input.merchant_reference2 ?? null,
    billing_address: input.billing_address ?? null,
    shipping_address: input.shipping_address ?? null,
    attachment:
      input.attachment === undefined
        ? null
        : { content_type: input.attachment.content_type, body: input.attachment.body },
    client_token: randomBytes(48).toString("base64url"),
    store: store === null ? null : { store_id: store.store_id, name: store.name },
    terminal_reference: info?.store_terminal_id ?? null,
    distribution:
      input.distribution === undefined
        ? null
        : {
            method: input.distribution.method,
            short_code: input.distribution.short_code ?? null,
            status_update: target ?? null,
            ready_at: now + sim.settings().classic_qr_delay_ms,
          },
    status: input.distribution === undefined ? "DISTRIBUTED" : "WAITING",
    error_code: null,
    hpp_session_id: null,
    order_id: null,
    authorization_token: null,
    created_at: now,
    updated_at: now,
    closes_at: now + (input.distribution === undefined ? SESSION_MS : sim.settings().classic_session_open_ms),
    expires_at: now + SESSION_MS,
    journey: null,
  };
  sim.state.classicSessions.put(session);
  classic.open.add(session.session_id);
  if (session.distribution !== null) notify(classic, session);
  return session;
}

/** A session that its merchant can still see; one that was cancelled or has ended is gone. */
export function getSession(classic: Classic, account: Account, id: string): ClassicSession {
  const session = classic.sim.state.classicSessions.get(id);
  if (session === undefined || session.account_id !== account.account_id) {
    throw new ClassicError(404, "NOT_FOUND", "The session does not exist.");
  }
  touchSession(classic, session);
  if (session.status === "CANCELLED" || nowFor(classic.sim, account) >= session.expires_at) {
    throw new ClassicError(404, "NOT_FOUND", "The session does not exist any more.");
  }
  return session;
}

export function getDistribution(classic: Classic, account: Account, id: string): ClassicSession {
  const session = classic.sim.state.classicSessions.get(id);
  if (session === undefined || session.account_id !== account.account_id || session.distribution === null) {
    throw new ClassicError(404, "NOT_FOUND", "The distribution does not exist.");
  }
  return touchSession(classic, session);
}

const UpdateBodySchema = SessionBodySchema.pick({
  order_amount: true,
  order_tax_amount: true,
  order_lines: true,
  merchant_reference1: true,
  merchant_reference2: true,
  billing_address: true,
  shipping_address: true,
}).partial();

/** Changes a session that the customer has not opened yet. */
export function updateSession(classic: Classic, account: Account, id: string, body: unknown): void {
  const session = getSession(classic, account, id);
  const input = parseClassic(UpdateBodySchema, body);
  if (session.status === "COMPLETED") {
    throw new ClassicError(404, "SESSION_COMPLETED", "The session is completed.");
  }
  if (session.status !== "WAITING" && session.status !== "DISTRIBUTED") {
    throw new ClassicError(403, "INVALID_OPERATION", "The session cannot be changed while the customer is paying.");
  }
  const amount = input.order_amount ?? session.order_amount;
  if (input.order_amount !== undefined || input.order_lines !== undefined) {
    const lines = input.order_lines ?? session.order_lines.map((line) => ({ total_amount: Number(line.total_amount) }));
    checkSum(amount, lines);
  }
  checkAddress("billing_address", input.billing_address);
  session.order_amount = amount;
  session.order_tax_amount = input.order_tax_amount ?? session.order_tax_amount;
  session.order_lines = input.order_lines ?? session.order_lines;
  session.merchant_reference1 = input.merchant_reference1 ?? session.merchant_reference1;
  session.merchant_reference2 = input.merchant_reference2 ?? session.merchant_reference2;
  session.billing_address = input.billing_address ?? session.billing_address;
  session.shipping_address = input.shipping_address ?? session.shipping_address;
  session.updated_at = nowOf(classic, session);
  classic.sim.state.classicSessions.put(session);
}

/** The cashier stops: from now on nobody can pay. */
export function cancelSession(classic: Classic, account: Account, id: string): void {
  const session = getSession(classic, account, id);
  if (session.status === "COMPLETED") {
    throw new ClassicError(404, "SESSION_COMPLETED", "The session is completed.");
  }
  if (!isOpenSession(session)) {
    throw new ClassicError(403, "INVALID_OPERATION", `The session is ${session.status}.`);
  }
  moveSession(classic, session, "CANCELLED");
}

const RetryBodySchema = z.looseObject({
  short_code: z
    .string()
    .regex(/^\d{2,20}$/, "must have 2 to 20 digits")
    .optional(),
});

/** Another try after a failed distribution: with another short code, or with the QR code instead. */
export function retryDistribution(classic: Classic, account: Account, id: string, body: unknown): ClassicSession {
  const session = getDistribution(classic, account, id);
  const input = parseClassic(RetryBodySchema, body);
  if (session.status !== "FAILED" || session.distribution === null || session.error_code !== "BAD_REQUEST") {
    throw new ClassicError(403, "INVALID_OPERATION", `The distribution is ${session.status}.`);
  }
  session.distribution.short_code = input.short_code ?? null;
  session.distribution.ready_at = nowOf(classic, session) + classic.sim.settings().classic_qr_delay_ms;
  moveSession(classic, session, "WAITING");
  return session;
}

// --- the customer ---

/** The customer opens the link. A link that is already out works, even if the till has not seen it yet. */
export function openSession(classic: Classic, session: ClassicSession): void {
  touchSession(classic, session);
  if (session.status === "WAITING") distribute(classic, session);
  if (session.status === "DISTRIBUTED") moveSession(classic, session, "ACCESSED");
  session.journey ??= {
    step: "phone",
    persona: "approved",
    phone: personOf(session.purchase_country).approvedPhone,
    plan: null,
    problem: null,
  };
  classic.sim.state.classicSessions.put(session);
}

/** The customer accepts: Klarna places the order itself, or hands out an authorization token where nobody asked for that. */
export function acceptSession(
  classic: Classic,
  session: ClassicSession,
  options: { isForced: boolean; mode: "PLACE_ORDER" | "CAPTURE_ORDER" | "NONE" },
): void {
  openSession(classic, session);
  const account = accountOf(classic, session.account_id);
  const trigger = options.isForced ? null : triggerOf(classic.sim, account, session.order_amount);
  if (trigger === "04" && session.status === "ACCESSED") {
    throw new SimulatedError("OPERATION_FORBIDDEN", "Amounts ending in 04 are never finished by the customer.");
  }
  if (trigger === "03" && session.status === "ACCESSED") {
    moveSession(classic, session, "FAILED", "REJECTED");
    return;
  }
  if (session.status !== "ACCESSED") {
    throw new SimulatedError("OPERATION_FORBIDDEN", `The session is ${session.status}.`);
  }
  if (options.mode === "NONE") {
    const token = newUuid();
    classic.sim.state.classicAuthorizations.put({
      authorization_token: token,
      account_id: account.account_id,
      session_id: session.session_id,
      expires_at: nowOf(classic, session) + AUTHORIZATION_MS,
      used_for: null,
      is_released: false,
    });
    session.authorization_token = token;
  } else {
    const order = placeOrder(classic, account, session, {
      placedBy: "KLARNA",
      isCaptured: options.mode === "CAPTURE_ORDER",
    });
    session.order_id = order.order_id;
  }
  moveSession(classic, session, "COMPLETED");
}

/** The customer refuses, or is somebody who is turned down. */
export function refuseSession(classic: Classic, session: ClassicSession): void {
  openSession(classic, session);
  moveSession(classic, session, "FAILED", "REJECTED");
}

export function leaveSession(classic: Classic, session: ClassicSession): void {
  touchSession(classic, session);
  session.journey = null;
  if (session.status === "ACCESSED") moveSession(classic, session, "DISTRIBUTED");
  classic.sim.state.classicSessions.put(session);
}
