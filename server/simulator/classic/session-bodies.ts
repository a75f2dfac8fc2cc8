import { z } from "zod";
import type { Classic } from "./context";
import { badValue, ClassicError } from "./errors";
import { AddressSchema, OrderLinesSchema } from "./parts";

/** What sessions are made and changed with, and what a purchase in a shop says about its store and till. */

const EMD_CONTENT_TYPE = "application/vnd.klarna.internal.emd-v2+json";

const ChannelSchema = z
  .string()
  .transform((channel) => channel.toUpperCase())
  .pipe(z.enum(["ECOMMERCE", "IN_STORE", "TELESALES", "MOTO"]));

export const SessionBodySchema = z.looseObject({
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
export function parseEmd(attachment: { content_type: string; body: string }): z.infer<typeof StoreInfoSchema> {
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

export const UpdateBodySchema = SessionBodySchema.pick({
  order_amount: true,
  order_tax_amount: true,
  order_lines: true,
  merchant_reference1: true,
  merchant_reference2: true,
  billing_address: true,
  shipping_address: true,
}).partial();

export const RetryBodySchema = z.looseObject({
  short_code: z
    .string()
    .regex(/^\d{2,20}$/, "must have 2 to 20 digits")
    .optional(),
});
