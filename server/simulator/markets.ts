/** Countries, currencies, languages and test persons, transcribed from Klarna's published tables. */

export type Market = { country: string; currency: string; languages: string[] };

export const CURRENCIES = [
  "AUD",
  "EUR",
  "CAD",
  "CZK",
  "DKK",
  "HUF",
  "MXN",
  "NZD",
  "NOK",
  "PLN",
  "RON",
  "SEK",
  "CHF",
  "GBP",
  "USD",
];

const added = new Set<string>();

/** Takes these too, which Klarna does not: so that amounts with no or three decimals can be tried. For the whole process. */
export function addCurrencies(codes: readonly string[]): void {
  for (const code of codes) added.add(code);
}

export function isCurrencyTaken(code: string): boolean {
  return CURRENCIES.includes(code) || added.has(code);
}

export const MARKETS: Market[] = [
  { country: "AT", currency: "EUR", languages: ["de", "en"] },
  { country: "AU", currency: "AUD", languages: ["en"] },
  { country: "BE", currency: "EUR", languages: ["nl", "fr", "en"] },
  { country: "CA", currency: "CAD", languages: ["en", "fr"] },
  { country: "CH", currency: "CHF", languages: ["de", "fr", "it", "en"] },
  { country: "CZ", currency: "CZK", languages: ["cs", "en"] },
  { country: "DE", currency: "EUR", languages: ["de", "en"] },
  { country: "DK", currency: "DKK", languages: ["da", "en"] },
  { country: "ES", currency: "EUR", languages: ["es", "en"] },
  { country: "FI", currency: "EUR", languages: ["fi", "sv", "en"] },
  { country: "FR", currency: "EUR", languages: ["fr", "en"] },
  { country: "GB", currency: "GBP", languages: ["en"] },
  { country: "GR", currency: "EUR", languages: ["el", "en"] },
  { country: "HU", currency: "HUF", languages: ["hu", "en"] },
  { country: "IE", currency: "EUR", languages: ["en"] },
  { country: "IT", currency: "EUR", languages: ["it", "en"] },
  { country: "MX", currency: "MXN", languages: ["en", "es"] },
  { country: "NL", currency: "EUR", languages: ["nl", "en"] },
  { country: "NO", currency: "NOK", languages: ["nb", "en"] },
  { country: "NZ", currency: "NZD", languages: ["en"] },
  { country: "PL", currency: "PLN", languages: ["pl", "en"] },
  { country: "PT", currency: "EUR", languages: ["pt", "en"] },
  { country: "RO", currency: "RON", languages: ["ro", "en"] },
  { country: "SE", currency: "SEK", languages: ["sv", "en"] },
  { country: "SK", currency: "EUR", languages: ["sk", "en"] },
  { country: "US", currency: "USD", languages: ["en", "es"] },
];

export type Person = { name: string; approvedPhone: string; deniedPhone: string };

