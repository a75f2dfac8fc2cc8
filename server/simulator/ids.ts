import { randomBytes, randomUUID } from "node:crypto";

/** Identifiers in the shapes seen in Klarna's documents. Callers must treat them as opaque. */

const ACCOUNT_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

export function newUuid(): string {
  return randomUUID();
}

export function newAccountId(): string {
  let tail = "";
  for (const byte of randomBytes(11)) tail += ACCOUNT_ALPHABET.charAt(byte % ACCOUNT_ALPHABET.length);
  return `krn:partner:global:account:test:${tail}`;
}

export function newStoreId(): string {
  return `krn:partner:global:store:${randomUUID()}`;
}

export function newProductInstanceId(): string {
  return `krn:partner:product:payment:${randomUUID()}`;
}

export function newRequestId(): string {
  return `krn:payment:eu1:request:${randomUUID()}`;
}

export function newTransactionId(): string {
  return `krn:payment:eu1:transaction:${randomUUID()}`;
}

export function newSessionToken(): string {
  return `krn:network:eu1:test:session-token:${randomBytes(32).toString("base64url")}`;
}

export function newPaymentToken(): string {
  return `krn:payment:eu1:payment-token:${randomUUID()}`;
}

export function newWebhookId(): string {
  return `krn:partner:global:notification:webhook:${randomUUID()}`;
}

export function newSigningKeyId(): string {
  return `krn:partner:global:notification:signing-key:${randomUUID()}`;
}

export function newSigningKey(): string {
  return `krn:partner:global:notification:signing-key:secret:${randomBytes(32).toString("base64url")}`;
}

export function newApiKey(): string {
  return `klarna_test_api_${randomBytes(36).toString("base64url")}`;
}

/** The last part of a KRN, which is what the journey's address carries. */
export function uuidOf(krn: string): string {
  return krn.slice(krn.lastIndexOf(":") + 1);
}

export function requestIdOf(uuidOrKrn: string): string {
  return uuidOrKrn.includes(":") ? uuidOrKrn : `krn:payment:eu1:request:${uuidOrKrn}`;
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
