import { Agent, type Dispatcher } from "undici";
import { singleLine } from "@/server/core/redact";
import type { AttemptOutcome } from "./schema";
import { AddressRefused, guardedLookup, type Resolve, type UrlPolicy, urlRefusal } from "./url-guard";

/*
 * One guarded POST: no redirects, no proxies, a checked address for each new connection, limits on time and size in both
 * directions. Connections are kept for the next delivery.
 */

export const WEBHOOK_TIMEOUT_MS = 15_000;
const ANSWER_READ_MAX = 4096;
const ANSWER_KEPT_MAX = 1024;
/** Once the status is known, the rest of an answer is not worth a lane. */
const ANSWER_WAIT_MS = 2_000;
export const USER_AGENT = "Tillgate-Webhooks/1";

export type SendResult = {
  outcome: AttemptOutcome;
  status: number | null;
  answer: string | null;
  retryAfter: string | undefined;
  durationMs: number;
};
export type Sender = {
  post(request: { url: string; headers: Readonly<Record<string, string>>; body: string }): Promise<SendResult>;
  close(): Promise<void>;
};

export function createSender(policy: UrlPolicy, options: { timeoutMs?: number; resolve?: Resolve } = {}): Sender {
  const timeoutMs = options.timeoutMs ?? WEBHOOK_TIMEOUT_MS;
  const agent = new Agent({
    connect: { lookup: guardedLookup(policy, options.resolve), timeout: timeoutMs, rejectUnauthorized: true },
    allowH2: false,
    pipelining: 1,
    maxHeaderSize: 8_192,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    // Below the five seconds after which common servers close an idle connection.
    keepAliveTimeout: 4_000,
    keepAliveMaxTimeout: 30_000,
  });

  async function post(request: {
    url: string;
    headers: Readonly<Record<string, string>>;
    body: string;
  }): Promise<SendResult> {
    const startedMs = performance.now();
    const end = (outcome: AttemptOutcome, facts: Partial<SendResult> = {}): SendResult => ({
      outcome,
      status: null,
      answer: null,
      retryAfter: undefined,
      ...facts,
      durationMs: performance.now() - startedMs,
    });
    // The rules may have changed since the address was saved, and an IP address needs no lookup to be reached.
    if (urlRefusal(request.url, policy)) return end("address_refused");
    const url = new URL(request.url);
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), timeoutMs);
    try {
      const response = await agent.request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: "POST",
        headers: { ...request.headers, "content-type": "application/json", "user-agent": USER_AGENT, accept: "*/*" },
        body: request.body,
        signal: stop.signal,
      });
      const status = response.statusCode;
      const answer = await readAnswer(response.body);
      const retryAfter = response.headers["retry-after"];
      return end(outcomeOf(status), {
        status,
        answer,
        retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
      });
    } catch (error) {
      return end(stop.signal.aborted ? "timeout" : outcomeOfFault(error));
    } finally {
      clearTimeout(timer);
    }
  }

  return { post, close: () => agent.destroy() };
}

function outcomeOf(status: number): AttemptOutcome {
  if (status >= 200 && status < 300) return "delivered";
  if (status >= 300 && status < 400) return "redirect_refused";
  return status === 410 ? "gone" : "http_error";
}

function outcomeOfFault(error: unknown): AttemptOutcome {
  for (let fault: unknown = error; fault instanceof Error; fault = fault.cause) {
    if (fault instanceof AddressRefused) return "address_refused";
    const code = "code" in fault ? String(fault.code) : "";
    if (/TIMEOUT|ETIMEDOUT/.test(code)) return "timeout";
    if (/^ERR_(?:TLS|SSL)|CERT|SELF_SIGNED|UNABLE_TO_/.test(code)) return "tls_failed";
  }
  return "connection_failed";
}

/** The beginning of the answer as one line of text; whatever goes wrong here, the status is already known. */
async function readAnswer(body: Dispatcher.ResponseData["body"]): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  body.on("error", () => undefined);
  const timer = setTimeout(() => body.destroy(), ANSWER_WAIT_MS);
  try {
    for await (const chunk of body) {
      const bytes = Buffer.from(chunk);
      chunks.push(bytes.subarray(0, ANSWER_READ_MAX - size));
      size += bytes.length;
      if (size >= ANSWER_READ_MAX) break;
    }
  } catch {
    // Cut short by the time limit, the receiver or ourselves: what was read until then is kept.
  } finally {
    clearTimeout(timer);
    if (!body.readableEnded) body.destroy();
  }
  const text = singleLine(Buffer.concat(chunks).toString("utf8")).slice(0, ANSWER_KEPT_MAX);
  return text === "" ? null : text;
}
