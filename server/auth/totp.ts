import { createHmac, randomBytes } from "node:crypto";
import { SECOND_MS } from "@/server/core/time";
import { isEqualSecret } from "@/server/db/secrets";

/*
 * Codes of authenticator apps: RFC 6238 as every app speaks it (SHA-1, six digits, 30 seconds).
 */

const STEP_MS = 30 * SECOND_MS;
const DIGITS = 6;
/** A phone's clock may be half a minute off, and a code be typed at the end of its time; not more. */
const DRIFT_STEPS = 1;
const SECRET_BYTES = 20;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export function newTotpSecret(): Buffer {
  return randomBytes(SECRET_BYTES);
}

/** The form in which people type a secret and apps read it: base32 without padding (RFC 4648). */
export function base32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      text += ALPHABET[(value >>> (bits - 5)) & 31];
      bits -= 5;
    }
    value &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET[(value << (5 - bits)) & 31];
}

/** The 30-second step that a moment lies in. */
export function totpStepAt(at: Date): number {
  return Math.floor(at.getTime() / STEP_MS);
}

/** The six digits of a step. */
export function totpCode(secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", secret).update(counter).digest();
  const offset = mac.readUInt8(mac.length - 1) & 15;
  return String((mac.readUInt32BE(offset) & 0x7fff_ffff) % 10 ** DIGITS).padStart(DIGITS, "0");
}

/** The step that a code belongs to, now or one beside it; null when it is none of them. */
export function findTotpStep(secret: Uint8Array, code: string, now: Date): number | null {
  const current = totpStepAt(now);
  let found: number | null = null;
  for (let step = current - DRIFT_STEPS; step <= current + DRIFT_STEPS; step += 1) {
    if (isEqualSecret(totpCode(secret, step), code)) found = step;
  }
  return found;
}

/** What an authenticator app reads from the QR code. */
export function totpUri(secret: Uint8Array, account: string, issuer: string): string {
  const label = `${encodeURIComponent(issuer)}:${encodeURIComponent(account)}`;
  return `otpauth://totp/${label}?${new URLSearchParams({ secret: base32(secret), issuer }).toString().replaceAll("+", "%20")}`;
}
