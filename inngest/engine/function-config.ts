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
export type ConcurrencyRule = Readonly<{ limit: number; key: Expression | null; keyText: string | null }>;
export type CancelRule = Readonly<{ event: string; condition: Expression | null }>;

export type EngineFunction = Readonly<{
  id: string;
  name: string;
  retries: number;
  events: readonly EventTrigger[];
  crons: readonly Cron[];
  concurrency: readonly ConcurrencyRule[];
  idempotency: Expression | null;
  cancel: readonly CancelRule[];
}>;

const RETRIES_DEFAULT = 3;
const REFUSED: Readonly<Record<string, string>> = {
  batchEvents: "event batching",
  rateLimit: "a rate limit",
  throttle: "a throttle",
  debounce: "a debounce",
  singleton: "singleton runs",
  priority: "run priority",
  timeouts: "run timeouts",
};

const ConcurrencySchema = z.strictObject({
  limit: z.number(),
  key: z.string().optional(),
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
  cancel: z
    .array(z.strictObject({ event: z.string(), if: z.string().optional(), timeout: z.string().optional() }))
    .optional(),
});

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

function parseConcurrency(id: string, input: z.infer<typeof ConfigSchema>["concurrency"]): ConcurrencyRule[] {
  if (input === undefined) return [];
  const rules = typeof input === "number" ? [{ limit: input }] : Array.isArray(input) ? input : [input];
  return rules.flatMap((rule: z.infer<typeof ConcurrencySchema>) => {
    if (rule.scope && rule.scope !== "fn")
      throw new RefusedConfigError(
        `Function "${id}": concurrency with scope "${rule.scope}" is not supported, only "fn"`,
      );
    if (!Number.isInteger(rule.limit) || rule.limit < 0)
      throw new RefusedConfigError(`Function "${id}": the concurrency limit ${rule.limit} is not a whole number`);
    if (rule.limit === 0) return [];
    const key = rule.key === undefined ? null : compile(id, "the concurrency key", rule.key, ["event"]);
    return [{ limit: rule.limit, key, keyText: rule.key ?? null }];
  });
}

/** One entry of the SDK's sync answer, understood whole or refused. */
export function parseFunctionConfig(input: unknown): EngineFunction {
  const raw = z.looseObject({ id: z.string() }).safeParse(input);
  if (!raw.success) throw new RefusedConfigError("A function without an id was synced");
  const id = raw.data.id;
  for (const [field, words] of Object.entries(REFUSED))
    if (raw.data[field] !== undefined)
      throw new RefusedConfigError(
        `Function "${id}" asks for ${words} (${field}), which the embedded engine does not support`,
      );
  const known = Object.fromEntries(Object.entries(raw.data).filter(([field]) => !(field in REFUSED)));
  const parsed = ConfigSchema.safeParse(known);
  if (!parsed.success)
    throw new RefusedConfigError(
      `Function "${id}" has a configuration that the embedded engine does not know: ${z.prettifyError(parsed.error)}`,
    );
  const config = parsed.data;

  const events: EventTrigger[] = [];
  const crons: Cron[] = [];
  for (const trigger of config.triggers) {
    if ("event" in trigger) {
      const condition =
        trigger.expression === undefined
          ? null
          : compile(id, `the trigger "${trigger.event}"`, trigger.expression, ["event"]);
      events.push({ event: trigger.event, isMatch: matchName(trigger.event), condition });
      continue;
    }
    if (trigger.jitter !== undefined)
      throw new RefusedConfigError(
        `Function "${id}" asks for jitter on a cron trigger, which the embedded engine does not support`,
      );
    try {
      crons.push(parseCron(trigger.cron));
    } catch (error) {
      throw new RefusedConfigError(`Function "${id}": ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  const cancel = (config.cancel ?? []).map((rule): CancelRule => {
    if (rule.timeout !== undefined && parseDuration(rule.timeout) === null)
      throw new RefusedConfigError(`Function "${id}": the cancelOn timeout "${rule.timeout}" is not a duration`);
    if (rule.timeout !== undefined)
      throw new RefusedConfigError(
        `Function "${id}" asks for a timeout on cancelOn, which the embedded engine does not support`,
      );
    const condition = rule.if === undefined ? null : compile(id, "cancelOn", rule.if, ["event", "async"]);
    return { event: rule.event, condition };
  });

  return {
    id,
    name: config.name ?? id,
    retries: config.steps.step?.retries?.attempts ?? RETRIES_DEFAULT,
    events,
    crons,
    concurrency: parseConcurrency(id, config.concurrency),
    idempotency: config.idempotency === undefined ? null : compile(id, "idempotency", config.idempotency, ["event"]),
    cancel,
  };
}
