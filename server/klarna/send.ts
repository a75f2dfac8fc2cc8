import { randomUUID } from "node:crypto";
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { type Dispatcher, Pool } from "undici";
import type { Mode } from "@/server/core/schema";
import type { ClientCertificate, KlarnaRequest } from "./client";
import type { Access, Keyring } from "./keyring";
import type { RateHeaders } from "./pacing";

/* One request to Klarna over HTTP: what came back, or whether anything left us at all. */

/** Lists of a large Partner's stores come in long pages. */
const BODY_MAX_BYTES = 8 * 1_048_576;
export const CONNECTIONS_MAX = 64;

export type Attempt =
  | {
      kind: "answer";
      status: number;
      body: unknown;
      hasBody: boolean;
      correlationId: string | null;
      location: string | null;
      rate: RateHeaders | null;
      /** What Klarna says of the client certificate that the call showed. */
      certificateVerdict: string | null;
    }
  | { kind: "no_answer"; reason: string; status: number | null }
  | { kind: "not_sent"; reason: string };

/** Faults that mean that no byte of the request left us, or that the other end never came to read one. */
const NOT_SENT_CODES = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "EPROTO",
  // What cannot be written as a request at all, such as a key with a line break in it.
  "UND_ERR_INVALID_ARG",
]);

/** The other end's certificate is not taken: the names that Node gives to OpenSSL's findings, and its own. */
const UNTRUSTED =
  /^(?:ERR_TLS_CERT_|CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|INVALID_(?:CA|PURPOSE)$|HOSTNAME_MISMATCH$)/;
/** Our own key or certificate cannot be used: the connection is not even begun. */
const UNUSABLE = /^ERR_OSSL_/;
/** The other end broke off the handshake, before which it reads no request. TLS 1.3 tells us of it after we have written. */
const HANDSHAKE_REFUSED =
  /^ERR_SSL_(?:SSL|TLS).*_ALERT_(?:.*CERTIFICATE.*|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE|PROTOCOL_VERSION|UNRECOGNIZED_NAME|NO_APPLICATION_PROTOCOL)$/;

const isNotSent = (code: string): boolean =>
  NOT_SENT_CODES.has(code) || UNTRUSTED.test(code) || UNUSABLE.test(code) || HANDSHAKE_REFUSED.test(code);

function faultCode(error: unknown): string {
  if (error instanceof AggregateError) return faultCode(error.errors[0]);
  if (!(error instanceof Error)) return "UNKNOWN";
  if ("code" in error && typeof error.code === "string") return error.code;
  return error.cause === undefined ? error.name : faultCode(error.cause);
}

/** Of a request that brings its own credentials. */
const NO_ACCESS: Access = { apiKey: null, credentialId: null, certificate: null };

const headerText = (value: string | string[] | undefined): string | null =>
  typeof value === "string" ? value.slice(0, 40) : null;

function rateOf(headers: Readonly<Record<string, string | string[] | undefined>>): RateHeaders | null {
  const limit = headers["x-ratelimit-limit"];
  if (typeof limit !== "string" || limit.length > 1_000) return null;
  return {
    limit,
    remaining: headerText(headers["x-ratelimit-remaining"]),
    reset: headerText(headers["x-ratelimit-reset"]),
  };
}

/** Packed only where something on the way packs unasked. Throws for a packing that cannot be undone, or above the limit. */
async function textOf(body: Dispatcher.ResponseData["body"], encoding: string | string[] | undefined): Promise<string> {
  if (encoding === undefined || encoding === "identity") return body.text();
  const bytes = Buffer.from(await body.arrayBuffer());
  const limits = { maxOutputLength: BODY_MAX_BYTES };
  if (encoding === "gzip" || encoding === "x-gzip") return gunzipSync(bytes, limits).toString("utf8");
  if (encoding === "br") return brotliDecompressSync(bytes, limits).toString("utf8");
  if (encoding === "deflate") return inflateSync(bytes, limits).toString("utf8");
  throw new Error("unknown encoding");
}

