import { countryName } from "@/components/display/country";

/** Where Klarna's acquirers take payments, for filters. */
const COUNTRIES = [
  ...["AT", "AU", "BE", "CA", "CH", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "GR", "HU", "IE", "IT", "MX", "NL"],
  ...["NO", "NZ", "PL", "PT", "RO", "SE", "SK", "US"],
] as const;

export const COUNTRY_OPTIONS = COUNTRIES.map((code) => ({ value: code, label: countryName(code) })).sort((a, b) =>
  a.label.localeCompare(b.label, "en"),
);
