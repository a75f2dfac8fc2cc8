import type { Address, Mode } from "@/server/core/schema";
import type { ClassicUser } from "@/server/domain/classic/schema";
import type { LineItem } from "./schema";
import type { OperationState, PaymentState } from "./states";

/**
 * What a classic payment needs beside the common fields. The session's id stands in `klarnaPaymentRequestId`, its link in
 * `klarnaPaymentRequestUrl` and `klarnaQrTargetUrl`, the approved order's id in `klarnaPaymentTransactionId`.
 */
export type ClassicFacts = {
  /** Of the secret in the callback's address; null where Klarna cannot call us, so that we ask. */
  callbackHash: string | null;
  /** Where the distribution is read: a path on the Partner's regional host. Null until the session is known. */
  resultPath: string | null;
  /** Klarna's last word about the distribution, in one spelling. */
  status: string | null;
  /** When the read that said it was begun: an older read is not applied after it. */
  readAt: string | null;
  /** The order that Klarna placed, until it is the payment's transaction. */
  orderId: string | null;
  /** Klarna's code of a failed distribution. */
  errorCode: string | null;
  /** Of the Partner's users at Klarna the one that made the sale, and that every call about it is made with. */
  user?: ClassicUser;
  /** Klarna refused the order after its check: what is left is released once nothing else is under way. */
  isToRelease?: boolean;
};

/** A payment as stored, with the names its neighbours go by. Amounts in minor units of `currency`. */
export type PaymentRow = {
  id: string;
  partnerId: string;
  mode: Mode;
  version: number;
  state: PaymentState;
  amount: number;
  currency: string;
  reference: string;
  allowRepeatReference: boolean;
  channel: "IN_STORE" | "WEB" | "MOBILE_APP";
  launch: "QR" | "REDIRECT" | "SDK" | "SHORT_CODE" | "NONE";
  capture: "AUTOMATIC" | "MANUAL";
  /** Which of Klarna's interfaces it goes through, for its whole life. */
  rail: "NETWORK" | "CLASSIC";
  /** Of a classic payment, else null. */
  classic: ClassicFacts | null;
  /** The short reference that Klarna prints on the customer's papers. */
  klarnaReference: string | null;
  storeId: string | null;
  terminalId: string | null;
  amountAuthorized: number;
  amountCaptured: number;
  amountRefunded: number;
  amountVoided: number;
  lineItems: LineItem[];
  metadata: Record<string, string>;
  purchaseSecret: string | null;
  klarnaPaymentRequestId: string | null;
  klarnaPaymentRequestUrl: string | null;
  klarnaQrImageUrl: string | null;
  klarnaQrTargetUrl: string | null;
  klarnaRequestState: string | null;
  klarnaRequestStateAt: Date | null;
  klarnaRequestExpiresAt: Date | null;
  klarnaPaymentTransactionId: string | null;
  klarnaTokenSecret: string | null;
  klarnaTokenKind: "NETWORK_SESSION_TOKEN" | "PAYMENT_TOKEN" | null;
  sessionTokenHash: string | null;
  fundingType: "GUARANTEED" | "NON_GUARANTEED" | null;
  fundingState: string | null;
  declineReason: string | null;
  failureCode: string | null;
  stopMark: "CANCEL" | "EXPIRE" | null;
  stopMarkedAt: Date | null;
  journeyCompletedAt: Date | null;
  finalStartedAt: Date | null;
  finalizeBy: Date | null;
  expiresAt: Date;
  authorizationExpiresAt: Date | null;
  /** When somebody was told that the authorization ends soon. */
  authorizationWarnedAt: Date | null;
  lateTransactionId: string | null;
  lateApprovalState: "FOUND" | "VOIDED" | "REFUNDED" | null;
  eventSequence: number;
  nextActionAt: Date | null;
  createdBy: string;
  createdAt: Date;
  updatedAt: Date;
};

/** Joined for reading: what the payment's neighbours are called. */
export type PaymentRecord = PaymentRow & {
  storeReference: string | null;
  storeName: string | null;
  storeAddress: Address | null;
  /** PAYMENT: the store came inline and is onboarded by the payment itself. */
  storeSource: "REGISTERED" | "PAYMENT" | null;
  storeKlarnaId: string | null;
  terminalReference: string | null;
  terminalLabel: string | null;
  partnerName: string;
  accountId: string;
  /** How far the Partner's test clock is ahead; 0 in live mode. */
  clockAheadMs: number;
};

export type OperationKind =
  | "AUTHORIZE"
  | "FINAL_AUTHORIZE"
  | "CANCEL_REQUEST"
  | "CAPTURE"
  | "REFUND"
  | "VOID"
  | "LATE_VOID"
  | "LATE_REFUND"
  | "UPDATE"
  | "REAUTHORIZE";

/** A row of the journal: one intended effect at Klarna. */
export type OperationRow = {
  id: string;
  partnerId: string;
  mode: Mode;
  paymentId: string;
  captureId: string | null;
  refundId: string | null;
  kind: OperationKind;
  epoch: number;
  state: OperationState;
  idempotencyKey: string;
  /** Of an UPDATE, encrypted: what is to change. */
  intentSecret: string | null;
  result: string | null;
  attempts: number;
  nextAttemptAt: Date | null;
  klarnaErrorCode: string | null;
  klarnaErrorId: string | null;
  openedAt: Date;
  settledAt: Date | null;
};

export type CaptureRow = {
  id: string;
  partnerId: string;
  mode: Mode;
  paymentId: string;
  state: OperationState;
  amount: number;
  currency: string;
  reference: string | null;
  klarnaPaymentCaptureId: string | null;
  automatic: boolean;
  lineItems: LineItem[];
  /** Encrypted: where the goods go, and how they can be followed. */
  shippingSecret: string | null;
  /** Under which a repeated row of a file finds what the first turn made. */
  intentKey: string | null;
  failureCode: string | null;
  createdAt: Date;
  updatedAt: Date;
};

/** A capture to be written; one that Klarna made with the approval has no more to say. */
export type NewCapture = Omit<CaptureRow, "lineItems" | "shippingSecret" | "intentKey"> &
  Partial<Pick<CaptureRow, "lineItems" | "shippingSecret" | "intentKey">>;

export type RefundRow = {
  id: string;
  partnerId: string;
  mode: Mode;
  paymentId: string;
  captureId: string | null;
  state: OperationState;
  amount: number;
  currency: string;
  lineItems: LineItem[];
  /** Where the return was taken, and what these are called. */
  storeId: string | null;
  storeReference: string | null;
  terminalId: string | null;
  terminalReference: string | null;
  reason: string | null;
  reference: string | null;
  klarnaPaymentRefundId: string | null;
  intentKey: string | null;
  failureCode: string | null;
  createdBy: string;
  createdAt: Date;
  updatedAt: Date;
};
