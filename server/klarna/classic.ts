import { z } from "zod";
import type { Mode } from "@/server/core/schema";
import type { Env } from "@/server/env";
import type { KlarnaClient, KlarnaHost, KlarnaOutcome, KlarnaRequest } from "./client";
import { instant } from "./wire";

/*
 * Klarna's classic interfaces on the wire: in-store sessions with their distribution, and order management. Each Partner
 * has a user, a password and a regional host of its own. Answers are read with tolerance. Every path stands in PATHS.
 * Source: KNR in-store session guide; pages on monitoring the status and on order management.
 */

export const CLASSIC_REGIONS = ["EU", "NA", "OC"] as const;
export type ClassicRegion = (typeof CLASSIC_REGIONS)[number];

const HOSTS: Readonly<Record<Mode, Readonly<Record<ClassicRegion, string>>>> = {
  test: {
    EU: "https://api.playground.klarna.com",
    NA: "https://api-na.playground.klarna.com",
    OC: "https://api-oc.playground.klarna.com",
  },
  live: {
    EU: "https://api.klarna.com",
    NA: "https://api-na.klarna.com",
    OC: "https://api-oc.klarna.com",
  },
};

type HostSettings = Pick<Env, "KLARNA_CLASSIC_TEST_BASE_URL" | "KLARNA_CLASSIC_LIVE_BASE_URL">;

/** The host that serves a region in a mode. */
export function classicBaseUrl(env: HostSettings, mode: Mode, region: ClassicRegion): string {
  const own = mode === "live" ? env.KLARNA_CLASSIC_LIVE_BASE_URL : env.KLARNA_CLASSIC_TEST_BASE_URL;
  return own ?? HOSTS[mode][region];
}

/** The host with a Partner's credentials: user and password as Klarna handed them out. */
export function classicHost(
  env: HostSettings,
  mode: Mode,
  credential: { region: ClassicRegion; username: string; password: string },
): KlarnaHost {
  const { region, username, password } = credential;
  return {
    name: region.toLowerCase(),
    baseUrl: classicBaseUrl(env, mode, region),
    authorization: `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`,
  };
}

const PATHS = {
  sessions: "/payments/v1/sessions",
  session: (id: string) => `/payments/v1/sessions/${encodeURIComponent(id)}`,
  distribution: (sessionId: string) => `/iss/v1/distributions/${encodeURIComponent(sessionId)}`,
  order: (id: string) => `/ordermanagement/v1/orders/${encodeURIComponent(id)}`,
};

const isLoopback = (host: string): boolean => host === "localhost" || host === "[::1]" || /^127\./.test(host);

/**
 * The path of a result address, only where it is on the Partner's own host: what an answer names is never called
 * elsewhere. Null for an address of another host.
 */
export function resultPathOf(baseUrl: string, address: string | undefined): string | null {
  if (address === undefined || !URL.canParse(address)) return null;
  const [base, url] = [new URL(baseUrl), new URL(address)];
  const isSameHost = url.host === base.host || (isLoopback(base.hostname) && isLoopback(url.hostname));
  if (!isSameHost || url.port !== base.port || url.protocol !== base.protocol) return null;
  if (url.username !== "" || url.password !== "") return null;
  const prefix = base.pathname.replace(/\/$/, "");
  return url.pathname.startsWith(`${prefix}/`) ? url.pathname.slice(prefix.length) : null;
}

/** Where the distribution of a session is read, by Klarna's table of paths. */
export const distributionPath = PATHS.distribution;

const text = z.string().max(8192);
const line = z.string().min(1).max(255);
const amount = z.int().nonnegative();

export const ClassicSessionSchema = z.looseObject({
  session_id: line,
  distribution: z.looseObject({ result_url: text.optional() }).optional(),
});

export const DistributionSchema = z.looseObject({
  status: line,
  session_id: line.optional(),
  /** The picture. */
  qr: text.optional(),
  payment_link: text.optional(),
  order_id: line.optional(),
  klarna_reference: line.optional(),
  error: z.looseObject({ code: text.optional() }).optional(),
});
export type Distribution = z.infer<typeof DistributionSchema>;

export const ClassicOrderSchema = z.looseObject({
  order_id: line,
  status: line,
  fraud_status: line.optional(),
  order_amount: amount,
  captured_amount: amount.default(0),
  refunded_amount: amount.default(0),
  remaining_authorized_amount: amount.optional(),
  purchase_currency: text.optional(),
  merchant_reference1: text.optional(),
  merchant_reference2: text.optional(),
  klarna_reference: line.optional(),
  expires_at: instant,
  captures: z
    .array(z.looseObject({ capture_id: line, reference: text.optional(), captured_amount: amount.optional() }))
    .default([]),
  refunds: z
    .array(
      z.looseObject({ refund_id: line.optional(), reference: text.optional(), refunded_amount: amount.optional() }),
    )
    .default([]),
});
export type ClassicOrder = z.infer<typeof ClassicOrderSchema>;

