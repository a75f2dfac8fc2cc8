import type { Permission } from "@/server/auth/permissions";
import { defineMachine } from "@/server/core/state-machine";

/** What needs a second person. */
export const APPROVAL_KINDS = ["REFUND", "API_KEY", "PAYOUT_DATA"] as const;
export type ApprovalKind = (typeof APPROVAL_KINDS)[number];

export const APPROVAL_KIND_WORDS: Readonly<Record<ApprovalKind, string>> = {
  REFUND: "Refund",
  API_KEY: "API key",
  PAYOUT_DATA: "Payout data",
};

/** Who agrees to a thing must be allowed to do it alone. */
export const APPROVAL_PERMISSIONS: Readonly<Record<ApprovalKind, Permission>> = {
  REFUND: "payments:refund",
  API_KEY: "api_keys:write",
  PAYOUT_DATA: "partners:write",
};

/** An approval that was given and not yet carried out still ends with its time. */
export const approvalMachine = defineMachine({
  PENDING: { approve: "APPROVED", reject: "REJECTED", withdraw: "WITHDRAWN", expire: "EXPIRED" },
  APPROVED: { execute: "EXECUTED", expire: "EXPIRED" },
  REJECTED: {},
  WITHDRAWN: {},
  EXPIRED: {},
  EXECUTED: {},
});
export type ApprovalState = keyof (typeof approvalMachine)["table"];
export const APPROVAL_STATES = approvalMachine.states;
