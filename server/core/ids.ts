import { monotonicFactory } from "ulid";
import { v5 as uuidV5 } from "uuid";
import { z } from "zod";

/** Every kind of id that we issue: prefix and ULID. Sortable by time, never parsed. */
export const ID_PREFIXES = {
  partner: "ptn",
  businessEntity: "ben",
  brand: "brd",
  storeGroup: "stg",
  store: "sto",
  terminal: "ter",
  payment: "pay",
  capture: "cap",
  refund: "ref",
  operation: "op",
  customerToken: "ctok",
  subscription: "sub",
  settlement: "set",
  dispute: "dsp",
  webhookEndpoint: "whe",
  webhookDelivery: "whd",
  webhookAttempt: "wha",
  webhookReplay: "whr",
  event: "evt",
  inboxEvent: "inb",
  apiKey: "key",
  acquirerKey: "aky",
  user: "usr",
  role: "rol",
  approval: "apv",
  session: "ses",
  audit: "aud",
  auditCheck: "auc",
  request: "req",
  alarm: "alm",
  mail: "mail",
  oneTimeLink: "otl",
  passkey: "pky",
  klarnaSweep: "swp",
  invariantCheck: "ivc",
  onboarding: "onb",
  stakeholder: "stk",
  paymentAccount: "pac",
  terminalMove: "tmv",
  pairingCode: "prc",
  pairedDevice: "pdv",
  savedView: "svw",
  import: "imp",
  bulkRun: "blk",
  complianceDecision: "cdn",
  accountStateChange: "asc",
  klarnaCredential: "crd",
  portalGrant: "pgr",
  klarnaChange: "kch",
  driftFinding: "dft",
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

/** Random numbers from 0 up to, not including, 1; taken from the system in bulk: one call each would cost more than the rest of an id. */
const random = new Uint8Array(1_024);
let randomAt = random.length;
function nextRandom(): number {
  if (randomAt === random.length) {
    crypto.getRandomValues(random);
    randomAt = 0;
  }
  const byte = random[randomAt] ?? 0;
  randomAt += 1;
  return byte / 256;
}

const nextUlid = monotonicFactory(nextRandom);

/** A new id of this kind, greater than every id made before it in this process. */
export function newId(kind: IdKind, atMs: number = Date.now()): string {
  return `${ID_PREFIXES[kind]}_${nextUlid(atMs)}`;
}

export function idSchema(kind: IdKind) {
  return z
    .string()
    .regex(new RegExp(`^${ID_PREFIXES[kind]}_[0-9A-HJKMNP-TV-Z]{26}$`), `not an id of the form ${ID_PREFIXES[kind]}_…`);
}

const KLARNA_KEY_NAMESPACE = "5c0f6f5e-6d3b-5c1c-9a64-3a1d0c6f2b11";

/**
 * The idempotency key of one operation at Klarna: a UUIDv5 of the journal row's id, so that it survives every crash
 * and a retry is the same call. Source: Klarna's integration resilience pages (UUIDv5 advised, valid 24 hours).
 */
export function klarnaIdempotencyKey(operationId: string): string {
  return uuidV5(operationId, KLARNA_KEY_NAMESPACE);
}
