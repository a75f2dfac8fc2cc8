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

export const ONBOARDING_STATES = [
  "DRAFT",
  "SUBMITTED",
  "APPROVED",
  "ONBOARDING",
  "REFUSED",
  "ONBOARDED",
  "OPERATIONAL",
  "CANCELED",
] as const;
export type OnboardingState = (typeof ONBOARDING_STATES)[number];
export const ONBOARDING_STATE_WORDS: Readonly<Record<OnboardingState, string>> = {
  DRAFT: "Draft",
  SUBMITTED: "Waiting for approval",
  APPROVED: "Approved",
  ONBOARDING: "Being sent to Klarna",
  REFUSED: "Refused by Klarna",
  ONBOARDED: "Waiting to be operational",
  OPERATIONAL: "Operational",
  CANCELED: "Canceled",
};

/** Each single thing that Klarna is told. */
export const CHANGE_KINDS = [
  "ONBOARD",
  "ACCOUNT_UPDATE",
  "ENTITY_CREATE",
  "ENTITY_UPDATE",
  "BRAND_CREATE",
  "BRAND_UPDATE",
  "GROUP_CREATE",
  "GROUP_UPDATE",
  "STORE_CREATE",
  "STORE_UPDATE",
  "PAYMENT_ACCOUNT_CREATE",
  "PRODUCT_ENABLE",
  "PRODUCT_DISABLE",
] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];
export const CHANGE_KIND_WORDS: Readonly<Record<ChangeKind, string>> = {
  ONBOARD: "Onboard the account",
  ACCOUNT_UPDATE: "Change the account",
  ENTITY_CREATE: "Add a legal entity",
  ENTITY_UPDATE: "Change a legal entity",
  BRAND_CREATE: "Add a brand",
  BRAND_UPDATE: "Change a brand",
  GROUP_CREATE: "Add a store group",
  GROUP_UPDATE: "Change a store group",
  STORE_CREATE: "Add a store",
  STORE_UPDATE: "Change a store",
  PAYMENT_ACCOUNT_CREATE: "Add a payment account",
  PRODUCT_ENABLE: "Allow payments",
  PRODUCT_DISABLE: "Stop payments",
};

/** Plain words for Klarna's reasons; one that is not known here is shown as it came. */
export const DECISION_REASON_WORDS: Readonly<Record<string, string>> = {
  FRAUDULENT_BEHAVIOUR: "Fraudulent behaviour",
  NON_COMPLIANT: "Breaks the network rules",
  PROHIBITED_OR_RESTRICTED_SEGMENT: "Type of business that is not allowed",
  OTHER_RISK: "Other risk",
};

/** What a paired till may give back by itself, in minor units of the currency; a limit of 0 is none. */
export type TillReturns = { till_returns: boolean; till_return_limit: number; till_return_currency: string };

/** Whether a till that follows `after` may give back what it may not by `before`. */
export function widensTillReturns(before: TillReturns, after: TillReturns): boolean {
  if (after.till_returns && !before.till_returns) return true;
  // Also where returns are off: a store or terminal below may have turned them on, with the limit from here.
  return (
    before.till_return_limit > 0 &&
    (after.till_return_limit === 0 ||
      after.till_return_limit > before.till_return_limit ||
      after.till_return_currency !== before.till_return_currency)
  );
}
