/* The states of a Partner and of its account, apart from the schemas, so that screens can name them without a parser. */

export const PARTNER_STATES = ["DRAFT", "OPERATIONAL", "SUSPENDED", "CLOSED"] as const;
export type PartnerState = (typeof PARTNER_STATES)[number];

/** Klarna's words for an account and its payment product; NOT_ONBOARDED is ours: Klarna has not taken the account yet. */
export const ACCOUNT_STATES = ["NOT_ONBOARDED", "PARTIALLY_OPERATIONAL", "OPERATIONAL", "DISABLED"] as const;
export type AccountState = (typeof ACCOUNT_STATES)[number];
export const PRODUCT_STATES = ["ENABLED", "DISABLED", "TERMINATED"] as const;
export type ProductState = (typeof PRODUCT_STATES)[number];

/** Plain words for people, by state. */
export const PARTNER_STATE_WORDS: Readonly<Record<PartnerState, string>> = {
  DRAFT: "Draft",
  OPERATIONAL: "Operational",
  SUSPENDED: "Suspended",
  CLOSED: "Closed",
};
export const ACCOUNT_STATE_WORDS: Readonly<Record<AccountState, string>> = {
  NOT_ONBOARDED: "Not onboarded",
  PARTIALLY_OPERATIONAL: "Partly operational",
  OPERATIONAL: "Operational",
  DISABLED: "Disabled by Klarna",
};
