import { randomBytes } from "node:crypto";
import { newUuid } from "../ids";
import type { Account } from "../model";
import { nowFor, upsertStore } from "../simulator";
import { type Classic, nowOf } from "./context";
import { badValue, ClassicError, parseClassic } from "./errors";
import type { ClassicSession } from "./model";
import { checkAddress, checkMarket, checkSum } from "./parts";
import { checkCallbackUrl, parseEmd, RetryBodySchema, SessionBodySchema, UpdateBodySchema } from "./session-bodies";
import { isOpenSession, moveSession, notify, touchSession } from "./session-states";

/** Payment sessions and their distribution as the merchant asks for them: made, read, changed, canceled, tried again. */

const HOUR_MS = 3_600_000;
const SESSION_MS = 48 * HOUR_MS;
export const AUTHORIZATION_MS = HOUR_MS;

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
