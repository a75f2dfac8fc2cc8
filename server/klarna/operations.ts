import type { KlarnaOperationName } from "./client";

/* What is watched and counted together among Klarna's operations. */

type KlarnaCategory =
  | "authorize"
  | "finalize"
  | "requests"
  | "transactions"
  | "presentation"
  | "interoperability"
  | "notifications"
  | "accounts"
  | "sessions"
  | "distributions"
  | "orders";
/** Operations of one category are healthy or sick together. */
export const CATEGORIES: Readonly<Record<KlarnaOperationName, KlarnaCategory>> = {
  authorize: "authorize",
  authorize_final: "finalize",
  read_request: "requests",
  cancel_request: "requests",
  update_request: "requests",
  read_transaction: "transactions",
  update_transaction: "transactions",
  reauthorize: "transactions",
  capture: "transactions",
  refund: "transactions",
  void: "transactions",
  presentation: "presentation",
  // On its own: an older question, and where Klarna does not answer it any more the newer one goes on.
  interoperability: "interoperability",
  signing_keys: "notifications",
  webhooks: "notifications",
  onboard: "accounts",
  account_read: "accounts",
  account_write: "accounts",
  classic_session: "sessions",
  classic_read: "distributions",
  classic_cancel: "distributions",
  order_read: "orders",
  order_write: "orders",
};

/** What Klarna counts together, where that is not the category: final authorizes with the others, captures alone. */
export const paceOf = (operation: KlarnaOperationName): string =>
  operation === "authorize_final" ? "authorize" : operation === "capture" ? "capture" : CATEGORIES[operation];

/** The Partner account that a call counts for; every path but those of the acquirer and the classic ones names it. */
export const accountOf = (path: string): string => /^\/v2\/accounts\/([^/?]+)/.exec(path)?.[1] ?? "";
