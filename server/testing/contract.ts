import { readFileSync } from "node:fs";
import path from "node:path";
import Ajv2020, { type ValidateFunction } from "ajv/dist/2020.js";
import type { Exchange, StreamPiece, WebhookSent } from "@/server/observability/exchanges";

/*
 * Holds what goes over the line against the document of the API, server/rest/openapi.json: each request that was taken, each
 * answer, problems included, each message of a stream and each webhook. Stands on the document alone and knows nothing of
 * the code that serves it. (Imports nothing of ours but types: the recorder of the browser tests loads it as it is.)
 */

type Schema = Readonly<Record<string, unknown>>;
type Parameter = { in: string; name: string; required?: boolean; schema?: Schema };
type Content = Readonly<Record<string, { schema?: Schema; "x-message-schema"?: Schema }>>;
type Response = { $ref?: string; content?: Content; headers?: Readonly<Record<string, Header>> };
type Header = { $ref?: string; required?: boolean; schema?: Schema };
type Operation = {
  operationId: string;
  security?: readonly Readonly<Record<string, unknown>>[];
  parameters?: readonly Parameter[];
  requestBody?: { required?: boolean; content: Content };
  responses: Readonly<Record<string, Response>>;
};
export type Document = {
  paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  webhooks: Readonly<Record<string, { post: Operation }>>;
  components: {
    schemas: Readonly<Record<string, Schema>>;
    headers?: Readonly<Record<string, Header>>;
    responses?: Readonly<Record<string, Response>>;
  };
};

export type ContractChecker = {
  /** What is wrong with a call, in words; empty when nothing is. */
  exchange(exchange: Exchange): string[];
  piece(piece: StreamPiece): string[];
  webhook(webhook: WebhookSent): string[];
};

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  "date-time": (text) => DATE_TIME.test(text) && !Number.isNaN(Date.parse(text)),
  date: (text) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)),
  uri: (text) => URL.canParse(text),
  email: (text) => /^[^\s@]+@[^\s@]+$/.test(text),
  uuid: (text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text),
};

/** The document that was agreed on. */
export function agreedDocument(): Document {
  return JSON.parse(readFileSync(path.join(import.meta.dirname, "../rest/openapi.json"), "utf8"));
}

