/** Klarna's lists are open: what stands in a record is shown even where it is none of these. */
export const ENTITY_TYPE_OPTIONS = [
  { value: "LIMITED_LIABILITY_COMPANY", label: "Limited liability company" },
  { value: "PUBLIC_COMPANY", label: "Public company" },
  { value: "PARTNERSHIP", label: "Partnership" },
  { value: "SOLE_TRADER", label: "Sole trader" },
];

export const STAKEHOLDER_ROLE_WORDS: Readonly<Record<string, string>> = { OWNER: "Owner", DIRECTOR: "Director" };

export const SOCIAL_OPTIONS = ["INSTAGRAM", "FACEBOOK", "TIKTOK", "YOUTUBE", "X", "LINKEDIN", "PINTEREST"].map(
  (value) => ({ value, label: value === "X" ? "X" : `${value.charAt(0)}${value.slice(1).toLowerCase()}` }),
);

export const CURRENCY_OPTIONS = [
  ...["AUD", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HUF", "MXN", "NOK", "NZD", "PLN", "RON", "SEK", "USD"],
].map((value) => ({ value, label: value }));

export function entityTypeWords(type: string | null): string | null {
  if (type === null) return null;
  return ENTITY_TYPE_OPTIONS.find((option) => option.value === type)?.label ?? type;
}
