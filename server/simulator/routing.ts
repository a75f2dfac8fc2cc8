import type { Account, FaultKind } from "./model";
import type { Facts } from "./simulator";

/** What an endpoint under /v2 or /v4 is made of. Each area has a router of its own; `app.ts` names them all. */

export type ApiCall = {
  method: string;
  path: string;
  query: URLSearchParams;
  header: (name: string) => string | undefined;
  headerBytes: { largest: number; total: number };
  body: Uint8Array;
  /** Who is calling, where the call came over a connection. */
  remoteAddress?: string | undefined;
  /** The client certificate of the connection, as DER. */
  clientCertificate?: Uint8Array | undefined;
};

export type ApiAnswer = {
  status: number;
  headers: Record<string, string>;
  body: string | null;
  /** What goes over the wire instead of `body`, where the answer is a file. */
  bytes?: Uint8Array | undefined;
  /** The connection is cut instead of (or in the middle of) the answer. */
  cut: "none" | "silent" | "halfway";
};

export type Outcome = {
  status: number;
  body: string | null;
  /** A file, instead of `body`. */
  bytes?: Uint8Array;
  headers?: Record<string, string>;
};

/** Which of Klarna's quotas a call counts against. */
export type RateCategory =
  | "account-onboarding"
  | "payment-authorization"
  | "payment-request-management"
  | "payment-transaction-capture"
  | "payment-transaction-management"
  | "payment-presentation"
  | "payment-dispute-management"
  | "settlement"
  | "partner-management"
  | "onsite-messaging";

export type Route = {
  /** What faults and the call log call it. */
  operation: string;
  /** The Partner account in the path; it must exist (or `auto_accounts` be on) before `run` is called. */
  accountId: string | null;
  category?: RateCategory;
  /** The body is not JSON; `run` reads `call.body` itself. */
  acceptsAnyBody?: boolean;
  facts: (account: Account | null, body: unknown) => Facts;
  run: (account: Account | null, body: unknown, forced: FaultKind | null) => Outcome;
};

/** Finds the route of a call by the parts of its path, decoded; null where it is not one of this area. */
export type Router = (call: ApiCall, parts: string[]) => Route | null;

export const NO_FACTS = (): Facts => ({});

export function ok(value: unknown, status = 200): Outcome {
  return { status, body: JSON.stringify(value) };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function textAt(value: unknown, ...path: string[]): string | undefined {
  let current = value;
  for (const key of path) current = isRecord(current) ? current[key] : undefined;
  return typeof current === "string" ? current : undefined;
}

export function numberAt(value: unknown, ...path: string[]): number | undefined {
  let current = value;
  for (const key of path) current = isRecord(current) ? current[key] : undefined;
  return typeof current === "number" ? current : undefined;
}

const CLASSIC_PATH = /^\/(?:payments|iss|hpp|ordermanagement)\/v1\//;

/** Paths of the older APIs, which have a handler of their own. */
export function isClassicPath(path: string): boolean {
  return CLASSIC_PATH.test(path);
}

/** Paths that go to an API's own handler. */
export function isApiPath(path: string): boolean {
  return path.startsWith("/v2/") || path.startsWith("/v4/") || isClassicPath(path);
}

const BODY_BYTES_MAX = 1024 * 1024;
const UPLOAD_BYTES_MAX = 8 * 1024 * 1024;

/** How large a body may be: files are sent as a whole to one place only. */
export function bodyBytesMaxOf(path: string): number {
  return path.startsWith("/v4/payment/disputes/") && path.endsWith("/attachments") ? UPLOAD_BYTES_MAX : BODY_BYTES_MAX;
}
