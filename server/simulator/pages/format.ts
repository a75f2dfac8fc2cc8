/** Money and dates for the simulator's pages. Decimals come from the currency's own table in Intl. */

function formatterOf(currency: string, country: string): Intl.NumberFormat {
  return new Intl.NumberFormat(`en-${country}`, { style: "currency", currency });
}

export function formatMoney(amount: number, currency: string, country: string): string {
  const formatter = formatterOf(currency, country);
  const digits = formatter.resolvedOptions().maximumFractionDigits ?? 2;
  return formatter.format(amount / 10 ** digits);
}

/** Splits so that the parts add up to the whole; the first ones carry what is left over. */
export function splitAmount(amount: number, parts: number): number[] {
  const each = Math.floor(amount / parts);
  const left = amount - each * parts;
  return Array.from({ length: parts }, (_, index) => each + (index < left ? 1 : 0));
}

export function formatDay(ms: number, country: string): string {
  return new Intl.DateTimeFormat(`en-${country}`, { day: "numeric", month: "long", timeZone: "UTC" }).format(ms);
}

export function formatTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}
