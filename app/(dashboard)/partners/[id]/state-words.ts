import type { Tone } from "@/components/ui/badge";
import {
  ACCOUNT_STATE_WORDS,
  type AccountState,
  ONBOARDING_STATE_WORDS,
  PARTNER_STATE_WORDS,
  type ProductState,
} from "@/server/domain/partners/states";

export const PRODUCT_STATE_WORDS: Readonly<Record<ProductState, string>> = {
  ENABLED: "Enabled",
  DISABLED: "Disabled",
  TERMINATED: "Terminated by Klarna",
};
export const PAYMENT_ACCOUNT_STATE_WORDS: Readonly<Record<string, string>> = {
  DRAFT: "Draft",
  ENABLED: "Enabled",
  DISABLED: "Disabled",
};
export const CHANGE_STATE_WORDS: Readonly<Record<string, { word: string; tone: Tone }>> = {
  PENDING: { word: "Waiting", tone: "working" },
  SENT: { word: "Sending", tone: "working" },
  UNKNOWN: { word: "No answer yet", tone: "warn" },
  DONE: { word: "Klarna has it", tone: "good" },
  FAILED: { word: "Refused", tone: "bad" },
  CANCELED: { word: "Not needed any more", tone: "neutral" },
};
export const DECISION_REASON_WORDS: Readonly<Record<string, string>> = {
  FRAUDULENT_BEHAVIOUR: "Fraudulent behaviour",
  NON_COMPLIANT: "Not compliant",
  PROHIBITED_OR_RESTRICTED_SEGMENT: "Prohibited or restricted segment",
  OTHER_RISK: "Another risk",
};
export const DRIFT_SUBJECT_WORDS: Readonly<Record<string, string>> = {
  account: "Account",
  business_entity: "Legal entity",
  brand: "Brand",
  store_group: "Store group",
  store: "Store",
  payment_account: "Payment account",
  product: "Payments",
};
const WHAT_WORDS: Readonly<Record<string, string>> = {
  PARTNER: "Partner",
  ACCOUNT: "Account",
  PRODUCT: "Payments",
  PAYMENT_ACCOUNT: "Payment account",
  ONBOARDING: "Onboarding",
};

export const accountTone = (state: AccountState): Tone =>
  state === "OPERATIONAL" ? "good" : state === "DISABLED" ? "bad" : state === "NOT_ONBOARDED" ? "info" : "warn";
export const productTone = (state: ProductState): Tone => (state === "ENABLED" ? "good" : "bad");

/** `ACCOUNT`, `OPERATIONAL` as "Account: operational". */
export function stateChangeWords(what: string, state: string): string {
  const known: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    PARTNER: PARTNER_STATE_WORDS,
    ACCOUNT: ACCOUNT_STATE_WORDS,
    PRODUCT: PRODUCT_STATE_WORDS,
    PAYMENT_ACCOUNT: PAYMENT_ACCOUNT_STATE_WORDS,
    ONBOARDING: ONBOARDING_STATE_WORDS,
  };
  const word = known[what]?.[state] ?? state.replaceAll("_", " ").toLowerCase();
  return `${WHAT_WORDS[what] ?? what}: ${word.charAt(0).toLowerCase()}${word.slice(1)}`;
}
