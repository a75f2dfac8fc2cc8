import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { RunningSimulator } from "./testing";

/**
 * Example messages kept as files, and how they are played. A file `fixtures/<area>/<operation>.<case>.json` holds one
 * request and the answer to it; README.md beside them tells the form.
 */

const FOLDER = join(import.meta.dirname, "fixtures");

const MessageSchema = z.strictObject({
  method: z.string(),
  path: z.string(),
  /** null takes a usual header away. */
  headers: z.record(z.string(), z.string().nullable()).optional(),
  body: z.unknown().optional(),
  /** The body as it goes over the wire, instead of `body`. */
  raw: z.string().optional(),
  /** Fills the body up to this many bytes. */
  body_bytes: z.int().optional(),
});

const StepSchema = z.union([
  z.strictObject({ use: z.string() }),
  MessageSchema.extend({
    /** Variables taken from the answer: name to dotted path, or `header:name`. */
    save: z.record(z.string(), z.string()).optional(),
    times: z.int().min(1).optional(),
    /** Another answer than 2xx is wanted. */
    status: z.int().optional(),
  }),
]);
type Step = z.infer<typeof StepSchema>;

const ContractSchema = z.strictObject({
  setup: z.array(StepSchema).optional(),
  request: MessageSchema,
  response: z.strictObject({
    status: z.int(),
    headers: z.record(z.string(), z.string()).optional(),
    body: z.unknown().optional(),
  }),
  /** False: the errors that every operation shares are not tried on this one. */
  edge: z.boolean().optional(),
});
export type Contract = z.infer<typeof ContractSchema>;

export type ContractFile = {
  area: string;
  operation: string;
  name: string;
  contract: Contract;
};

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** All example messages, by area. */
export function readContracts(): Map<string, ContractFile[]> {
  const areas = new Map<string, ContractFile[]>();
  for (const entry of readdirSync(FOLDER, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith("_")) continue;
    const files: ContractFile[] = [];
    for (const file of readdirSync(join(FOLDER, entry.name)).sort()) {
      if (!file.endsWith(".json") || file.startsWith("_")) continue;
      const parsed = ContractSchema.safeParse(readJson(join(FOLDER, entry.name, file)));
      if (!parsed.success) throw new Error(`${entry.name}/${file}: ${z.prettifyError(parsed.error)}`);
      files.push({
        area: entry.name,
        operation: file.slice(0, file.indexOf(".")),
        name: file.slice(0, -".json".length),
        contract: parsed.data,
      });
    }
    if (files.length > 0) areas.set(entry.name, files);
  }
  return areas;
}

const SetupsSchema = z.record(z.string(), z.array(StepSchema));

/** Named set-ups: those of the area before those of all areas. */
export function readSetups(area: string): Record<string, Step[]> {
  const own = join(FOLDER, area, "_setups.json");
  return {
    ...SetupsSchema.parse(readJson(join(FOLDER, "_setups.json"))),
    ...(existsSync(own) ? SetupsSchema.parse(readJson(own)) : {}),
  };
}

/** The answers that every operation under /v2 shares, by name. */
export function readSharedErrors(): Map<string, Contract["response"]> {
  const folder = join(FOLDER, "_errors");
  return new Map(
    readdirSync(folder).map((file) => [
      file.slice(0, -".json".length),
      ContractSchema.shape.response.parse(readJson(join(folder, file))),
    ]),
  );
}

export type Variables = Record<string, string>;

