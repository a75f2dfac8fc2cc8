import { z } from "zod";
import { hasCardNumber } from "./card-numbers";
import { AMOUNT_MAX, isKnownCurrency } from "./money";

/** Test or live: one installation holds both, each row, key and credential names its own. */
export const MODES = ["test", "live"] as const;
export type Mode = (typeof MODES)[number];
export const modeSchema = z.enum(MODES);

const hasNoControl = (text: string): boolean => {
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0xd800 && code <= 0xdfff)) return false;
  }
  return true;
};

/** One line of text without control characters or lone surrogates. */
export function lineSchema(min: number, max: number) {
  return z.string().min(min).max(max).refine(hasNoControl, "must not contain control characters");
}

const HOLDS_NO_CARD = "must not hold a card number";
/** For text that a card number may get into by mistake: it is refused, so that it is never stored. */
export const cardFree = <T extends z.ZodType<string>>(schema: T) =>
  schema.refine((text) => !hasCardNumber(text), HOLDS_NO_CARD);

/** One line of free text about a purchase: like `lineSchema`, without card numbers. */
export function freeTextSchema(min: number, max: number) {
  return cardFree(lineSchema(min, max));
}

/** What someone gave us to recognise a thing by: 1..255 characters. */
export const referenceSchema = freeTextSchema(1, 255);
export const nameSchema = freeTextSchema(1, 99);
export const countrySchema = z.string().regex(/^[A-Z]{2}$/, "must be an ISO 3166-1 alpha-2 country code");
export const currencySchema = z
  .string()
  .regex(/^[A-Z]{3}$/, "must be an ISO 4217 currency code")
  .refine(isKnownCurrency, "is not a currency that we know");
/** A name of the IANA time zone database that this runtime knows. */
export const timeZoneSchema = z
  .string()
  .max(64)
  .refine((name) => {
    try {
      return /^[A-Za-z_+\-/0-9]+$/.test(name) && Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
    } catch {
      return false;
    }
  }, "must be a time zone such as Europe/Stockholm");
export const localeSchema = z.string().regex(/^[a-z]{2}(-[A-Z]{2})?$/, "must be a BCP 47 tag such as en-GB");
/** Minor units, 1..2147483647. Source: Klarna's amount limits. */
export const amountSchema = z.int().min(1).max(AMOUNT_MAX);
export const emailSchema = z
  .string()
  .max(254)
  // Only the plain ASCII form: homoglyphs of @ and quoted local parts have fooled address normalisers before.
  .regex(
    /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$/,
  );

/** Address as Klarna takes it. Source: address limits of Klarna's shared types. */
export const addressSchema = z.strictObject({
  street_address: freeTextSchema(1, 99),
  street_address2: freeTextSchema(1, 99).optional(),
  postal_code: lineSchema(1, 10),
  city: freeTextSchema(1, 99),
  region: freeTextSchema(1, 99).optional(),
  country: countrySchema,
});
export type Address = z.infer<typeof addressSchema>;

export const metadataSchema = z
  .record(freeTextSchema(1, 40), freeTextSchema(0, 500))
  .refine((pairs) => Object.keys(pairs).length <= 20, "must have at most 20 pairs");
