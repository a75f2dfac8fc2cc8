import { iso } from "../ids";
import type { Classic } from "./context";
import type { ClassicSession } from "./model";

/** What is told about a session and the way of its QR code. */

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