/** Puts variables in for `{{name}}`, in keys and values alike. */
export function fill(value: unknown, variables: Variables): unknown {
  if (typeof value === "string") {
    return value.replace(/\{\{([\w.-]+)\}\}/g, (_all, name: string) => {
      const found = variables[name];
      if (found === undefined) throw new Error(`the variable {{${name}}} has no value`);
      return found;
    });
  }
  if (Array.isArray(value)) return value.map((item) => fill(item, variables));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [String(fill(key, variables)), fill(item, variables)]),
    );
  }
  return value;
}

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const PATTERNS: Record<string, string> = {
  uuid: UUID,
  krn: "krn:[A-Za-z0-9_:.-]+",
  time: "\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(?:\\.\\d{1,9})?(?:Z|[+-]\\d{2}:\\d{2})",
  date: "\\d{4}-\\d{2}-\\d{2}",
  url: "https?://[^\\s]+",
  text: "[\\s\\S]+",
  int: "-?\\d+",
};
const TOKEN = /<(uuid|krn|time|date|url|text|int)>/g;

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function matcherOf(expected: string): RegExp | null {
  if (expected.startsWith("</") && expected.endsWith("/>")) return new RegExp(expected.slice(2, -2));
  let source = "";
  let last = 0;
  for (const found of expected.matchAll(TOKEN)) {
    source += `${literal(expected.slice(last, found.index))}(?:${PATTERNS[found[1] ?? ""] ?? ""})`;
    last = found.index + found[0].length;
  }
  return last === 0 ? null : new RegExp(`^${source}${literal(expected.slice(last))}$`);
}

function show(value: unknown): string {
  return value === undefined ? "nothing" : (JSON.stringify(value)?.slice(0, 300) ?? String(value));
}

/**
 * The first differences between what is expected and what came. Objects must have the same keys, unless the expected
 * one has the key `"..."`, which allows more; a value `"<absent>"` forbids its key.
 */
export function differencesOf(expected: unknown, actual: unknown, path = "body"): string[] {
  if (expected === "<any>") return actual === undefined ? [`${path}: is missing`] : [];
  if (expected === "<absent>") return actual === undefined ? [] : [`${path}: ${show(actual)} must not be there`];
  if (expected === "<int>") return Number.isInteger(actual) ? [] : [`${path}: ${show(actual)} is not an integer`];
  if (expected === "<bool>") return typeof actual === "boolean" ? [] : [`${path}: ${show(actual)} is not a boolean`];
  if (typeof expected === "string") {
    const matcher = matcherOf(expected);
    const isSame = matcher === null ? expected === actual : typeof actual === "string" && matcher.test(actual);
    return isSame ? [] : [`${path}: ${show(actual)} is not ${show(expected)}`];
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) return [`${path}: ${show(actual)} is not a list`];
    const isOpen = expected.at(-1) === "...";
    const wanted = isOpen ? expected.slice(0, -1) : expected;
    if (isOpen ? actual.length < wanted.length : actual.length !== wanted.length) {
      return [`${path}: has ${actual.length} entries, not ${wanted.length}: ${show(actual)}`];
    }
    return wanted.flatMap((item, index) => differencesOf(item, actual[index], `${path}[${index}]`));
  }
  if (typeof expected === "object" && expected !== null) {
    if (typeof actual !== "object" || actual === null || Array.isArray(actual)) {
      return [`${path}: ${show(actual)} is not an object`];
    }
    const wanted = new Map(Object.entries(expected));
    const isOpen = wanted.delete("...");
    const given = new Map<string, unknown>(Object.entries(actual));
    const found = [...wanted].flatMap(([key, value]) => differencesOf(value, given.get(key), `${path}.${key}`));
    if (isOpen) return found;
    const extra = [...given.keys()].filter((key) => !wanted.has(key));
    return [...found, ...extra.map((key) => `${path}.${key}: ${show(given.get(key))} is not expected`)];
  }
  return Object.is(expected, actual) ? [] : [`${path}: ${show(actual)} is not ${show(expected)}`];
}

export type Played = {
  status: number;
  headers: Headers;
  text: string;
  body: unknown;
};

