import { hasLuhnDigit, maskCardNumbers } from "./card-numbers";

/**
 * Masking for logs, the audit, the journal of calls and the request log.
 *
 * An allow-list: a text value passes only under a key that is declared safe; anything else becomes "•••". Numbers,
 * booleans and null pass (amounts and states must stay readable). A secret in an unknown field therefore never shows.
 */
const SAFE_KEYS = new Set(
  [
    "id object mode status state previous_state state_reason result result_reason type event event_type event_version event_id name",
    "amount currency reference purchase_reference payment_request_id payment_request_reference payment_transaction_id",
    "payment_transaction_reference payment_capture_id payment_capture_reference payment_refund_id payment_refund_reference",
    "customer_token_reference line_item_reference store_reference terminal_reference store_id terminal_id product_identifier",
    "channel launch capture method code error_code error_type error_id error_message title detail pointer parameter reason request_id",
    "correlation_id webhook_id subject_account_id recipient_account_id product_instance_id expires_at created_at updated_at",
    "occurred_at captured_at unit quantity country currency interval locale scope scopes instruction path operation action way",
    "method image_url target_url payment_request_url step_up kind label device events url description customer_interaction",
    "signing_key_id event_types function_id",
    "approval_id role audience permissions",
    "funding integrator session_reference module_name module_version payment_option_id status_code duration_ms from to",
  ]
    .join(" ")
    .split(" "),
);

/** Keys that hold a bearer link: readable, but never with their query string. */
const LINK_KEYS = new Set(["url", "image_url", "target_url", "payment_request_url"]);
const MASK = "•••";
const TEXT_MAX = 500;
const DEPTH_MAX = 12;
/** What a field's name looks like. Callers choose names too (unknown fields, metadata): one that is anything else is masked. */
const FIELD_NAME = /^[A-Za-z_][\w.-]{0,63}$/;

export function redact(value: unknown, key = "", depth = 0): unknown {
  if (value === null || value === undefined || typeof value === "number" || typeof value === "boolean")
    return value ?? null;
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "string") return redactText(value, key);
  if (value instanceof Date) return value.toISOString();
  if (depth >= DEPTH_MAX) return MASK;
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => redact(item, key, depth + 1));
  if (typeof value === "object") {
    const masked: Record<string, unknown> = {};
    for (const [name, inner] of Object.entries(value)) {
      // Assigning to it would set the prototype instead.
      if (name === "__proto__") continue;
      masked[FIELD_NAME.test(name) ? maskSecrets(name) : MASK] = redact(inner, name, depth + 1);
    }
    return masked;
  }
  return MASK;
}

function redactText(text: string, key: string): string {
  if (!SAFE_KEYS.has(key)) return MASK;
  const shown = LINK_KEYS.has(key) ? (text.split("?")[0] ?? "") : text;
  return singleLine(maskSecrets(shown)).slice(0, TEXT_MAX);
}

/** Nothing to mask without one of these: most texts are passed by this alone. */
const SUSPICIOUS = /@|tg_|klarna_|whsec_|krn:|bearer|basic|(?:[0-9\uff10-\uff19][^0-9\uff10-\uff19]{0,3}){13}/i;

/** Masks what looks like one of our or Klarna's secrets, an e-mail address or a card number inside free text. */
export function maskSecrets(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  return maskCardNumbers(text, MASK)
    .replace(/\btg_(test|live)_(sk|ak)_[A-Za-z0-9]+/g, "tg_$1_$2_•••")
    .replace(/\bklarna_(test|live)_(api|client)_[A-Za-z0-9+/=_-]+/g, "klarna_$1_$2_•••")
    .replace(/\bwhsec_[A-Za-z0-9+/=_-]+/g, "whsec_•••")
    .replace(
      /krn:[a-z0-9:-]*(?:session-token|payment-token|customer-token|confirmation-token)[^\s"']*/gi,
      "krn:token:•••",
    )
    .replace(/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+/gi, "$1 •••")
    .replace(/[^\s@"'<>/,;:()]{1,64}@[^\s@"'<>/,;:()]{1,255}/g, MASK)
    .replace(/\b\d(?:[ -]?\d){12,18}\b/g, (digits) => (isCardNumber(digits) ? MASK : digits));
}

/** Escapes what could forge a line or colour a terminal. */
export function singleLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** In logs any long number with a right check digit is masked, whoever issues such numbers. */
function isCardNumber(text: string): boolean {
  const digits = text.replace(/\D/g, "");
  return digits.length >= 13 && hasLuhnDigit(digits);
}
