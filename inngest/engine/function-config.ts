import { z } from "zod";
import { type Cron, parseCron } from "./cron";
import { parseDuration } from "./duration";
import { compileExpression, type Expression } from "./expression";

/** A function that cannot run here as it was written. Raised when it is synced, never later. */
export class RefusedConfigError extends Error {
  override readonly name = "RefusedConfigError";
}

export type EventTrigger = Readonly<{
  event: string;
  isMatch: (name: string) => boolean;
  condition: Expression | null;
}>;
export type CronTrigger = Cron & Readonly<{ jitterMs: number }>;
/** `env` and `account` share one count among all functions whose key has the same value; a machine has one of each. */
export type ConcurrencyScope = "fn" | "env" | "account";
export type ConcurrencyRule = Readonly<{ limit: number; key: Expression | null; scope: ConcurrencyScope }>;
/** `until`: how long after the run's creation, or until when (epoch milliseconds), the event may cancel it. */
export type CancelRule = Readonly<{
  event: string;
  condition: Expression | null;
  until: Readonly<{ afterMs: number } | { atMs: number }> | null;
}>;
export type BatchRule = Readonly<{
  sizeMax: number;
  timeoutMs: number;
  key: Expression | null;
  condition: Expression | null;
}>;
export type RateRule = Readonly<{ limit: number; periodMs: number; key: Expression | null }>;
export type ThrottleRule = RateRule & Readonly<{ burst: number }>;
export type DebounceRule = Readonly<{ periodMs: number; timeoutMs: number | null; key: Expression | null }>;
export type SingletonRule = Readonly<{ mode: "skip" | "cancel"; key: Expression | null }>;

export type EngineFunction = Readonly<{
  id: string;
  name: string;
  retries: number;
  events: readonly EventTrigger[];
  crons: readonly CronTrigger[];
  concurrency: readonly ConcurrencyRule[];
  idempotency: Expression | null;
  cancel: readonly CancelRule[];
  batch: BatchRule | null;
  rateLimit: RateRule | null;
  throttle: ThrottleRule | null;
  debounce: DebounceRule | null;
  singleton: SingletonRule | null;
  /** Seconds that a run is put forward in line (or back, when negative). */
  priority: Expression | null;
  timeouts: Readonly<{ startMs: number | null; finishMs: number | null }>;
}>;

/** Whether starting a run of it needs more than a row: such functions take the way of `flow.ts`. */
export function hasFlowControl(fn: EngineFunction): boolean {
  return (
    fn.batch !== null ||
    fn.rateLimit !== null ||
    fn.throttle !== null ||
    fn.debounce !== null ||
    fn.singleton !== null ||
    fn.priority !== null ||
    fn.timeouts.startMs !== null ||
    fn.timeouts.finishMs !== null
  );
}

const RETRIES_DEFAULT = 3;
const BATCH_SIZE_MAX = 1_000;
const WINDOW_MS_MAX = 7 * 86_400_000;
/** Batches stand alone, as on an Inngest server. */
const NOT_WITH_BATCHES = ["idempotency", "rateLimit", "debounce", "singleton", "priority", "cancel"] as const;
/** Events that no engine of ours sends: a function waiting for one would never run. */
const FOREIGN_EVENTS: Readonly<Record<string, string>> = {
  "inngest/deferred.schedule": "deferred functions",
  "inngest/http.request": "durable endpoints",
};

const key = z.string().optional();
const ConcurrencySchema = z.strictObject({
  limit: z.number(),
  key,
  scope: z.enum(["fn", "env", "account"]).optional(),
});

