import type { ServiceContext } from "@/server/context";
import { localeFor, pickLanguage } from "@/server/core/languages";
import type { Purchase } from "@/server/domain/payments/klarna";
import type { PaymentRecord } from "@/server/domain/payments/rows";
import type { CaptureShipping, LineItem, Shipping } from "@/server/domain/payments/schema";
import { callbackUrl } from "./facts";

/* What a classic session is started with: built from what is stored and nothing else, so that a repeat is the same call. */

const EMD_CONTENT_TYPE = "application/vnd.klarna.internal.emd-v2+json";
/** Klarna's kinds of lines; a service is as little a parcel as a download. */
const LINE_TYPES: Readonly<Record<NonNullable<LineItem["type"]>, string>> = {
  physical: "physical",
  digital: "digital",
  service: "digital",
  discount: "discount",
  shipping_fee: "shipping_fee",
  sales_tax: "sales_tax",
  gift_card: "gift_card",
  store_credit: "store_credit",
  surcharge: "surcharge",
  return_fee: "return_fee",
};

/**
 * A line as the classic interfaces take it: whole quantities with a unit price. What cannot be said so (0.75 kg, or a total
 * that no unit price gives) is one piece at the price of the line.
 */
export function toOrderLine(item: LineItem): Record<string, unknown> {
  const isWhole = Number.isInteger(item.quantity) && item.quantity > 0;
  const unit =
    item.unit_price ?? (isWhole && item.total_amount % item.quantity === 0 ? item.total_amount / item.quantity : null);
  // Less than the price may be a discount; more is nothing that Klarna has a field for.
  const isPlain = isWhole && unit !== null && unit * item.quantity >= item.total_amount;
  return {
    name: isWhole ? item.name : `${item.quantity} × ${item.name}`.slice(0, 255),
    quantity: isPlain ? item.quantity : 1,
    unit_price: isPlain ? unit : item.total_amount,
    total_amount: item.total_amount,
    ...(isPlain && unit * item.quantity > item.total_amount
      ? { total_discount_amount: unit * item.quantity - item.total_amount }
      : {}),
    ...(item.total_tax_amount === undefined ? {} : { total_tax_amount: item.total_tax_amount }),
    ...(item.tax_rate === undefined || item.tax_rate > 10_000 ? {} : { tax_rate: item.tax_rate }),
    ...(item.type === undefined ? {} : { type: LINE_TYPES[item.type] }),
    ...(item.reference === undefined ? {} : { reference: item.reference }),
    ...(item.product_url === undefined ? {} : { product_url: item.product_url }),
    ...(item.image_url === undefined ? {} : { image_url: item.image_url }),
  };
}

/** The lines of a sale; one for the whole sum where the Partner names none. */
function orderLines(payment: PaymentRecord): Record<string, unknown>[] {
  if (payment.lineItems.length > 0) return payment.lineItems.map(toOrderLine);
  const { amount } = payment;
  return [{ name: payment.storeName ?? payment.partnerName, quantity: 1, unit_price: amount, total_amount: amount }];
}

/** What is known of the customer already, so that nobody has to type it again. */
function billingAddress(purchase: Purchase, country: string): Record<string, unknown> | null {
  const { customer } = purchase;
  if (!customer) return null;
  const { address, given_name, family_name, email, phone } = customer;
  // An address of another country is not one that a bill of this sale could go to.
  const home = address?.country === country ? address : undefined;
  const known = Object.entries({ given_name, family_name, email, phone, ...home }).filter(
    ([, value]) => value !== undefined,
  );
  return known.length === 0 ? null : Object.fromEntries(known);
}

/** Extra merchant data: which store and which terminal, as one line of JSON. */
function attachment(payment: PaymentRecord): Record<string, unknown> {
  const address = payment.storeAddress;
  const storeInfo = {
    merchant_store_id: payment.storeReference,
    ...(payment.storeName === null ? {} : { merchant_store_name: payment.storeName }),
    ...(payment.terminalReference === null ? {} : { store_terminal_id: payment.terminalReference }),
    ...(address === null
      ? {}
      : {
          store_address: {
            street_address: address.street_address,
            postal_code: address.postal_code,
            city: address.city,
            country: address.country,
          },
        }),
  };
  return {
    content_type: EMD_CONTENT_TYPE,
    body: JSON.stringify({ in_store_payment: [{ store_info: storeInfo }] }),
  };
}

/** The body that starts a session: amounts in minor units of the payment's currency. */
export function buildSessionBody(
  ctx: Pick<ServiceContext, "secrets" | "env">,
  payment: PaymentRecord,
  purchase: Purchase,
): Record<string, unknown> {
  const country = payment.storeAddress?.country ?? "";
  const address = billingAddress(purchase, country);
  const target = callbackUrl(ctx, payment);
  const tax = payment.lineItems.reduce((sum, item) => sum + (item.total_tax_amount ?? 0), 0);
  return {
    acquiring_channel: "in_store",
    purchase_country: country,
    purchase_currency: payment.currency,
    locale: localeFor(pickLanguage({ country }), country),
    merchant_reference1: payment.reference,
    merchant_reference2: payment.id,
    order_amount: payment.amount,
    order_tax_amount: Math.max(0, tax),
    order_lines: orderLines(payment),
    ...(address === null ? {} : { billing_address: address }),
    attachment: attachment(payment),
    distribution: {
      method: "one_qr",
      ...(purchase.shortCode === null ? {} : { short_code: purchase.shortCode }),
      ...(target === null ? {} : { callback_urls: { status_update: target } }),
    },
  };
}

/** Where a delivery can be followed, as order management takes it. */
export function toShippingInfo(shipping: CaptureShipping): Record<string, unknown> {
  return {
    ...(shipping.tracking_number === undefined ? {} : { tracking_number: shipping.tracking_number.slice(0, 100) }),
    ...(shipping.tracking_url === undefined ? {} : { tracking_uri: shipping.tracking_url }),
  };
}

/** Where a delivery goes, as order management takes it. */
export function toShippingAddress(shipping: Shipping): Record<string, unknown> {
  const { recipient, address } = shipping;
  const { attention, ...person } = recipient ?? {};
  return Object.fromEntries(
    Object.entries({ ...person, attention, ...address }).filter(([, value]) => value !== undefined),
  );
}
