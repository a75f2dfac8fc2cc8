import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * Klarna's webhook signature: lower-case hex HMAC-SHA256 over the raw body, keyed with the signing key as issued.
 * Compared in constant time; upper-case hex, padding or a second value in the header do not match.
 */
export function isKlarnaSignature(rawBody: Uint8Array, signature: string, signingKey: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(signature)) return false;
  const expected = createHmac("sha256", signingKey).update(rawBody).digest();
  return timingSafeEqual(expected, Buffer.from(signature, "hex"));
}

/** Where a signing key's secret is encrypted. */
export function signingKeyPlace(key: { id: string; mode: string }): string {
  return `klarna_signing_keys|secret|${key.id}|${key.mode}`;
}
