import { createHmac } from "node:crypto";
import { z } from "zod";
import { parseRetryAfter } from "./duration";
import { type EngineFunction, parseFunctionConfig, RefusedConfigError } from "./function-config";
import type { LocalHandler } from "./in-process";

/** Where functions live: in this process (`local`), behind a fetch handler of the SDK's, or at a serve URL. */
export type EngineApp = Readonly<{
  url: string;
  local?: LocalHandler;
  handler?: (request: Request) => Promise<Response> | Response;
}>;

/** What an app answered, however it was asked. */
type Answer = Readonly<{ status: number; header: (name: string) => string | null; text: string }>;

export type StoredEvent = Readonly<{
  id: string;
  name: string;
  data: unknown;
  ts: number;
  v?: string | null;
  user?: unknown;
}>;

export type StepMemo = { type: "data"; data: unknown } | { type: "error"; error: unknown };

export type CallInput = Readonly<{
  fnId: string;
  runId: string;
  /** The step to run, or null to let the function go on until it finds new steps. */
  stepId: string | null;
  attempt: number;
  attemptsMax: number;
  events: readonly StoredEvent[];
  steps: Readonly<Record<string, StepMemo>>;
  stack: readonly string[];
  isPlanOnly: boolean;
}>;

const OpSchema = z.looseObject({
  id: z.string().min(1),
  op: z.string(),
  name: z.string().nullish(),
  displayName: z.string().nullish(),
  data: z.unknown().optional(),
  error: z.unknown().optional(),
  opts: z.record(z.string(), z.unknown()).nullish(),
});
export type Op = z.infer<typeof OpSchema>;

export type CallResult =
  | { kind: "ops"; ops: Op[]; isRetriable: boolean; retryAtMs: number | null }
  | { kind: "complete"; data: unknown }
  | { kind: "error"; error: unknown; isRetriable: boolean; retryAtMs: number | null };

const SyncAnswerSchema = z.looseObject({ app_id: z.string(), functions: z.array(z.unknown()) });
const CALL_TIMEOUT_MS = 15 * 60_000;
const SYNC_TIMEOUT_MS = 10_000;

/** JSON with sorted keys, the form that request signatures are made over. */
function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value ?? null);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
  return `{${fields.join(",")}}`;
}

function sign(body: unknown, signingKey: string, nowMs: number): { signature: string; text: string } {
  const text = canonicalJson(JSON.parse(JSON.stringify(body)));
  const ts = String(Math.floor(nowMs / 1_000));
  const key = signingKey.replace(/^signkey-\w+-/, "");
  const digest = createHmac("sha256", key).update(text).update(ts).digest("hex");
  return { signature: `t=${ts}&s=${digest}`, text };
}

function parseJson(text: string): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return text;
  }
}

export function errorToJson(error: unknown): { name: string; message: string; stack?: string } {
  if (error instanceof Error)
    return { name: error.name, message: error.message, ...(error.stack ? { stack: error.stack } : {}) };
  return { name: "Error", message: String(error) };
}

export type SdkClient = Readonly<{
  sync: () => Promise<{
    functions: Array<{ config: unknown; fn: EngineFunction; appId: string }>;
    appIds: string[];
  }>;
  call: (input: CallInput) => Promise<CallResult>;
}>;

/**
 * The engine's side of the SDK protocol: sync by PUT in band, execution by POST. Requests are signed by `signingKey`; an app
 * that answers 401 is asked again with the fallback key.
 */