/** Sends one message as it stands in a file. */
export async function send(
  simulator: RunningSimulator,
  message: z.infer<typeof MessageSchema>,
  variables: Variables,
  extraHeaders: Record<string, string | null> = {},
): Promise<Played> {
  let payload =
    message.raw !== undefined
      ? String(fill(message.raw, variables))
      : message.body === undefined
        ? undefined
        : JSON.stringify(fill(message.body, variables));
  if (message.body_bytes !== undefined) payload = (payload ?? "").padEnd(message.body_bytes, " ");
  const headers = new Headers({ authorization: `Basic ${simulator.apiKey}` });
  if (payload !== undefined) headers.set("content-type", "application/json");
  for (const [name, value] of Object.entries({
    ...message.headers,
    ...extraHeaders,
  })) {
    if (value === null) headers.delete(name);
    else headers.set(name, String(fill(value, variables)));
  }
  const response = await simulator.fetch(
    new Request(`${simulator.url}${String(fill(message.path, variables))}`, {
      method: message.method,
      headers,
      ...(payload === undefined ? {} : { body: payload }),
    }),
  );
  const text = await response.text();
  let body: unknown = text;
  try {
    body = text === "" ? undefined : JSON.parse(text);
  } catch {
    body = text;
  }
  return { status: response.status, headers: response.headers, text, body };
}

function valueAt(body: unknown, path: string): unknown {
  let current = body;
  for (const key of path.split(".")) {
    if (typeof current !== "object" || current === null) return undefined;
    current = new Map<string, unknown>(Object.entries(current)).get(key);
  }
  return current;
}

async function play(
  simulator: RunningSimulator,
  steps: Step[],
  setups: Record<string, Step[]>,
  variables: Variables,
): Promise<void> {
  for (const step of steps) {
    if ("use" in step) {
      const named = setups[step.use];
      if (named === undefined) throw new Error(`there is no set-up called ${step.use}`);
      await play(simulator, named, setups, variables);
      continue;
    }
    const { save, times, status, ...message } = step;
    for (let turn = 0; turn < (times ?? 1); turn += 1) {
      const answer = await send(simulator, message, variables);
      const isGood = status === undefined ? answer.status < 300 : answer.status === status;
      if (!isGood) throw new Error(`set-up ${step.method} ${step.path} answered ${answer.status}: ${answer.text}`);
      for (const [name, path] of Object.entries(save ?? {})) {
        const value = path.startsWith("header:")
          ? answer.headers.get(path.slice("header:".length))
          : valueAt(answer.body, path);
        if (typeof value !== "string" && typeof value !== "number") {
          throw new Error(`set-up ${step.method} ${step.path} has nothing at ${path}: ${answer.text}`);
        }
        variables[name] = String(value);
      }
    }
  }
}

/** A Partner account with one store, and everything that the file wants to have happened before. */
export async function prepare(simulator: RunningSimulator, file: ContractFile): Promise<Variables> {
  const account = await simulator.control.account({
    name: "Blumen Berlin",
    country: "DE",
    stores: [
      {
        store_reference: "STORE-17",
        name: "Blumen Berlin Mitte",
        type: "PHYSICAL_STORE",
      },
    ],
  });
  const variables: Variables = {
    url: simulator.url,
    public_url: `http://localhost:${new URL(simulator.url).port}`,
    account: account.account_id,
    account_encoded: encodeURIComponent(account.account_id),
    store_id: account.stores[0]?.store_id ?? "",
    api_key: simulator.apiKey,
    fresh_uuid: randomUUID(),
  };
  await play(simulator, file.contract.setup ?? [], readSetups(file.area), variables);
  return variables;
}

export function compare(expected: Contract["response"], played: Played, variables: Variables): string[] {
  const headers = Object.entries(expected.headers ?? {}).flatMap(([name, value]) =>
    differencesOf(fill(value, variables), played.headers.get(name) ?? undefined, `header ${name}`),
  );
  const found = [...headers, ...differencesOf(fill(expected.body, variables), played.body)];
  if (played.status === expected.status) return found;
  return [`status: ${played.status} is not ${expected.status}: ${played.text.slice(0, 500)}`, ...found];
}
