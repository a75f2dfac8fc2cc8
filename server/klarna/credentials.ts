import { z } from "zod";
import type { Mode } from "@/server/core/schema";
import type { ClientCertificate, KlarnaClient, KlarnaOutcome, KlarnaRequest } from "./client";

/*
 * Our own credentials at Klarna, who may call from where, and the way into Klarna's portal. Answers are read with
 * tolerance. Source: pages on account credentials, mTLS, IP address restrictions, deep links.
 */

const line = z.string().min(1).max(4096);
const moment = z
  .string()
  .nullish()
  .transform((text) => (!text || Number.isNaN(Date.parse(text)) ? null : new Date(text)));

const CredentialSchema = z.looseObject({
  credential_id: line,
  description: z.string().default(""),
  state: z.string().default("ACTIVE"),
  created_at: moment,
  last_used_at: moment,
});
export type WireCredential = z.infer<typeof CredentialSchema>;

export const NewKeySchema = CredentialSchema.extend({ api_key: z.string().min(16).max(1024) });
export const NewIdentifierSchema = CredentialSchema.extend({ client_identifier: line });
export const NewCertificateSchema = CredentialSchema.extend({
  certificate: z.string().min(64).max(65_536),
  fingerprint_sha256: z.string().nullish(),
  expires_at: moment,
});
export const IpListSchema = z.looseObject({
  mode: z.string(),
  allowed_ip_addresses: z.array(z.string()).default([]),
  pending: z.looseObject({ mode: z.string(), allowed_ip_addresses: z.array(z.string()).default([]) }).nullish(),
});
export type WireIpList = z.infer<typeof IpListSchema>;
export const EnforcementSchema = z.looseObject({ status: z.string(), enforced_from: moment });
export const DeepLinkSchema = z.looseObject({ url: z.url() });
export const PortalUserSchema = z.looseObject({ user_id: line, email: line, state: z.string().default("INVITED") });

const BASE = "/v2/account/integration/credentials";
const IP_LIST = "/v2/account/integration/ip-address-restrictions";
const KINDS = {
  API_KEY: { path: `${BASE}/api-key`, list: "api_keys" },
  CLIENT_IDENTIFIER: { path: `${BASE}/client-identifier`, list: "client_identifiers" },
  CLIENT_CERTIFICATE: { path: `${BASE}/client-certificate`, list: "client_certificates" },
} as const;
export type WireKind = keyof typeof KINDS;

export type CredentialCall = { klarna: KlarnaClient; mode: Mode; sessionReference: string };
type Sent = Pick<KlarnaRequest, "method" | "path" | "body" | "idempotencyKey" | "trial">;

function send(call: CredentialCall, sent: Sent): Promise<KlarnaOutcome> {
  return call.klarna.call({
    mode: call.mode,
    operation: sent.method === "GET" ? "account_read" : "account_write",
    sessionReference: call.sessionReference,
    ...sent,
  });
}

/** The same idempotency key gives the same credential again; its secret is told by this call only. */
export const createCredential = (call: CredentialCall, kind: WireKind, body: unknown, idempotencyKey: string) =>
  send(call, { method: "POST", path: KINDS[kind].path, body, idempotencyKey });

export const changeCredential = (
  call: CredentialCall,
  kind: WireKind,
  id: string,
  body: unknown,
  idempotencyKey: string,
) => send(call, { method: "PATCH", path: `${KINDS[kind].path}/${encodeURIComponent(id)}`, body, idempotencyKey });

export const disableCredential = (call: CredentialCall, kind: WireKind, id: string) =>
  send(call, { method: "DELETE", path: `${KINDS[kind].path}/${encodeURIComponent(id)}` });

/** What Klarna holds of one kind; null when it could not be read. */
export async function listCredentials(call: CredentialCall, kind: WireKind): Promise<WireCredential[] | null> {
  const outcome = await send(call, { method: "GET", path: KINDS[kind].path });
  if (outcome.kind !== "answered") return null;
  const body = z.looseObject({}).safeParse(outcome.body);
  const list = body.success ? z.array(CredentialSchema).safeParse(body.data[KINDS[kind].list]) : null;
  return list?.success ? list.data : null;
}

/** Whether Klarna takes this key, asked with it instead of the one in use. */
export const tryKey = (call: CredentialCall, apiKey: string) =>
  send(call, { method: "GET", path: KINDS.API_KEY.path, trial: { apiKey } });

/** Whether Klarna takes this client certificate, shown on a connection of its own: `certificateVerdict` of the answer. */
export const tryCertificate = (call: CredentialCall, certificate: ClientCertificate) =>
  send(call, { method: "GET", path: KINDS.CLIENT_CERTIFICATE.path, trial: { certificate } });

export const readIpList = (call: CredentialCall) => send(call, { method: "GET", path: IP_LIST });
export const changeIpList = (call: CredentialCall, body: unknown, idempotencyKey: string) =>
  send(call, { method: "PATCH", path: IP_LIST, body, idempotencyKey });
export const readEnforcement = (call: CredentialCall) =>
  send(call, { method: "GET", path: `${KINDS.CLIENT_CERTIFICATE.path}/mtls-enforcement` });
export const enforceMtls = (call: CredentialCall, from: Date, idempotencyKey: string) =>
  send(call, {
    method: "POST",
    path: `${KINDS.CLIENT_CERTIFICATE.path}/mtls-enforcement`,
    body: { enforced_from: from.toISOString() },
    idempotencyKey,
  });

/** Valid for one use within 60 seconds: asked for only when somebody clicks. */
export const createDeepLink = (call: CredentialCall, jwt: string, idempotencyKey: string) =>
  send(call, { method: "POST", path: "/v2/account/portal/deep-links", body: { jwt }, idempotencyKey });

const usersPath = (accountId: string): string => `/v2/accounts/${encodeURIComponent(accountId)}/users`;
export const inviteUser = (call: CredentialCall, accountId: string, body: unknown, idempotencyKey: string) =>
  send(call, { method: "POST", path: usersPath(accountId), body, idempotencyKey });
export const removeUser = (call: CredentialCall, accountId: string, userId: string) =>
  send(call, { method: "DELETE", path: `${usersPath(accountId)}/${encodeURIComponent(userId)}` });
