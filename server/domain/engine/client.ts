import { request } from "undici";
import { z } from "zod";
import { eventApiUrl, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";

/* The HTTP side of the embedded engine, read as any outside answer is: unknown fields pass, what is missing is an error. */

const TIMEOUT_MS = 3_000;
const BODY_MAX_BYTES = 4 * 1024 * 1024;

const moment = z
  .string()
  .nullish()
  .transform((text) => (text ? new Date(text) : null));
const momentSure = z.string().transform((text) => new Date(text));
const textOrNull = z
  .string()
  .nullish()
  .transform((text) => text ?? null);

const RunSchema = z.looseObject({
  id: z.string(),
  function_id: z.string(),
  status: z.string(),
  attempt: z.number().default(0),
  event_name: textOrNull,
  replay_of: textOrNull,
  parent_run: textOrNull,
  created_at: momentSure,
  started_at: moment,
  ended_at: moment,
});
export type EngineRun = z.infer<typeof RunSchema>;

const StepSchema = z.looseObject({
  id: z.string(),
  name: z.string().nullish(),
  op: z.string(),
  status: z.string(),
  attempt: z.number().default(0),
  data: z.unknown(),
  error: z.unknown(),
  wake_at: moment,
  event_name: textOrNull,
  created_at: momentSure,
  updated_at: moment,
});
const RunRecordSchema = RunSchema.extend({
  next_at: moment,
  output: z.unknown(),
  error: z.unknown(),
  events: z
    .array(z.looseObject({ id: z.string(), name: z.string(), data: z.unknown(), ts: z.unknown() }))
    .nullish()
    .transform((events) => events ?? []),
  steps: z.array(StepSchema),
});
export type EngineRunRecord = z.infer<typeof RunRecordSchema>;

const FunctionsSchema = z.looseObject({
  data: z.array(
    z.looseObject({
      id: z.string(),
      name: z.string(),
      retries: z.number(),
      events: z.array(z.string()),
      crons: z.array(z.string()),
    }),
  ),
});
const StatsSchema = z.looseObject({
  data: z.looseObject({
    runs_last_day: z.record(z.string(), z.number()).default({}),
    events_last_hour: z.number().default(0),
    runs_waiting_for_room: z.number().default(0),
    queue_lag_seconds: z.number().default(0),
    workers: z.number().default(0),
    schedules: z.array(z.looseObject({ function_id: z.string(), next_at: moment })).default([]),
  }),
});
const RunsSchema = z.looseObject({ data: z.array(RunSchema), next: textOrNull });

type EngineEnv = Pick<ServiceContext["env"], "INNGEST_BASE_URL" | "INNGEST_SIGNING_KEY" | "ENGINE_PORT">;

/** The engine did not answer, or not in words that we know. */
export class EngineError extends Error {
  override readonly name = "EngineError";
}

async function ask<T>(env: EngineEnv, method: "GET" | "POST", path: string, schema: z.ZodType<T>): Promise<T> {
  const answer = await request(new URL(path, eventApiUrl(env)), {
    method,
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    headers: env.INNGEST_SIGNING_KEY ? { authorization: `Bearer ${env.INNGEST_SIGNING_KEY}` } : {},
  }).catch((cause: unknown) => {
    throw new EngineError("The engine does not answer.", { cause });
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer.body) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > BODY_MAX_BYTES) throw new EngineError("The engine's answer is too large.");
    chunks.push(part);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  if (answer.statusCode === 404) throw new AppError("not_found");
  if (answer.statusCode === 409) throw new AppError("state_conflict", { detail: "The run has ended already." });
  if (answer.statusCode >= 300) throw new EngineError(`The engine answered ${answer.statusCode}.`);
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new EngineError("The engine's answer cannot be read.", { cause });
  }
}

const runPath = (id: string): string => `/v1/runs/${encodeURIComponent(id)}`;

/** Typed calls of the engine's API. Each throws EngineError when the engine is away; not_found and state_conflict as AppError. */
export const engineApi = {
  functions: async (env: EngineEnv) => (await ask(env, "GET", "/v1/functions", FunctionsSchema)).data,
  stats: async (env: EngineEnv) => (await ask(env, "GET", "/v1/stats", StatsSchema)).data,
  runs: (
    env: EngineEnv,
    filter: {
      status?: string | undefined;
      functionId?: string | undefined;
      before?: string | undefined;
      limit: number;
    },
  ) => {
    const query = new URLSearchParams({ limit: String(filter.limit) });
    if (filter.status) query.set("status", filter.status);
    if (filter.functionId) query.set("function_id", filter.functionId);
    if (filter.before) query.set("before", filter.before);
    return ask(env, "GET", `/v1/runs?${query}`, RunsSchema);
  },
  run: async (env: EngineEnv, id: string) =>
    (await ask(env, "GET", runPath(id), z.looseObject({ data: RunRecordSchema }))).data,
  cancel: async (env: EngineEnv, id: string): Promise<void> => {
    await ask(env, "POST", `${runPath(id)}/cancel`, z.unknown());
  },
  /** Returns the id of the new run. */
  replay: async (env: EngineEnv, id: string): Promise<string> =>
    (await ask(env, "POST", `${runPath(id)}/replay`, z.looseObject({ data: z.looseObject({ id: z.string() }) }))).data
      .id,
};
