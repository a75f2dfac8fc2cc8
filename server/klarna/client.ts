import type { Mode } from "@/server/core/schema";
import type { KlarnaError } from "./errors";

/* What a call to Klarna is, and what is known after it. */

export type KlarnaOperationName =
  | "authorize"
  | "authorize_final"
  | "read_request"
  | "cancel_request"
  | "update_request"
  | "read_transaction"
  | "update_transaction"
  | "reauthorize"
  | "capture"
  | "refund"
  | "void"
  | "presentation"
  | "interoperability"
  | "signing_keys"
  | "webhooks"
  | "onboard"
  | "account_read"
  | "account_write"
  | "classic_session"
  | "classic_read"
  | "classic_cancel"
  | "order_read"
  | "order_write";

export type KlarnaRequest = {
  mode: Mode;
  operation: KlarnaOperationName;
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  /** On every POST and PATCH: one key for each intent. Source: KNR-S5. */
  idempotencyKey?: string;
  /** Names the session that caused the call in Klarna's integration metadata. Source: KNR-T3. */
  sessionReference: string;
  /** Another host with credentials of its own, instead of those of the mode: a Partner's classic interface. */
  host?: KlarnaHost;
  /** Instead of what is in use, to see whether Klarna takes it. */
  trial?: { apiKey?: string; certificate?: ClientCertificate };
};

/** Key and certificate (or chain) in PEM; the fingerprint is the certificate's SHA-256 in small hex. */
export type ClientCertificate = { privateKey: string; certificate: string; fingerprint: string };

/** `name` tells hosts apart where their health is watched; `authorization` is the whole header. */
export type KlarnaHost = { name: string; baseUrl: string; authorization: string };

/** One call as the journal keeps it: masked, with what came back. */
export type KlarnaCallRecord = {
  attempt: number;
  outcome: "ANSWERED" | "REFUSED" | "NO_ANSWER" | "NOT_SENT";
  method: string;
  path: string;
  httpStatus: number | null;
  request: unknown;
  response: unknown;
  klarnaCorrelationId: string | null;
  klarnaErrorId: string | null;
  durationMs: number;
  at: Date;
};

/**
 * What is known after one or more calls with the same key:
 * `answered` a 2xx with a JSON body; `refused` a definite no; `unknown` something was sent and no definite answer came;
 * `not_sent` nothing left this process (refused connection, DNS, TLS, open breaker, no place within Klarna's quota in time).
 */
export type KlarnaOutcome = { calls: KlarnaCallRecord[] } & (
  | { kind: "answered"; status: number; body: unknown; location?: string | null; certificateVerdict?: string | null }
  | { kind: "refused"; error: KlarnaError }
  | { kind: "unknown"; reason: string }
  | { kind: "not_sent"; reason: string }
);

export type KlarnaClient = {
  /** Calls, repeats with the same key where that is safe, and ends within `budgetMs`. Never throws for the network. */
  call(request: KlarnaRequest, options?: { budgetMs?: number; attemptsMax?: number }): Promise<KlarnaOutcome>;
  /** Whether new payments of this mode are held back now because Klarna does not answer. */
  isOpen(mode: Mode): boolean;
  breakers(): { mode: Mode; category: string; state: "closed" | "open" | "half-open" }[];
  isConfigured(mode: Mode): boolean;
  /** Reads the keys in use again, in this process. */
  reloadKeys?(mode: Mode): Promise<void>;
  close(): Promise<void>;
};
