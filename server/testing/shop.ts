import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";
import { z } from "zod";

/* A Partner as the outside sees one: a till that speaks REST and a receiver of webhooks. Knows nothing of our inside. */

export const ShopPaymentSchema = z.looseObject({
  id: z.string(),
  status: z.string(),
  amount: z.number(),
  reference: z.string(),
  amount_captured: z.number(),
  amount_refunded: z.number(),
  klarna: z.looseObject({
    payment_request_id: z.string().nullable(),
    payment_transaction_id: z.string().nullable(),
    payment_request_url: z.string().nullable(),
  }),
});
export type ShopPayment = z.infer<typeof ShopPaymentSchema>;

const HeardSchema = z.looseObject({
  id: z.string(),
  type: z.string(),
  sequence: z.number(),
  data: z.looseObject({ object: z.looseObject({ id: z.string(), status: z.string() }) }),
});
export type HeardEvent = {
  id: string;
  type: string;
  sequence: number;
  subjectId: string;
  status: string;
  atMs: number;
  isGenuine: boolean;
};

export const FINAL_STATUSES = ["completed", "voided", "declined", "canceled", "expired", "failed"];

export type Answer = { status: number; json: unknown; headers: Headers };

/** Calls until a definite answer came: a lost connection, 5xx, 409 in progress and 429 are repeated with the same key. */
export function createTill(options: { url: string; apiKey: string; patienceMs?: number }) {
  const patienceMs = options.patienceMs ?? 60_000;
  async function once(
    method: string,
    path: string,
    call: { body?: unknown; key?: string; signal?: AbortSignal } = {},
  ): Promise<Answer> {
    const response = await fetch(`${options.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${options.apiKey}`,
        ...(method === "POST" ? { "content-type": "application/json" } : {}),
        ...(call.key === undefined ? {} : { "idempotency-key": call.key }),
      },
      ...(method === "POST" ? { body: JSON.stringify(call.body ?? {}) } : {}),
      signal: call.signal ?? AbortSignal.timeout(20_000),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    return {
      status: response.status,
      json: isJson && text !== "" ? JSON.parse(text) : text,
      headers: response.headers,
    };
  }
  async function call(
    method: string,
    path: string,
    input: { body?: unknown; key?: string } = {},
  ): Promise<Answer & { tries: number }> {
    const deadline = Date.now() + patienceMs;
    for (let tries = 1; ; tries += 1) {
      let last = "";
      try {
        const answer = await once(method, path, input);
        const isOpen =
          answer.status >= 500 ||
          answer.status === 429 ||
          (answer.status === 409 && codeOf(answer.json) === "idempotency_in_progress");
        if (!isOpen) return { ...answer, tries };
        last = `${answer.status} ${codeOf(answer.json) ?? ""}`;
      } catch (error) {
        last = error instanceof Error ? error.message : String(error);
      }
      if (Date.now() >= deadline)
        throw new Error(`${method} ${path}: no definite answer after ${tries} tries (${last})`);
      await pause(Math.min(100 * tries, 1_000));
    }
  }
  return {
    once,
    call,
    async read(id: string): Promise<ShopPayment> {
      return ShopPaymentSchema.parse((await call("GET", `/api/v1/payments/${id}`)).json);
    },
  };
}
export type Till = ReturnType<typeof createTill>;

export function codeOf(json: unknown): string | undefined {
  return typeof json === "object" && json !== null && "code" in json && typeof json.code === "string"
    ? json.code
    : undefined;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Verifies by hand, from the text of Standard Webhooks: HMAC-SHA256 over id.timestamp.body with the decoded secret. */
function isSigned(secret: string, headers: Record<string, string>, body: string): boolean {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const content = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const wanted = createHmac("sha256", key).update(content).digest();
  const isFresh = Math.abs(Date.now() / 1_000 - Number(headers["webhook-timestamp"])) < 300;
  return (
    isFresh &&
    (headers["webhook-signature"] ?? "").split(" ").some((part) => {
      const given = Buffer.from(part.replace(/^v1,/, ""), "base64");
      return part.startsWith("v1,") && given.length === wanted.length && timingSafeEqual(given, wanted);
    })
  );
}

/** A receiver on loopback that a till has subscribed through the API; keeps what it heard, checks each signature twice. */
export async function openReceiver(till: Till, events: readonly string[] = ["*"]) {
  const heard: HeardEvent[] = [];
  let secret = "";
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const atMs = performance.now();
      const body = Buffer.concat(chunks).toString("utf8");
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(request.headers)) if (typeof value === "string") headers[name] = value;
      let isGenuine = isSigned(secret, headers, body);
      try {
        new Webhook(secret).verify(body, headers);
      } catch {
        isGenuine = false;
      }
      const { id, type, sequence, data } = HeardSchema.parse(JSON.parse(body));
      heard.push({ id, type, sequence, subjectId: data.object.id, status: data.object.status, atMs, isGenuine });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const made = await till.call("POST", "/api/v1/webhook-endpoints", {
    key: `receiver-${Date.now()}-${port}`,
    body: { url: `http://127.0.0.1:${port}/hook`, events },
  });
  const endpoint = z.looseObject({ id: z.string(), secret: z.string() }).parse(made.json);
  secret = endpoint.secret;
  return {
    heard,
    endpointId: endpoint.id,
    secret,
    async close(): Promise<void> {
      await till.once("DELETE", `/api/v1/webhook-endpoints/${endpoint.id}`).catch(() => undefined);
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}
export type Receiver = Awaited<ReturnType<typeof openReceiver>>;

/** Waits until `check` gives something; the error says what was waited for. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  check: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  everyMs = 100,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await check();
    if (found !== null && found !== undefined && found !== false) return found;
    if (Date.now() >= deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await pause(everyMs);
  }
}

/** The session cookie of a demo person, got as a browser without scripts would. */
export async function signInOverHttp(
  demo: { url: string; users: readonly { role: string; email: string; password: string }[] },
  role: string,
): Promise<string> {
  const user = demo.users.find((candidate) => candidate.role === role);
  if (!user) throw new Error(`the demo has no ${role}`);
  const cookies = new Map<string, string>();
  const keep = (response: Response): void => {
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const at = pair.indexOf("=");
      cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
  };
  const cookie = (): string => [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const csrf = await fetch(`${demo.url}/api/auth/csrf`);
  keep(csrf);
  const { csrfToken } = z.object({ csrfToken: z.string() }).parse(await csrf.json());
  const answer = await fetch(`${demo.url}/api/auth/callback/credentials`, {
    method: "POST",
    headers: {
      origin: new URL(demo.url).origin,
      cookie: cookie(),
      "content-type": "application/x-www-form-urlencoded",
    },
    body: new URLSearchParams({ csrfToken, email: user.email, password: user.password, callbackUrl: "/" }),
    redirect: "manual",
  });
  keep(answer);
  if (![...cookies.keys()].some((name) => name.endsWith(".session")))
    throw new Error(`${role} could not sign in: ${answer.status} ${answer.headers.get("location")}`);
  return cookie();
}
