import { z } from "zod";
import { MARKETS } from "../markets";
import { badValue, ClassicError } from "./errors";

/** What sessions and orders have in common: order lines, addresses, and the checks on them. */

const LINE_TYPES = [
  "physical",
  "discount",
  "shipping_fee",
  "sales_tax",
  "digital",
  "gift_card",
  "store_credit",
  "surcharge",
  "return_fee",
] as const;

const AmountSchema = z.int().min(-2_147_483_648).max(2_147_483_647);

export const OrderLineSchema = z.looseObject({
  type: z.enum(LINE_TYPES).optional(),
  reference: z.string().max(255).optional(),
  name: z.string().min(1).max(255),
  quantity: z.int().min(0),
  quantity_unit: z.string().max(8).optional(),
  unit_price: AmountSchema,
  tax_rate: z.int().min(0).max(10_000).optional(),
  total_amount: AmountSchema,
  total_discount_amount: AmountSchema.optional(),
  total_tax_amount: AmountSchema.optional(),
  image_url: z.string().max(1024).optional(),
  product_url: z.string().max(1024).optional(),
});
export const OrderLinesSchema = z.array(OrderLineSchema).min(1).max(1_000);

export const AddressSchema = z.looseObject({
  given_name: z.string().max(100).optional(),
  family_name: z.string().max(100).optional(),
  email: z.string().max(320).optional(),
  phone: z.string().max(40).optional(),
  street_address: z.string().max(255).optional(),
  street_address2: z.string().max(255).optional(),
  postal_code: z.string().max(20).optional(),
  city: z.string().max(255).optional(),
  region: z.string().max(100).optional(),
  country: z
    .string()
    .regex(/^[A-Za-z]{2}$/, "is not a country code")
    .optional(),
});

export function checkSum(amount: number, lines: readonly { total_amount: number }[]): void {
  const sum = lines.reduce((total, line) => total + line.total_amount, 0);
  if (sum !== amount) throw badValue("order_amount", `is ${amount}, the order lines add up to ${sum}`);
}

export function checkMarket(country: string, currency: string): void {
  const market = MARKETS.find((candidate) => candidate.country === country);
  if (market === undefined) throw badValue("purchase_country", "is not supported");
  if (market.currency !== currency) throw badValue("purchase_currency", `must be ${market.currency} in ${country}`);
}

export function checkAddress(field: string, address: z.infer<typeof AddressSchema> | undefined): void {
  const country = address?.country?.toUpperCase();
  if (country === undefined) return;
  if (!MARKETS.some((market) => market.country === country)) {
    throw new ClassicError(422, "INVALID_ADDRESS", `${field}.country is not a country that can be served`);
  }
}