const ConfigSchema = z.strictObject({
  id: z.string().min(1),
  name: z.string().optional(),
  triggers: z.array(
    z.union([
      z.strictObject({ event: z.string().min(1), expression: z.string().optional() }),
      z.strictObject({ cron: z.string(), jitter: z.string().optional() }),
    ]),
  ),
  steps: z.record(
    z.string(),
    z.looseObject({ retries: z.object({ attempts: z.number().int().min(0).optional() }).optional() }),
  ),
  concurrency: z.union([z.number(), ConcurrencySchema, z.array(ConcurrencySchema)]).optional(),
  idempotency: z.string().optional(),
  batchEvents: z.strictObject({ maxSize: z.number(), timeout: z.string(), key, if: z.string().optional() }).optional(),
  rateLimit: z.strictObject({ limit: z.number(), period: z.string(), key }).optional(),
  throttle: z.strictObject({ limit: z.number(), period: z.string(), key, burst: z.number().optional() }).optional(),
  debounce: z.strictObject({ period: z.string(), key, timeout: z.string().optional() }).optional(),
  singleton: z.strictObject({ mode: z.enum(["skip", "cancel"]), key }).optional(),
  priority: z.strictObject({ run: z.string().optional() }).optional(),
  timeouts: z.strictObject({ start: z.string().optional(), finish: z.string().optional() }).optional(),
  cancel: z
    .array(z.strictObject({ event: z.string(), if: z.string().optional(), timeout: z.string().optional() }))
    .optional(),
});
type Config = z.infer<typeof ConfigSchema>;

