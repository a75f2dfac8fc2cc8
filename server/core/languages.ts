/** The languages that Klarna speaks with customers, over all of its markets. */
export const LANGUAGES = [
  ...(["cs", "da", "de", "el", "en", "es", "fi", "fr", "hu"] as const),
  ...(["it", "nb", "nl", "pl", "pt", "ro", "sk", "sv"] as const),
] as const;
export type Language = (typeof LANGUAGES)[number];

/** By country, the one that most people speak first. Source: Klarna's table of purchase countries and locales. */
const MARKETS: Readonly<Record<string, readonly Language[]>> = {
  AT: ["de", "en"],
  AU: ["en"],
  BE: ["nl", "fr", "en"],
  CA: ["en", "fr"],
  CH: ["de", "fr", "it", "en"],
  CZ: ["cs", "en"],
  DE: ["de", "en"],
  DK: ["da", "en"],
  ES: ["es", "en"],
  FI: ["fi", "sv", "en"],
  FR: ["fr", "en"],
  GB: ["en"],
  GR: ["el", "en"],
  HU: ["hu", "en"],
  IE: ["en"],
  IT: ["it", "en"],
  MX: ["es", "en"],
  NL: ["nl", "en"],
  NO: ["nb", "en"],
  NZ: ["en"],
  PL: ["pl", "en"],
  PT: ["pt", "en"],
  RO: ["ro", "en"],
  SE: ["sv", "en"],
  SK: ["sk", "en"],
  US: ["en", "es"],
};

/** Where a language is at home, for its figures, when no country is known. */
const HOMES: Readonly<Record<Language, string>> = {
  cs: "CZ",
  da: "DK",
  de: "DE",
  el: "GR",
  en: "GB",
  es: "ES",
  fi: "FI",
  fr: "FR",
  hu: "HU",
  it: "IT",
  nb: "NO",
  nl: "NL",
  pl: "PL",
  pt: "PT",
  ro: "RO",
  sk: "SK",
  sv: "SE",
};

/** "de", "de-AT" and "no" (which browsers say for Bokmål) as one of ours; null for another language. */
export function languageOf(tag: string | null | undefined): Language | null {
  const word = (tag ?? "").trim().toLowerCase().split(/[-_]/)[0] ?? "";
  const named = word === "no" || word === "nn" ? "nb" : word;
  return LANGUAGES.find((language) => language === named) ?? null;
}

/** The languages of an Accept-Language header that are ours, the best liked first. */
export function acceptedLanguages(header: string | null | undefined): Language[] {
  const wanted = (header ?? "")
    .slice(0, 500)
    .split(",")
    .map((part, at) => {
      const [tag, ...parameters] = part.split(";");
      const quality = parameters.map((text) => /^\s*q=([\d.]+)\s*$/.exec(text)?.[1]).find((q) => q !== undefined);
      return { language: languageOf(tag), quality: quality === undefined ? 1 : Number(quality), at };
    })
    .filter((item) => item.quality > 0)
    .sort((a, b) => b.quality - a.quality || a.at - b.at);
  return [...new Set(wanted.flatMap(({ language }) => (language === null ? [] : [language])))];
}

/**
 * The language for a customer: the one that was asked for, else the one that the terminal is set to, else of the languages
 * of the store's country the one that the screen is set to, else that country's first, else the screen's, else English.
 */
export function pickLanguage(from: {
  asked?: string | null;
  setting?: string | null;
  country?: string | null;
  accept?: string | null;
}): Language {
  const certain = languageOf(from.asked) ?? languageOf(from.setting);
  if (certain !== null) return certain;
  const accepted = acceptedLanguages(from.accept);
  const market = from.country ? MARKETS[from.country] : undefined;
  if (!market) return accepted[0] ?? "en";
  return accepted.find((language) => market.includes(language)) ?? market[0] ?? "en";
}

/** The tag by which figures and dates are written: the language as it is written in this country. */
export function localeFor(language: Language, country: string | null | undefined): string {
  const isSpoken = country ? (MARKETS[country]?.includes(language) ?? false) : false;
  return `${language}-${isSpoken && country ? country : HOMES[language]}`;
}
