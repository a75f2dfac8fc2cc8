import { issueAcquirerKey } from "@/server/auth/acquirer-keys";
import { issueApiKey } from "@/server/auth/api-keys";
import { ACQUIRER_SCOPE_NAMES, type AcquirerScope, API_SCOPE_NAMES, type ApiScope } from "@/server/auth/permissions";
import type { Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import type { RestRequest, RestResponse } from "@/server/rest/http";
import type { Rest } from "@/server/rest/run";
import { asSystem } from "./builders";

export type RestAnswer = {
  status: number;
  headers: Readonly<Record<string, string>>;
  text: string;
  bytes: Uint8Array;
  json: unknown;
};

export type RestCall = {
  key?: string | null;
  body?: unknown;
  /** The bytes to send instead of a JSON body; null for more than is taken. */
  raw?: string | Uint8Array | null;
  headers?: Readonly<Record<string, string>>;
  idempotencyKey?: string | null;
  address?: string;
  signal?: AbortSignal;
};

/** A key for a Partner, issued as the product does it. */
export async function makeKey(
  services: Services,
  partnerId: string,
  options: { mode?: Mode; scopes?: readonly ApiScope[]; addresses?: readonly string[]; expiresAt?: Date } = {},
): Promise<{ id: string; key: string }> {
  return issueApiKey(asSystem(services, options.mode), {
    partnerId,
    name: "Till",
    scopes: options.scopes ?? API_SCOPE_NAMES,
    addresses: options.addresses ?? [],
    expiresAt: options.expiresAt ?? null,
  });
}

/** A key of one of the acquirer's systems, issued as the product does it. */
export async function makeAcquirerKey(
  services: Services,
  options: { mode?: Mode; scopes?: readonly AcquirerScope[]; addresses?: readonly string[]; expiresAt?: Date } = {},
): Promise<{ id: string; key: string }> {
  return issueAcquirerKey(asSystem(services, options.mode), {
    name: "Back office",
    scopes: options.scopes ?? ACQUIRER_SCOPE_NAMES,
    addresses: options.addresses ?? [],
    expiresAt: options.expiresAt ?? null,
  });
}

/** A request as an adapter makes it: JSON body and a fresh Idempotency-Key unless the test says otherwise. */
export function restRequest(method: string, target: string, options: RestCall = {}): RestRequest {
  const hasBody = method !== "GET" && method !== "HEAD" && method !== "DELETE";
  const raw =
    options.raw === undefined ? (options.body === undefined ? "" : JSON.stringify(options.body)) : options.raw;
  return {
    method,
    target,
    headers: {
      ...(options.key ? { authorization: `Bearer ${options.key}` } : {}),
      ...(hasBody ? { "content-type": "application/json" } : {}),
      ...(hasBody && options.idempotencyKey !== null
        ? { "idempotency-key": options.idempotencyKey ?? newId("request") }
        : {}),
      ...options.headers,
    },
    address: options.address ?? "192.0.2.1",
    body: raw === null ? null : Buffer.from(raw),
    signal: options.signal ?? new AbortController().signal,
  };
}

export async function callRest(
  rest: Rest,
  method: string,
  target: string,
  options: RestCall = {},
): Promise<RestAnswer> {
  return readAnswer(await rest.handle(restRequest(method, target, options)));
}

async function readAnswer(answer: RestResponse): Promise<RestAnswer> {
  const bytes = await bytesOf(answer.body);
  const text = Buffer.from(bytes).toString("utf8");
  const isJson = /json/.test(answer.headers["content-type"] ?? "");
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    bytes,
    json: isJson && text !== "" ? JSON.parse(text) : null,
  };
}

async function bytesOf(body: RestResponse["body"]): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  if (typeof body === "string") return Buffer.from(body);
  if (body instanceof Uint8Array) return body;
  const parts: string[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.from(parts.join(""));
}
