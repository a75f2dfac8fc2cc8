import { type Language, localeFor } from "@/server/core/languages";
import { formatMoney } from "@/server/core/money";
import type { CounterPlace } from "@/server/domain/terminals/schema";

/** What the browser needs to know of the place. */
export type CounterSpot = Omit<CounterPlace, "partnerId" | "storeId" | "settings"> & {
  /** A customer who scanned a code that Klarna printed reads digits out here: Klarna's classic sessions alone know them. */
  takesShortCodes: boolean;
};

export function toSpot({ partnerId: _partner, storeId: _store, settings, ...spot }: CounterPlace): CounterSpot {
  return { ...spot, takesShortCodes: settings.rail === "CLASSIC" };
}

/** An amount as it is written in this language and country. */
export function moneyIn(language: Language, country: string): (amount: number, currency: string) => string {
  const locale = localeFor(language, country);
  return (amount, currency) => formatMoney(amount, currency, locale);
}