export function createSdkClient(
  apps: readonly EngineApp[],
  signingKey: string | undefined,
  signingKeyFallback?: string | undefined,
): SdkClient {
  const appOfFunction = new Map<string, EngineApp>();

  type Sending = Readonly<{
    app: EngineApp;
    method: "PUT" | "POST";
    query: Readonly<Record<string, string>>;
    body: unknown;
    headers: Readonly<Record<string, string>>;
    timeoutMs: number;
  }>;

  const requestWith = async (key: string | undefined, sending: Sending): Promise<Answer> => {
    const { app, method, query, body, headers, timeoutMs } = sending;
    const url = new URL(app.url);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const common = { "content-type": "application/json", host: url.host, ...headers };
    if (app.local) {
      const local = await app.local({ method, url, headers: common, body: JSON.stringify(body) });
      const named = new Map(Object.entries(local.headers).map(([name, value]) => [name.toLowerCase(), value]));
      return { status: local.status, header: (name) => named.get(name) ?? null, text: local.body };
    }
    const signed = key ? sign(body, key, Date.now()) : null;
    const init = {
      method,
      body: signed?.text ?? JSON.stringify(body),
      headers: { ...common, ...(signed ? { "x-inngest-signature": signed.signature } : {}) },
    };
    const response = await (app.handler
      ? app.handler(new Request(url, init))
      : fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs), redirect: "error" }));
    return { status: response.status, header: (name) => response.headers.get(name), text: await response.text() };
  };

  const request = async (sending: Sending): Promise<Answer> => {
    const answer = await requestWith(signingKey, sending);
    if (answer.status !== 401 || !signingKey || !signingKeyFallback) return answer;
    return requestWith(signingKeyFallback, sending);
  };

  const sync: SdkClient["sync"] = async () => {
    const functions: Array<{ config: unknown; fn: EngineFunction; appId: string }> = [];
    const appIds: string[] = [];
    for (const app of apps) {
      const answer = await request({
        app,
        method: "PUT",
        query: {},
        body: { url: app.url },
        headers: { "x-inngest-sync-kind": "in_band" },
        timeoutMs: SYNC_TIMEOUT_MS,
      });
      if (answer.status !== 200)
        throw new Error(`The functions at ${app.url} could not be read: ${answer.status} ${answer.text.slice(0, 300)}`);
      const parsed = SyncAnswerSchema.parse(JSON.parse(answer.text));
      appIds.push(parsed.app_id);
      for (const config of parsed.functions) {
        const fn = parseFunctionConfig(config);
        if (appOfFunction.has(fn.id) && appOfFunction.get(fn.id) !== app)
          throw new RefusedConfigError(`Function "${fn.id}" is served by two apps`);
        if (functions.some((known) => known.fn.id === fn.id))
          throw new RefusedConfigError(`Two functions have the id "${fn.id}"`);
        appOfFunction.set(fn.id, app);
        functions.push({ config, fn, appId: parsed.app_id });
      }
    }
    return { functions, appIds };
  };

  const call: SdkClient["call"] = async (input) => {
    const app = appOfFunction.get(input.fnId);
    if (!app)
      return {
        kind: "error",
        error: { name: "Error", message: `The function "${input.fnId}" is not served any more` },
        isRetriable: true,
        retryAtMs: null,
      };
    const body = {
      // The SDK decides, by what it knows; there is one form of this protocol that it and we speak.
      version: -1,
      event: input.events[0],
      events: input.events,
      steps: input.steps,
      ctx: {
        run_id: input.runId,
        attempt: input.attempt,
        max_attempts: input.attemptsMax,
        disable_immediate_execution: input.isPlanOnly,
        use_api: false,
        stack: { stack: input.stack, current: input.stack.length },
      },
    };
    let answer: Answer;
    try {
      answer = await request({
        app,
        method: "POST",
        query: { fnId: input.fnId, stepId: input.stepId ?? "step" },
        body,
        headers: { "x-run-id": input.runId, "x-inngest-server-kind": "dev" },
        timeoutMs: CALL_TIMEOUT_MS,
      });
    } catch (error) {
      return { kind: "error", error: errorToJson(error), isRetriable: true, retryAtMs: null };
    }
    const isRetriable = answer.header("x-inngest-no-retry") !== "true";
    const retryAtMs = parseRetryAfter(answer.header("retry-after"), Date.now());
    const json = parseJson(answer.text);
    if (answer.status === 200) return { kind: "complete", data: json };
    if (answer.status === 206) {
      const ops = z.array(OpSchema).safeParse(Array.isArray(json) ? json : [json]);
      if (ops.success) return { kind: "ops", ops: ops.data, isRetriable, retryAtMs };
      return {
        kind: "error",
        error: {
          name: "Error",
          message: `The SDK answered steps that the engine cannot read: ${z.prettifyError(ops.error)}`,
        },
        isRetriable: false,
        retryAtMs: null,
      };
    }
    const error =
      json !== null && typeof json === "object"
        ? json
        : { name: "Error", message: `The SDK answered ${answer.status}: ${String(json).slice(0, 500)}` };
    return { kind: "error", error, isRetriable: isRetriable && answer.status !== 400, retryAtMs };
  };

  return { sync, call };
}