function compile(id: string, what: string, source: string, roots: readonly string[]): Expression {
  try {
    return compileExpression(source, roots);
  } catch (error) {
    throw new RefusedConfigError(
      `Function "${id}": ${what}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function matchName(pattern: string): (name: string) => boolean {
  if (!pattern.includes("*")) return (name) => name === pattern;
  const source = pattern
    .split("*")
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*");
  const expression = new RegExp(`^${source}$`);
  return (name) => expression.test(name);
}

function refuse(id: string, reason: string): never {
  throw new RefusedConfigError(`Function "${id}": ${reason}`);
}

/** Milliseconds of a period, at least `minMs` and at most a week. */
function period(id: string, what: string, text: string, minMs = 1): number {
  const ms = parseDuration(text);
  if (ms === null) return refuse(id, `${what} "${text}" is not a duration`);
  if (ms < minMs || ms > WINDOW_MS_MAX) return refuse(id, `${what} "${text}" must be from ${minMs} ms to seven days`);
  return ms;
}

function wholeNumber(id: string, what: string, value: number, max = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isInteger(value) || value < 1 || value > max)
    return refuse(id, `${what} ${value} is not a whole number from 1${max < 1e9 ? ` to ${max}` : ""}`);
  return value;
}

function keyOf(id: string, what: string, source: string | undefined): Expression | null {
  return source === undefined ? null : compile(id, `the key of ${what}`, source, ["event"]);
}

function parseConcurrency(id: string, input: Config["concurrency"]): ConcurrencyRule[] {
  if (input === undefined) return [];
  const rules = typeof input === "number" ? [{ limit: input }] : Array.isArray(input) ? input : [input];
  return rules.flatMap((rule: z.infer<typeof ConcurrencySchema>): ConcurrencyRule[] => {
    if (!Number.isInteger(rule.limit) || rule.limit < 0)
      return refuse(id, `the concurrency limit ${rule.limit} is not a whole number`);
    if (rule.limit === 0) return [];
    const scope = rule.scope ?? "fn";
    if (scope !== "fn" && rule.key === undefined)
      return refuse(id, `concurrency with scope "${scope}" needs a key, by which functions share the limit`);
    return [{ limit: rule.limit, key: keyOf(id, "concurrency", rule.key), scope }];
  });
}

function parseTriggers(id: string, triggers: Config["triggers"]): { events: EventTrigger[]; crons: CronTrigger[] } {
  const events: EventTrigger[] = [];
  const crons: CronTrigger[] = [];
  for (const trigger of triggers) {
    if ("event" in trigger) {
      const foreign = FOREIGN_EVENTS[trigger.event];
      if (foreign)
        return refuse(id, `it is triggered by "${trigger.event}": ${foreign} are not supported by the embedded engine`);
      const condition =
        trigger.expression === undefined
          ? null
          : compile(id, `the trigger "${trigger.event}"`, trigger.expression, ["event"]);
      events.push({ event: trigger.event, isMatch: matchName(trigger.event), condition });
      continue;
    }
    let cron: Cron;
    try {
      cron = parseCron(trigger.cron);
    } catch (error) {
      return refuse(id, error instanceof Error ? error.message : String(error));
    }
    crons.push({ ...cron, jitterMs: trigger.jitter === undefined ? 0 : period(id, "the jitter", trigger.jitter) });
  }
  return { events, crons };
}

function parseCancel(id: string, rules: Config["cancel"]): CancelRule[] {
  return (rules ?? []).map((rule) => {
    const condition = rule.if === undefined ? null : compile(id, "cancelOn", rule.if, ["event", "async"]);
    if (rule.timeout === undefined) return { event: rule.event, condition, until: null };
    const afterMs = parseDuration(rule.timeout);
    if (afterMs !== null) return { event: rule.event, condition, until: { afterMs } };
    const atMs = Date.parse(rule.timeout);
    if (Number.isNaN(atMs)) return refuse(id, `the cancelOn timeout "${rule.timeout}" is not a duration or a date`);
    return { event: rule.event, condition, until: { atMs } };
  });
}

function parseBatch(id: string, config: Config): BatchRule | null {
  const rule = config.batchEvents;
  if (!rule) return null;
  const other = NOT_WITH_BATCHES.find((field) => config[field] !== undefined);
  if (other)
    return refuse(
      id,
      `batchEvents and ${other === "cancel" ? "cancelOn" : other} cannot be used together: a batch has no single event to go by`,
    );
  if (!config.triggers.some((trigger) => "event" in trigger)) return refuse(id, "batchEvents needs a trigger by event");
  return {
    sizeMax: wholeNumber(id, "batchEvents.maxSize", rule.maxSize, BATCH_SIZE_MAX),
    timeoutMs: period(id, "batchEvents.timeout", rule.timeout),
    key: keyOf(id, "batchEvents", rule.key),
    condition: rule.if === undefined ? null : compile(id, "batchEvents.if", rule.if, ["event"]),
  };
}

/** One entry of the SDK's sync answer, understood whole or refused. */
export function parseFunctionConfig(input: unknown): EngineFunction {
  const raw = z.looseObject({ id: z.string() }).safeParse(input);
  if (!raw.success) throw new RefusedConfigError("A function without an id was synced");
  const id = raw.data.id;
  const parsed = ConfigSchema.safeParse(raw.data);
  if (!parsed.success)
    throw new RefusedConfigError(
      `Function "${id}" has a configuration that the embedded engine does not know: ${z.prettifyError(parsed.error)}`,
    );
  const config = parsed.data;
  const { rateLimit, throttle, debounce, singleton, timeouts } = config;
  if (config.idempotency !== undefined && rateLimit !== undefined)
    return refuse(id, "idempotency and rateLimit cannot be used together: the first would switch off the second");

  return {
    id,
    name: config.name ?? id,
    retries: config.steps.step?.retries?.attempts ?? RETRIES_DEFAULT,
    ...parseTriggers(id, config.triggers),
    concurrency: parseConcurrency(id, config.concurrency),
    idempotency: config.idempotency === undefined ? null : compile(id, "idempotency", config.idempotency, ["event"]),
    cancel: parseCancel(id, config.cancel),
    batch: parseBatch(id, config),
    rateLimit: rateLimit
      ? {
          limit: wholeNumber(id, "rateLimit.limit", rateLimit.limit),
          periodMs: period(id, "rateLimit.period", rateLimit.period),
          key: keyOf(id, "rateLimit", rateLimit.key),
        }
      : null,
    throttle: throttle
      ? {
          limit: wholeNumber(id, "throttle.limit", throttle.limit),
          periodMs: period(id, "throttle.period", throttle.period, 1_000),
          burst: wholeNumber(id, "throttle.burst", throttle.burst ?? 1),
          key: keyOf(id, "throttle", throttle.key),
        }
      : null,
    debounce: debounce
      ? {
          periodMs: period(id, "debounce.period", debounce.period),
          timeoutMs: debounce.timeout === undefined ? null : period(id, "debounce.timeout", debounce.timeout),
          key: keyOf(id, "debounce", debounce.key),
        }
      : null,
    singleton: singleton ? { mode: singleton.mode, key: keyOf(id, "singleton", singleton.key) } : null,
    priority: config.priority?.run === undefined ? null : compile(id, "priority.run", config.priority.run, ["event"]),
    timeouts: {
      startMs: timeouts?.start === undefined ? null : period(id, "timeouts.start", timeouts.start),
      finishMs: timeouts?.finish === undefined ? null : period(id, "timeouts.finish", timeouts.finish),
    },
  };
}