/** The id of what a call made: the end of the address that the answer names. Null where it names none. */
export function createdId(outcome: KlarnaOutcome): string | null {
  if (outcome.kind !== "answered" || !outcome.location) return null;
  const id = outcome.location.split(/[?#]/)[0]?.split("/").at(-1) ?? "";
  return /^[\w.:-]{1,255}$/.test(id) ? id : null;
}

export function readOutcome<S extends z.ZodType>(schema: S, outcome: KlarnaOutcome): z.infer<S> | null {
  if (outcome.kind !== "answered") return null;
  const parsed = schema.safeParse(outcome.body);
  return parsed.success ? parsed.data : null;
}

/** Whose call it is, and where it goes. */
export type ClassicTarget = { client: KlarnaClient; mode: Mode; host: KlarnaHost; sessionReference: string };
type Sent = Pick<KlarnaRequest, "operation" | "method" | "path" | "body" | "idempotencyKey">;

function send(target: ClassicTarget, sent: Sent, limits?: { budgetMs: number; attemptsMax: number }) {
  const { client, mode, host, sessionReference } = target;
  return client.call({ mode, host, sessionReference, ...sent }, limits);
}

/** Starts a payment: Klarna makes the QR code afterwards. `body` is the whole request; amounts in minor units. */
export const createClassicSession = (
  target: ClassicTarget,
  call: { idempotencyKey: string; body: unknown },
): Promise<KlarnaOutcome> =>
  send(target, { operation: "classic_session", method: "POST", path: PATHS.sessions, ...call });

/** Changes a session that the customer has not opened yet. 204. */
export const updateClassicSession = (
  target: ClassicTarget,
  sessionId: string,
  call: { idempotencyKey: string; body: Readonly<Record<string, unknown>> },
): Promise<KlarnaOutcome> =>
  send(target, { operation: "classic_session", method: "POST", path: PATHS.session(sessionId), ...call });

/** Ends a session that nobody has paid. 204; refused once it is completed or over. */
export const cancelClassicSession = (target: ClassicTarget, sessionId: string): Promise<KlarnaOutcome> =>
  send(
    target,
    { operation: "classic_cancel", method: "DELETE", path: PATHS.session(sessionId) },
    { budgetMs: 8_000, attemptsMax: 3 },
  );

export const readDistribution = (target: ClassicTarget, path: string): Promise<KlarnaOutcome> =>
  send(target, { operation: "classic_read", method: "GET", path }, { budgetMs: 5_000, attemptsMax: 2 });

export const readOrder = (target: ClassicTarget, orderId: string): Promise<KlarnaOutcome> =>
  send(
    target,
    { operation: "order_read", method: "GET", path: PATHS.order(orderId) },
    { budgetMs: 5_000, attemptsMax: 2 },
  );

function change(
  target: ClassicTarget,
  orderId: string,
  sent: { method?: "POST" | "PATCH"; what: string; body?: unknown; idempotencyKey: string },
): Promise<KlarnaOutcome> {
  return send(target, {
    operation: "order_write",
    method: sent.method ?? "POST",
    path: `${PATHS.order(orderId)}/${sent.what}`,
    body: sent.body,
    idempotencyKey: sent.idempotencyKey,
  });
}

/** 201; the id of the capture is the end of the answer's location: see `createdId`. */
export const captureOrder = (
  target: ClassicTarget,
  orderId: string,
  call: {
    idempotencyKey: string;
    amount: number;
    reference: string;
    lines: readonly unknown[];
    shipping: readonly unknown[];
  },
): Promise<KlarnaOutcome> =>
  change(target, orderId, {
    what: "captures",
    idempotencyKey: call.idempotencyKey,
    body: {
      captured_amount: call.amount,
      reference: call.reference,
      ...(call.lines.length === 0 ? {} : { order_lines: call.lines }),
      ...(call.shipping.length === 0 ? {} : { shipping_info: call.shipping }),
    },
  });

/** 201; the id of the refund is the end of the answer's location: see `createdId`. */
export const refundOrder = (
  target: ClassicTarget,
  orderId: string,
  call: {
    idempotencyKey: string;
    amount: number;
    reference: string;
    description: string | null;
    lines: readonly unknown[];
  },
): Promise<KlarnaOutcome> =>
  change(target, orderId, {
    what: "refunds",
    idempotencyKey: call.idempotencyKey,
    body: {
      refunded_amount: call.amount,
      reference: call.reference,
      ...(call.description === null ? {} : { description: call.description }),
      ...(call.lines.length === 0 ? {} : { order_lines: call.lines }),
    },
  });

type Keyed = { idempotencyKey: string };

/** For an order of which nothing is captured. */
export const cancelOrder = (target: ClassicTarget, orderId: string, call: Keyed): Promise<KlarnaOutcome> =>
  change(target, orderId, { what: "cancel", ...call });
/** For the rest of an order of which part is captured. */
export const releaseRemaining = (target: ClassicTarget, orderId: string, call: Keyed): Promise<KlarnaOutcome> =>
  change(target, orderId, { what: "release-remaining-authorization", ...call });
export const extendAuthorization = (target: ClassicTarget, orderId: string, call: Keyed): Promise<KlarnaOutcome> =>
  change(target, orderId, { what: "extend-authorization-time", ...call });
export const updateAuthorization = (
  target: ClassicTarget,
  orderId: string,
  call: Keyed & { amount: number; lines: readonly unknown[] },
): Promise<KlarnaOutcome> =>
  change(target, orderId, {
    method: "PATCH",
    what: "authorization",
    idempotencyKey: call.idempotencyKey,
    body: { order_amount: call.amount, ...(call.lines.length === 0 ? {} : { order_lines: call.lines }) },
  });
export const updateReferences = (
  target: ClassicTarget,
  orderId: string,
  call: Keyed & { reference: string },
): Promise<KlarnaOutcome> =>
  change(target, orderId, {
    method: "PATCH",
    what: "merchant-references",
    idempotencyKey: call.idempotencyKey,
    body: { merchant_reference1: call.reference },
  });
export const updateShippingAddress = (
  target: ClassicTarget,
  orderId: string,
  call: Keyed & { address: Readonly<Record<string, unknown>> },
): Promise<KlarnaOutcome> =>
  change(target, orderId, {
    method: "PATCH",
    what: "customer-details",
    idempotencyKey: call.idempotencyKey,
    body: { shipping_address: call.address },
  });