export const PERSONS: Record<string, Person> = {
  AT: { name: "Test Person-at", approvedPhone: "+4306762600456", deniedPhone: "+4306762600745" },
  AU: { name: "Test Person-au", approvedPhone: "+61473752244", deniedPhone: "+61473763254" },
  BE: { name: "Test Person-be", approvedPhone: "+32485121291", deniedPhone: "+32485212123" },
  CA: { name: "Test Person-ca", approvedPhone: "+15197438620", deniedPhone: "+15197308624" },
  CH: { name: "Accepted Person-ch", approvedPhone: "+41758680000", deniedPhone: "+41758680001" },
  CZ: { name: "Test Person-cz", approvedPhone: "+420771613715", deniedPhone: "+420771623691" },
  DE: { name: "Mock Mock", approvedPhone: "+49017614284340", deniedPhone: "+49017610927312" },
  DK: { name: "Test Person-dk", approvedPhone: "+4542555628", deniedPhone: "+4552555348" },
  ES: { name: "Test Person-es", approvedPhone: "+34672563009", deniedPhone: "+34682425101" },
  FI: { name: "Test Person-fi", approvedPhone: "+358401234567", deniedPhone: "+358401234568" },
  FR: { name: "Test Person-fr", approvedPhone: "+33689854321", deniedPhone: "+33687984322" },
  GB: { name: "Test Person-uk", approvedPhone: "+447755564318", deniedPhone: "+447355505530" },
  GR: { name: "Test Person-gr", approvedPhone: "+306945553624", deniedPhone: "+306945553625" },
  HU: { name: "Test Person-hu", approvedPhone: "+36300102692", deniedPhone: "+36705553575" },
  IE: { name: "Test Person-ie", approvedPhone: "+353855351400", deniedPhone: "+353855351401" },
  IT: { name: "Test Person-it", approvedPhone: "+393339741231", deniedPhone: "+393312232389" },
  MX: { name: "Test Person-mx", approvedPhone: "+525593747739", deniedPhone: "+525593747740" },
  NL: { name: "Test Person-nl", approvedPhone: "+31689124321", deniedPhone: "+31632167678" },
  NO: { name: "Jane Test", approvedPhone: "+4740123456", deniedPhone: "+4740123457" },
  NZ: { name: "Test Person-nz", approvedPhone: "+6427555290", deniedPhone: "+642993007712" },
  PL: { name: "Test Person-pl", approvedPhone: "+48795222223", deniedPhone: "+48795223325" },
  PT: { name: "Test Person-pt", approvedPhone: "+351935556731", deniedPhone: "+351915593837" },
  RO: { name: "Test Person-ro", approvedPhone: "+40741209876", deniedPhone: "+40707127444" },
  SE: { name: "Alice Test", approvedPhone: "+46701740615", deniedPhone: "+46701740620" },
  SK: { name: "Test Person-sk", approvedPhone: "+421905123456", deniedPhone: "+421905123457" },
  US: { name: "Test Person-us", approvedPhone: "+13106683312", deniedPhone: "+13106354386" },
};

const FALLBACK_PERSON: Person = { name: "Mock Mock", approvedPhone: "+49017614284340", deniedPhone: "+49017610927312" };

export function personOf(country: string): Person {
  return PERSONS[country] ?? FALLBACK_PERSON;
}

export function countryOfCurrency(currency: string, preferred?: string): string {
  const matching = MARKETS.filter((market) => market.currency === currency);
  if (matching.some((market) => market.country === preferred) && preferred !== undefined) return preferred;
  if (currency === "EUR") return "DE";
  return matching[0]?.country ?? "DE";
}

export function currencyOfCountry(country: string): string {
  return MARKETS.find((market) => market.country === country)?.currency ?? "EUR";
}

const DENIED_PHONES = new Set(Object.values(PERSONS).map((person) => person.deniedPhone));

const REJECT_REASONS = [
  "other",
  "could_not_establish_identity",
  "credit_limit_exceeded",
  "external_hard_reject",
  "high_risk",
  "legal_restraints",
  "technical_error",
  "internal_block",
  "low_credit_rating",
  "under_age",
  "denied",
];

/** Why Klarna turns a test person down, where the e-mail asks for a reason; null for everybody else. */
export function rejectReasonOf(email: string | undefined, phone: string | undefined): string | null {
  const asked = /\+reject_reason_([a-z_]+)@email\.[a-z]+$/i.exec(email ?? "")?.[1]?.toLowerCase();
  if (asked !== undefined && REJECT_REASONS.includes(asked)) return asked;
  return isDeniedPerson(email, phone) ? "denied" : null;
}

/** Whether contact data belongs to one of the test persons that Klarna turns down. */
export function isDeniedPerson(email: string | undefined, phone: string | undefined): boolean {
  if (email !== undefined && /\+denied@email\.[a-z]+$|\+denied@klarna\.com$/i.test(email)) return true;
  return phone !== undefined && DENIED_PHONES.has(phone.replace(/[^\d+]/g, ""));
}