/** Connections to Klarna, and the credentials of each request. */
export function createSender(options: {
  environments: Readonly<Record<Mode, { baseUrl: string; apiKey: string | null }>>;
  keyring: Keyring | undefined;
  timeoutMs: number;
}) {
  const { timeoutMs, keyring } = options;
  const pools = new Map<string, { pool: Pool; fingerprint: string | null }>();
  const openPool = (baseUrl: string, certificate: ClientCertificate | null): Pool =>
    new Pool(new URL(baseUrl).origin, {
      connections: CONNECTIONS_MAX,
      pipelining: 1,
      // Klarna speaks both; what is counted, cut and repeated here is one call on one connection.
      allowH2: false,
      keepAliveTimeout: 30_000,
      connect: {
        timeout: 3_000,
        // Said here, so that nothing in the surroundings (NODE_TLS_REJECT_UNAUTHORIZED, --tls-min-v1.0) says otherwise.
        rejectUnauthorized: true,
        minVersion: "TLSv1.2",
        ...(certificate === null ? {} : { key: certificate.privateKey, cert: certificate.certificate }),
      },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxResponseSize: BODY_MAX_BYTES,
    });
  const poolOf = (request: Pick<KlarnaRequest, "mode" | "host">, certificate: ClientCertificate | null): Pool => {
    const { mode, host } = request;
    const key = host ? `${mode} ${host.baseUrl}` : mode;
    const held = pools.get(key);
    const fingerprint = certificate?.fingerprint ?? null;
    if (held?.fingerprint === fingerprint) return held.pool;
    // Calls under way end on the connections that they began on.
    void held?.pool.close().catch(() => undefined);
    const pool = openPool(host?.baseUrl ?? options.environments[mode].baseUrl, certificate);
    pools.set(key, { pool, fingerprint });
    return pool;
  };

  /** With the key in use; where Klarna refuses that one, once more with the one in use since. */
  async function send(request: KlarnaRequest, remainingMs: number): Promise<Attempt> {
    if (request.host) return sendWith(request, remainingMs, NO_ACCESS);
    if (!keyring) {
      const { apiKey } = options.environments[request.mode];
      return sendWith(request, remainingMs, { apiKey, credentialId: null, certificate: null });
    }
    const access = await keyring.accessOf(request.mode);
    const { trial } = request;
    if (trial?.certificate) return sendOnce(request, remainingMs, { ...access, certificate: trial.certificate });
    const first = await sendWith(request, remainingMs, access);
    if (first.kind !== "answer" || first.status !== 401 || trial !== undefined) return first;
    // Refused before anything was done: another key or certificate may be in use since.
    const fresh = await keyring.reread(request.mode);
    const isSame = fresh.apiKey === access.apiKey && fresh.certificate?.fingerprint === access.certificate?.fingerprint;
    return isSame ? first : sendWith(request, remainingMs, fresh);
  }

  /** On a connection of its own: whoever calls meanwhile does so with what is in use. */
  async function sendOnce(request: KlarnaRequest, remainingMs: number, access: Access): Promise<Attempt> {
    const pool = openPool(options.environments[request.mode].baseUrl, access.certificate);
    try {
      return await sendWith(request, remainingMs, access, pool);
    } finally {
      await pool.destroy();
    }
  }

  async function sendWith(
    request: KlarnaRequest,
    remainingMs: number,
    access: Access,
    pool: Pool | null = null,
  ): Promise<Attempt> {
    const baseUrl = request.host?.baseUrl ?? options.environments[request.mode].baseUrl;
    const { certificate } = access;
    const apiKey = request.trial?.apiKey ?? access.apiKey;
    const authorization = request.host?.authorization ?? (apiKey === null ? null : `Basic ${apiKey}`);
    if (authorization === null) return { kind: "not_sent", reason: "no_credentials" };
    const prefix = new URL(baseUrl).pathname.replace(/\/$/, "");
    const headers: Record<string, string> = {
      authorization,
      accept: "application/json",
      "partner-correlation-id": randomUUID().replaceAll("-", ""),
      "klarna-integration-metadata": JSON.stringify({
        integrator: {
          name: "TILLGATE",
          session_reference: request.sessionReference.slice(0, 100),
          module_name: "TILLGATE_GATEWAY",
          module_version: "1.0",
        },
      }),
      // Without TLS there is no handshake to show a certificate in; only the simulator is reached like that.
      ...(certificate !== null && baseUrl.startsWith("http:")
        ? { "x-simulator-client-certificate": certificate.fingerprint }
        : {}),
      ...request.headers,
    };
    if (request.idempotencyKey) headers["klarna-idempotency-key"] = request.idempotencyKey;
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    if (body !== undefined) headers["content-type"] = "application/json";
    try {
      const response = await (pool ?? poolOf(request, certificate)).request({
        path: `${prefix}${request.path}`,
        method: request.method,
        headers,
        body,
        signal: AbortSignal.timeout(Math.max(1, Math.floor(Math.min(timeoutMs, remainingMs)))),
      });
      const text = await textOf(response.body, response.headers["content-encoding"]);
      const certificateVerdict = headerText(response.headers["klarna-mtls-verification-status"]);
      if (!request.host && request.trial === undefined) {
        const ip = headerText(response.headers["klarna-ip-validation-status"]);
        keyring?.noteUse(request.mode, { ip, mtls: certificateVerdict });
      }
      const correlation = response.headers["klarna-correlation-id"];
      const place = response.headers.location;
      const facts = {
        kind: "answer" as const,
        status: response.statusCode,
        correlationId: typeof correlation === "string" ? correlation : null,
        location: typeof place === "string" ? place.slice(0, 2_048) : null,
        rate: rateOf(response.headers),
        certificateVerdict,
      };
      if (text === "") return { ...facts, body: null, hasBody: false };
      try {
        return { ...facts, body: JSON.parse(text), hasBody: true };
      } catch {
        // A 2xx that cannot be read proves nothing; an error page keeps its status.
        return response.statusCode < 300
          ? { kind: "no_answer", reason: "unreadable_answer", status: response.statusCode }
          : { ...facts, body: null, hasBody: false };
      }
    } catch (error) {
      const code = faultCode(error);
      return isNotSent(code) ? { kind: "not_sent", reason: code } : { kind: "no_answer", reason: code, status: null };
    }
  }

  return {
    send,
    async close(): Promise<void> {
      await Promise.allSettled([...pools.values()].map(({ pool }) => pool.destroy()));
      pools.clear();
    },
  };
}
