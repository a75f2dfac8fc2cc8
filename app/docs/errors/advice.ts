import type { ErrorCode } from "@/server/core/errors";

/** What the caller does about a code, where the sentence of the catalogue does not say it. */
const ADVICE: Partial<Readonly<Record<ErrorCode, string>>> = {
  request_malformed: "Send valid JSON in UTF-8. The detail says where reading stopped.",
  validation_failed:
    "Look at `errors`: each entry has the pointer to a field and what is wrong with it. Unknown fields are refused too.",
  idempotency_key_required:
    "Send an Idempotency-Key header with every POST: one new key for each thing you want to happen, the same key when you repeat the call.",
  key_missing: "Send the header `Authorization: Bearer tg_…`.",
  key_invalid:
    "Check that the key is whole, not revoked and not expired. A new one is made under Developers in the dashboard.",
  scope_missing: "Use a key with the scope that the reference names for this call, or make one.",
  address_not_allowed: "The key works from certain addresses only. Call from one of them, or change the key.",
  not_found:
    "Check the id, and that the key is of the same mode and Partner as the thing: what belongs to others is answered like what does not exist.",
  payment_not_found: "Check the id, and that the key is of the payment's mode and Partner.",
  store_not_found: "Check the id or reference of the store, and that it is registered in the mode of the key.",
  terminal_not_found: "Check the id or reference of the terminal, and that it belongs to the store.",
  simulator_required: "Calls that play the customer work with a test key while test payments go to the simulator.",
  state_conflict: "Read the thing again and decide from its new state.",
  payment_not_cancelable: "Read the payment. If it is completed, refund it; if it is authorized, void it.",
  payment_not_refundable: "Read the payment: nothing is captured, or everything is refunded already.",
  payment_not_capturable:
    "Read the payment: only an authorized one with something left can be captured, and one operation on it at a time.",
  payment_not_updatable:
    "Read the payment: it can be changed until the customer begins, and again while something is left to capture.",
  payment_not_reauthorizable: "Read the payment: an authorization can be renewed within 7 days of its end.",
  operation_limit_reached:
    "Klarna takes 200 captures, 200 refunds and 200 voids on one payment, 500 operations in all. Settle the rest another way.",
  payment_not_voidable: "Read the payment: only an authorized one with something left to capture can be voided.",
  reference_taken: "Use another reference, or set `allow_repeat_reference` when a repeat is meant.",
  idempotency_in_progress: "Wait a moment and send the same call with the same key again.",
  idempotency_key_reused: "The key stands for another call. Use a new key for a new intent.",
  amount_mismatch: "The totals of `line_items` must add up to `amount`.",
  refund_exceeds_captured: "Ask for `amount_refundable` of the payment at most.",
  partner_not_operational:
    "Klarna has not enabled this Partner's account, or has stopped it. The dashboard shows its state.",
  url_not_allowed:
    "Use an https address that is reachable from the internet. In test mode addresses of this machine may be allowed.",
  rate_limited: "Wait for the seconds in the Retry-After header.",
  internal_error: "Repeat the call with the same Idempotency-Key. If it stays, tell us the request id.",
  klarna_unavailable: "Nothing was sent to Klarna. Repeat the call with the same Idempotency-Key after a moment.",
  overloaded:
    "Nothing was done. Repeat the call with the same Idempotency-Key after the seconds in the Retry-After header.",
  unavailable: "Repeat the call with the same Idempotency-Key after a moment.",
};

export function adviceFor(code: ErrorCode, isRetryable: boolean): string {
  return (
    ADVICE[code] ??
    (isRetryable
      ? "Repeat the call with the same Idempotency-Key after a moment."
      : "Change the request: the same one will be refused again.")
  );
}
