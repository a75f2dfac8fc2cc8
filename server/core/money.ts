import { AppError } from "./errors";

/** An amount in minor units together with its currency. Never a float, never an amount alone. */
export type Money = { amount: number; currency: string };

/**
 * Decimals per ISO 4217 currency. Klarna's transaction currencies stand first; the others are known so that a
 * Partner's mistake is named precisely and so that the arithmetic is proved for 0 and 3 decimals.
 */
const CURRENCY_DECIMALS: Readonly<Record<string, 0 | 2 | 3>> = {
  AUD: 2,
  CAD: 2,
  CHF: 2,
  CZK: 2,
  DKK: 2,
  EUR: 2,
  GBP: 2,
  HUF: 2,
  MXN: 2,
  NOK: 2,
  NZD: 2,
  PLN: 2,
  RON: 2,
  SEK: 2,
  USD: 2,
  JPY: 0,
  KRW: 0,
  ISK: 0,
  CLP: 0,
  KWD: 3,
  BHD: 3,
  TND: 3,
  JOD: 3,
  OMR: 3,
};

/** Currencies in which Klarna takes payments. Source: Klarna's currency list of the Payment Authorize API. */
export const KLARNA_CURRENCIES = [
  "AUD",
  "CAD",
  "CHF",
  "CZK",
  "DKK",
  "EUR",
  "GBP",
  "HUF",
  "MXN",
  "NOK",
  "NZD",
  "PLN",
  "RON",
  "SEK",
  "USD",
] as const;
export type KlarnaCurrency = (typeof KLARNA_CURRENCIES)[number];

/** Largest amount Klarna accepts, in minor units. */
export const AMOUNT_MAX = 2_147_483_647;

/** Every currency whose decimals are known. */
export function currenciesKnown(): string[] {
  return Object.keys(CURRENCY_DECIMALS);
}

export function isKnownCurrency(currency: string): boolean {
  return Object.hasOwn(CURRENCY_DECIMALS, currency);
}

/** Number of decimals of a currency: 0, 2 or 3. Unknown currencies are an error, never a guess. */
export function currencyDecimals(currency: string): 0 | 2 | 3 {
  const decimals = Object.hasOwn(CURRENCY_DECIMALS, currency) ? CURRENCY_DECIMALS[currency] : undefined;
  if (decimals === undefined) throw new AppError("currency_unknown", { params: { currency } });
  return decimals;
}

export function money(amount: number, currency: string): Money {
  if (!Number.isSafeInteger(amount)) throw new AppError("amount_invalid", { params: { amount } });
  currencyDecimals(currency);
  return { amount, currency };
}

function assertSameCurrency(left: Money, right: Money): void {
  if (left.currency !== right.currency) {
    throw new AppError("currency_mismatch", { params: { left: left.currency, right: right.currency } });
  }
}

export function addMoney(left: Money, right: Money): Money {
  assertSameCurrency(left, right);
  return money(left.amount + right.amount, left.currency);
}

export function subtractMoney(left: Money, right: Money): Money {
  assertSameCurrency(left, right);
  return money(left.amount - right.amount, left.currency);
}

/**
 * Splits a total by integer weights so that the parts add up to the whole; leftover units go to the first parts.
 * Errors: amount_invalid when a weight is negative or all are zero.
 */
export function allocate(total: Money, weights: readonly number[]): Money[] {
  const sum = weights.reduce((all, weight) => all + weight, 0);
  if (weights.some((weight) => !Number.isSafeInteger(weight) || weight < 0) || sum <= 0) {
    throw new AppError("amount_invalid", { params: { weights: weights.join(",") } });
  }
  const sign = total.amount < 0 ? -1n : 1n;
  const whole = BigInt(total.amount) * sign;
  const parts = weights.map((weight) => (whole * BigInt(weight)) / BigInt(sum));
  let rest = whole - parts.reduce((all, part) => all + part, 0n);
  return parts.map((part, index) => {
    const extra = rest > 0n && (weights[index] ?? 0) > 0 ? 1n : 0n;
    rest -= extra;
    return money(Number((part + extra) * sign), total.currency);
  });
}

/** The amount as a plain decimal string ("118.00", "118", "0.118"), without symbol or grouping. */
export function toDecimalString(value: Money): string {
  const decimals = currencyDecimals(value.currency);
  const digits = String(Math.abs(value.amount)).padStart(decimals + 1, "0");
  const sign = value.amount < 0 ? "-" : "";
  return decimals === 0 ? `${sign}${digits}` : `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/**
 * Reads what a person typed ("1,299.50", "1299,5", "118") into minor units; null when it is not an exact amount.
 * One separator before three digits could be a thousand or a fraction: it is a fraction where the currency has three
 * decimals and refused elsewhere, never guessed.
 */
export function parseDecimal(text: string, currency: string): Money | null {
  const decimals = currencyDecimals(currency);
  const cleaned = text.replace(/[\s\u00a0\u202f']/g, "");
  if (!/^\d+(?:[.,]\d+)*$/.test(cleaned) || cleaned.length > 20) return null;
  const groups = cleaned.split(/[.,]/);
  const separators = [...cleaned].filter((char) => char === "." || char === ",");
  const last = separators.at(-1);
  const isGrouped = separators.length > 1 && separators.every((char) => char === last);
  const fraction = separators.length === 0 || isGrouped ? "" : (groups.pop() ?? "");
  const [head = "", ...rest] = groups;
  const hasGoodGroups = rest.every((group) => group.length === 3) && (rest.length === 0 || head.length <= 3);
  if (!hasGoodGroups || new Set(separators.slice(0, isGrouped ? undefined : -1)).size > 1) return null;
  if (separators.length > 1 && !isGrouped && separators.slice(0, -1).some((char) => char === last)) return null;
  if (fraction.length > decimals) return null;
  const amount = Number(`${groups.join("")}${fraction.padEnd(decimals, "0")}`);
  return Number.isSafeInteger(amount) ? { amount, currency } : null;
}

/** The amount for people, in the reader's locale, always with its currency. */
export function formatMoney(amount: number, currency: string, locale = "en"): string {
  const decimals = currencyDecimals(currency);
  const formatter = new Intl.NumberFormat(locale, {
    style: "currency",
    currency,
    currencyDisplay: "code",
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
  // Intl takes a decimal string, so no float ever holds the amount.
  return formatter.format(toDecimalString({ amount, currency }) as `${number}`);
}
