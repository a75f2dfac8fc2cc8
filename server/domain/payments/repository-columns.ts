import type { PaymentRow } from "./rows";

/* The columns of payments by what may become of them, and rows as statements take them. */

const snakes = new Map<string, string>();
/** The column of a field; each name is worked out once. */
export function snake(name: string): string {
  const known = snakes.get(name);
  if (known !== undefined) return known;
  const made = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  snakes.set(name, made);
  return made;
}

/** Rows go into the statements as JSON under their column names; PostgreSQL types them by the table. */
export function toColumns(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const columns: Record<string, unknown> = {};
  for (const key in row) columns[snake(key)] = row[key];
  return columns;
}

const PAYMENT_FIXED = [
  "id",
  "partnerId",
  "mode",
  "version",
  "currency",
  "allowRepeatReference",
  "channel",
  "launch",
  "capture",
  "rail",
  "storeId",
  "terminalId",
  "sessionTokenHash",
  "expiresAt",
  "createdBy",
  "createdAt",
] as const satisfies readonly (keyof PaymentRow)[];
export const PAYMENT_MOVING = [
  "state",
  "amountAuthorized",
  "amountCaptured",
  "amountRefunded",
  "amountVoided",
  "metadata",
  "klarnaPaymentRequestId",
  "klarnaPaymentRequestUrl",
  "klarnaQrImageUrl",
  "klarnaQrTargetUrl",
  "klarnaRequestState",
  "klarnaRequestStateAt",
  "klarnaRequestExpiresAt",
  "klarnaPaymentTransactionId",
  "klarnaReference",
  "classic",
  "klarnaTokenSecret",
  "klarnaTokenKind",
  "fundingType",
  "fundingState",
  "declineReason",
  "failureCode",
  "stopMark",
  "stopMarkedAt",
  "journeyCompletedAt",
  "finalStartedAt",
  "finalizeBy",
  "authorizationExpiresAt",
  "authorizationWarnedAt",
  "lateTransactionId",
  "lateApprovalState",
  "eventSequence",
  "nextActionAt",
  "updatedAt",
] as const satisfies readonly (keyof PaymentRow)[];
/** Changed by an update only: too large, or too much in indexes, to be written with every step. */
export const PAYMENT_AMENDED = [
  "amount",
  "reference",
  "lineItems",
  "purchaseSecret",
] as const satisfies readonly (keyof PaymentRow)[];
export const PAYMENT_KEYS = [...PAYMENT_FIXED, ...PAYMENT_AMENDED, ...PAYMENT_MOVING];
type Uncovered = Exclude<keyof PaymentRow, (typeof PAYMENT_KEYS)[number]>;
/** Fails to compile when a field of PaymentRow is in none of the lists. */
export const PAYMENT_COLUMNS_COMPLETE: Uncovered extends never ? true : never = true;

export const paymentColumns = PAYMENT_KEYS.map(snake).join(", ");
export const OPERATION_COLUMNS =
  "id, partner_id, mode, payment_id, capture_id, refund_id, kind, epoch, state, idempotency_key, intent_secret, result, attempts, next_attempt_at, klarna_error_code, klarna_error_id, opened_at, settled_at";