export function createContractChecker(document: Document): ContractChecker {
  const ajv = new Ajv2020({
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    allErrors: true,
    formats: FORMATS,
  });
  ajv.addKeyword("example");
  ajv.addSchema(withOwnRefs({ $id: "tillgate:components", $defs: document.components.schemas }));
  const compiled = new WeakMap<Schema, ValidateFunction>();
  const find = createFinder(document);

  /** Faults of a value, each with its place. */
  function faults(schema: Schema, value: unknown, what: string): string[] {
    let validate = compiled.get(schema);
    if (!validate) {
      validate = ajv.compile(withOwnRefs(schema));
      compiled.set(schema, validate);
    }
    if (validate(value)) return [];
    return (validate.errors ?? [])
      .slice(0, 8)
      .map(({ instancePath, message, params }) => `${what}${instancePath} ${message} ${JSON.stringify(params)}`);
  }

  const textFaults = (schema: Schema, text: string, what: string): string[] =>
    faults(schema, readText(schema, text), what);

  function requestFaults(operation: Operation, params: Readonly<Record<string, string>>, asked: Exchange): string[] {
    const found: string[] = [];
    const query = new URLSearchParams(asked.target.split("?")[1] ?? "");
    const given: Readonly<Record<string, (name: string) => string | null | undefined>> = {
      path: (name) => params[name],
      query: (name) => query.get(name),
      header: (name) => asked.requestHeaders[name.toLowerCase()],
    };
    const parameters = operation.parameters ?? [];
    for (const { in: place, name, required, schema } of parameters) {
      const text = given[place]?.(name);
      if (text === undefined || text === null) {
        if (required) found.push(`taken without the ${place} parameter ${name}`);
      } else if (schema) found.push(...textFaults(schema, text, `${place} parameter ${name}`));
    }
    for (const name of query.keys())
      if (!parameters.some((parameter) => parameter.in === "query" && parameter.name === name))
        found.push(`taken with the query parameter ${name}, which is not in the document`);

    const security = operation.security ?? [];
    const { authorization = "", cookie = "" } = asked.requestHeaders;
    if (
      security.length > 0 &&
      !authorization.startsWith("Bearer ") &&
      !("display" in Object.assign({}, ...security) && cookie)
    )
      found.push("taken without what the document asks for to be let in");

    const json = asked.requestBody ? readJson(asked.requestBody) : undefined;
    const schema = operation.requestBody?.content["application/json"]?.schema;
    if (schema) {
      if (json !== undefined) found.push(...faults(schema, json, "request"));
      else if (operation.requestBody?.required) found.push("taken without a body");
    } else if (json !== undefined && JSON.stringify(json) !== "{}")
      found.push("taken with a body, which has no schema");
    return found;
  }

  function answerFaults(operation: Operation, said: Exchange): string[] {
    const named = operation.responses[String(said.status)];
    if (!named) return [`status ${said.status} is not in the document: ${String(said.body).slice(0, 300)}`];
    const response = named.$ref === undefined ? named : resolve(document.components.responses, named.$ref);
    const found: string[] = [];
    for (const [name, either] of Object.entries(response.headers ?? {})) {
      const header = either.$ref === undefined ? either : resolve(document.components.headers, either.$ref);
      const value = said.headers[name.toLowerCase()];
      if (value === undefined) {
        if (header.required) found.push(`the header ${name} is missing from ${said.status}`);
      } else if (header.schema) found.push(...textFaults(header.schema, value, `header ${name}`));
    }
    return [...found, ...bodyFaults(response.content, said)];
  }

  function bodyFaults(content: Content | undefined, said: Exchange): string[] {
    const type = mediaType(said.headers["content-type"]);
    if (!content)
      return type === "" && !said.body ? [] : [`${said.status} has a body (${type}), which is not in the document`];
    const media = content[type];
    if (!media)
      return [`${said.status} is ${type || "without a type"}, the document says ${Object.keys(content).join(", ")}`];
    if (said.method === "HEAD") return said.body ? ["an answer to HEAD has a body"] : [];
    if (!type.endsWith("json") || !media.schema || typeof said.body !== "string") return [];
    const json = readJson(said.body);
    const code = typeof json === "object" && json !== null && "code" in json ? ` ${json.code}` : "";
    return json === undefined
      ? [`${said.status} is no JSON`]
      : faults(media.schema, json, `answer ${said.status}${code}`);
  }

  return {
    exchange: (exchange) => {
      const place = `${exchange.method} ${exchange.target}`;
      const found = find(exchange.method === "HEAD" ? "GET" : exchange.method, exchange.target);
      const name = (text: string): string => `${place}: ${text}`;
      if (!found) {
        const isRefused = exchange.status === 404 || exchange.status === 405;
        const problem = document.components.schemas["Problem"] ?? {};
        const json = exchange.method === "HEAD" ? undefined : readJson(String(exchange.body));
        if (!isRefused) return [name(`answered with ${exchange.status}, and is not in the document`)];
        return json === undefined ? [] : faults(problem, json, `answer ${exchange.status}`).map(name);
      }
      const isTaken = exchange.status < 400 && exchange.headers["idempotency-replayed"] === undefined;
      return [
        ...(isTaken ? requestFaults(found.operation, found.params, exchange) : []),
        ...answerFaults(found.operation, exchange),
      ].map(name);
    },
    piece: ({ method, target, text }) => {
      const schema = find(method, target)?.operation.responses["200"]?.content?.["text/event-stream"]?.[
        "x-message-schema"
      ];
      if (!schema) return [`${target}: streams something that is not in the document`];
      const data = text.split("\n").flatMap((line) => (line.startsWith("data: ") ? [line.slice(6)] : []));
      return data
        .flatMap((line) => faults(schema, readJson(line), "message"))
        .map((fault) => `${method} ${target}: ${fault}`);
    },
    webhook: ({ body }) => {
      const json = readJson(body);
      const type = typeof json === "object" && json !== null && "type" in json ? String(json.type) : "?";
      const schema = document.webhooks[type]?.post.requestBody?.content["application/json"]?.schema;
      if (!schema) return [`webhook ${type}: is not in the document`];
      return faults(schema, json, "body").map((fault) => `webhook ${type}: ${fault}`);
    },
  };
}

/** Finds the operation of a target; words win over parameters. */
function createFinder(document: Document) {
  const routes = Object.entries(document.paths)
    .map(([template, operations]) => {
      const names = [...template.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
      const pattern = template.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll(/\{\w+\}/g, "([^/]+)");
      return { names, pattern: new RegExp(`^${pattern}$`), operations };
    })
    .sort((one, other) => one.names.length - other.names.length);
  return (method: string, target: string): { operation: Operation; params: Record<string, string> } | null => {
    const name = target.split("?")[0] ?? "";
    for (const { names, pattern, operations } of routes) {
      const match = pattern.exec(name);
      const operation = operations[method.toLowerCase()];
      if (!match || !operation) continue;
      return { operation, params: Object.fromEntries(names.map((each, index) => [each, match[index + 1] ?? ""])) };
    }
    return null;
  };
}

function mediaType(header: string | undefined): string {
  return header?.split(";")[0]?.trim() ?? "";
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Queries, paths and headers are text; what the schema calls a number or a truth value is read as one. */
function readText(schema: Schema, text: string): unknown {
  const type = schema["type"];
  if ((type === "integer" || type === "number") && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}

/** References of the document as references into what the validator knows. */
function withOwnRefs(schema: Schema): Schema {
  return JSON.parse(JSON.stringify(schema).replaceAll("#/components/schemas/", "tillgate:components#/$defs/"));
}

function resolve<T>(known: Readonly<Record<string, T>> | undefined, ref: string): T {
  const found = known?.[ref.split("/").at(-1) ?? ""];
  if (found === undefined) throw new Error(`the document has no ${ref}`);
  return found;
}
