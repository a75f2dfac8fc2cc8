import { z } from "zod";
import {
  createDocument,
  type ZodOpenApiContentObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathItemObject,
  type ZodOpenApiPathsObject,
} from "zod-openapi";
import { ERROR_CATALOGUE, type ErrorCode } from "@/server/core/errors";
import { API_VERSION } from "@/server/events/catalog";
import type { DeclaredAnswer, Endpoint } from "./endpoint";
import { WEBHOOK_PAYLOADS, type WebhookPayload } from "./v1/webhook-payloads";

/** Codes that any call may answer. */
const ALWAYS: readonly ErrorCode[] = ["validation_failed", "internal_error", "overloaded", "unavailable"];
/** Codes that any call with a key may answer. */
const WITH_KEY: readonly ErrorCode[] = [
  "key_missing",
  "key_invalid",
  "address_not_allowed",
  "scope_missing",
  "rate_limited",
];
const WITH_BODY: readonly ErrorCode[] = ["request_malformed", "body_too_large", "content_type_unsupported"];
const WITH_KEY_OF_REPEAT: readonly ErrorCode[] = [
  "idempotency_key_required",
  "idempotency_in_progress",
  "idempotency_key_reused",
];

const ProblemSchema = z
  .object({
    type: z.url(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    request_id: z.string(),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .meta({
    id: "Problem",
    description:
      "RFC 9457 problem details. `pointer` is a JSON pointer into the body, or `/` and the name of a query parameter.",
  });

function codesOf(endpoint: Endpoint): ErrorCode[] {
  return [
    ...new Set([
      ...ALWAYS,
      ...(endpoint.access === "public" ? [] : WITH_KEY),
      // To a Partner's key these calls do not exist.
      ...(endpoint.access === "acquirer_key" ? (["not_found"] as const) : []),
      ...(endpoint.method === "POST" || endpoint.method === "PATCH" ? WITH_BODY : []),
      ...(endpoint.isIdempotent ? WITH_KEY_OF_REPEAT : []),
      ...(endpoint.path.includes("{") ? [endpoint.notFound] : []),
      ...endpoint.errors,
    ]),
  ];
}

const LIMIT = "What is left of the limit, as RateLimit fields for HTTP say it";
const RETRY_AFTER = "Seconds after which the same request may succeed";
const HEADERS = {
  idempotencyKey: z.string().min(1).max(255).meta({
    description: "One for each intent. A repeat with the same key and body gets the first answer again.",
  }),
  requestId: z.string().meta({
    description: "Names this request in logs and in your request log",
    header: { id: "RequestId" },
  }),
  rateLimit: z
    .string()
    .optional()
    .meta({ description: LIMIT, header: { id: "RateLimit" } }),
  rateLimitPolicy: z
    .string()
    .optional()
    .meta({ description: "The limits that hold", header: { id: "RateLimitPolicy" } }),
  retryAfter: z.string().meta({ description: RETRY_AFTER, header: { id: "RetryAfter" } }),
  mayRetryAfter: z
    .string()
    .optional()
    .meta({ description: RETRY_AFTER, header: { id: "RetryAfterIfAny" } }),
  replayed: z
    .literal("true")
    .optional()
    .meta({
      description: "The answer to an earlier call with the same Idempotency-Key",
      header: { id: "IdempotencyReplayed" },
    }),
};

function headersOf(endpoint: Endpoint, status: number): z.ZodObject {
  const isProblem = status >= 400;
  return z.object({
    "Request-Id": HEADERS.requestId,
    ...(endpoint.access === "public"
      ? {}
      : { RateLimit: HEADERS.rateLimit, "RateLimit-Policy": HEADERS.rateLimitPolicy }),
    ...(status === 429 || status === 503 ? { "Retry-After": HEADERS.retryAfter } : {}),
    ...(status === 409 ? { "Retry-After": HEADERS.mayRetryAfter } : {}),
    ...(endpoint.isIdempotent && !isProblem ? { "Idempotency-Replayed": HEADERS.replayed } : {}),
  });
}

function contentOf(answer: DeclaredAnswer): ZodOpenApiContentObject | null {
  if (answer.schema) return { "application/json": { schema: answer.schema } };
  if (answer.content === undefined) return null;
  const types = typeof answer.content === "string" ? [answer.content] : answer.content;
  return Object.fromEntries(
    types.map((type) => [
      type,
      {
        schema: type === "application/json" ? { type: "object" as const } : { type: "string" as const },
        // Version 3.1 cannot say what the messages of a stream are.
        ...(answer.message === undefined
          ? {}
          : { "x-message-schema": { $ref: `#/components/schemas/${answer.message}` } }),
      },
    ]),
  );
}

function responsesOf(endpoint: Endpoint): ZodOpenApiOperationObject["responses"] {
  const answers = Object.entries(endpoint.responses).map(([status, answer]) => {
    const content = contentOf(answer);
    return [
      status,
      {
        description: answer.description,
        headers: headersOf(endpoint, Number(status)),
        ...(content === null ? {} : { content }),
      },
    ];
  });
  const byStatus = Map.groupBy(codesOf(endpoint), (code) => ERROR_CATALOGUE[code].status);
  const problems = [...byStatus].map(([status, codes]) => [
    String(status),
    {
      description: codes.map((code) => `\`${code}\`: ${ERROR_CATALOGUE[code].title}`).join(" "),
      headers: headersOf(endpoint, status),
      content: {
        "application/problem+json": {
          schema: z.intersection(ProblemSchema, z.looseObject({ code: z.enum(codes) })),
        },
      },
    },
  ]);
  return Object.fromEntries([...answers, ...problems]);
}

function operationOf(endpoint: Endpoint): ZodOpenApiOperationObject {
  const security: Record<string, string[]>[] = {
    public: [],
    key: [{ key: [] }],
    key_or_display: [{ key: [] }, { display: [] }],
    acquirer_key: [{ acquirerKey: [] }],
  }[endpoint.access];
  return {
    operationId: endpoint.operation,
    summary: endpoint.summary,
    ...(endpoint.description === null && endpoint.scope === null
      ? {}
      : {
          description: [endpoint.description, endpoint.scope === null ? null : `Scope: \`${endpoint.scope}\`.`]
            .filter((part) => part !== null)
            .join("\n\n"),
        }),
    tags: [endpoint.tag],
    security,
    requestParams: {
      path: endpoint.params,
      query: endpoint.query,
      header: z.object({
        ...(endpoint.isIdempotent ? { "Idempotency-Key": HEADERS.idempotencyKey } : {}),
        ...endpoint.headers.shape,
      }),
    },
    ...(endpoint.hasBody
      ? {
          requestBody: {
            required: !endpoint.body.safeParse({}).success,
            content: { "application/json": { schema: endpoint.body } },
          },
        }
      : {}),
    responses: responsesOf(endpoint),
  };
}

/** The headers of Standard Webhooks. */
const WebhookHeadersSchema = z.object({
  "webhook-id": z.string().meta({ description: "The id of the event: the same with each try" }),
  "webhook-timestamp": z.string().meta({ description: "Seconds since 1970 at which this try was sent" }),
  "webhook-signature": z.string().meta({
    description:
      "`v1,` and the base64 HMAC-SHA256 of id, timestamp and body, joined by dots; one for each valid secret",
  }),
});

function webhookOf({ type, schema }: WebhookPayload): ZodOpenApiPathItemObject {
  return {
    post: {
      operationId: `webhook_${type.replace(".", "_")}`,
      summary: type,
      tags: ["Webhooks"],
      security: [],
      requestParams: { header: WebhookHeadersSchema },
      requestBody: { required: true, content: { "application/json": { schema } } },
      responses: {
        "2XX": { description: "Received. Anything else is tried again." },
        "410": { description: "Gone: the endpoint is switched off." },
      },
    },
  };
}

/** What each group of calls is about. */
const TAGS: Readonly<Record<string, string>> = {
  Payments: "Taking payments and everything after.",
  Captures: "Taking what is authorized, at once or in parts.",
  Refunds: "Money back to the customer.",
  Stores: "Where payments are taken.",
  Terminals: "Tills, kiosks and card terminals of a store.",
  Webhooks: "Where we tell of changes, and what was told.",
  Events: "What happened in the last 30 days, as webhooks told it.",
  Testing: "Plays the customer and the clock, in test mode with the simulator.",
  Partners: "For the acquirer's own systems: Partners and their state.",
  Onboarding: "For the acquirer's own systems: what Klarna asks of a Partner.",
  "Brands and store groups": "For the acquirer's own systems: how a Partner presents itself.",
  "Stores of a Partner": "For the acquirer's own systems: the registry of one Partner.",
  Imports: "For the acquirer's own systems: many rows from a file.",
  Service: "Whether the service is there, and this document.",
};

/** The OpenAPI 3.1 document, built from the declarations that parse the requests. */
export function buildDocument(endpoints: readonly Endpoint[], publicUrl: string) {
  const paths: ZodOpenApiPathsObject = {};
  for (const endpoint of endpoints) {
    paths[endpoint.path] = { ...paths[endpoint.path], [endpoint.method.toLowerCase()]: operationOf(endpoint) };
  }
  const document = createDocument({
    openapi: "3.1.0",
    info: {
      title: "Tillgate Partner API",
      license: { name: "Apache License 2.0", identifier: "Apache-2.0" },
      version: API_VERSION,
      description:
        "Payments with Klarna for tills, kiosks and web shops. Money is a whole number of minor units beside its currency; times are UTC.",
    },
    servers: [{ url: publicUrl }],
    tags: [...new Set(endpoints.map((endpoint) => endpoint.tag))].map((name) => ({
      name,
      ...(TAGS[name] === undefined ? {} : { description: TAGS[name] }),
    })),
    paths,
    webhooks: Object.fromEntries(WEBHOOK_PAYLOADS.map((payload) => [payload.type, webhookOf(payload)])),
    components: {
      securitySchemes: {
        key: {
          type: "http",
          scheme: "bearer",
          description: "An API key: tg_test_sk_… or tg_live_sk_…. It names the Partner and the mode.",
        },
        acquirerKey: {
          type: "http",
          scheme: "bearer",
          description:
            "A key of the acquirer's own systems: tg_test_ak_… or tg_live_ak_…. It names the mode and sees every Partner; to a Partner's key these calls do not exist.",
        },
        display: {
          type: "apiKey",
          in: "cookie",
          name: "tg_display_{payment}",
          description: "Set by the display's address; opens one payment.",
        },
      },
    },
  });
  return { ...document, ...withSharedProblems(document) };
}

/** The problem that most calls answer with a status is written down once, as `Problem` and the status. */
function withSharedProblems({ paths = {}, components }: ReturnType<typeof createDocument>) {
  const problems = Object.values(paths).flatMap((item) =>
    Object.values(item).flatMap((operation: { responses?: object }) =>
      Object.entries(operation.responses ?? {}).filter(([status]) => Number(status) >= 400),
    ),
  );
  const responses: Record<string, unknown> = {};
  const names = new Map<string, string>();
  for (const [status, ofStatus] of Map.groupBy(problems, ([each]) => each)) {
    const byText = [...Map.groupBy(ofStatus, ([, response]) => JSON.stringify(response))];
    const [text, same] = byText.reduce((most, each) => (each[1].length > most[1].length ? each : most));
    if (same.length < 2) continue;
    names.set(text, `Problem${status}`);
    responses[`Problem${status}`] = same[0]?.[1];
  }
  const short: typeof paths = JSON.parse(JSON.stringify(paths), (_, value: unknown) => {
    const name = typeof value === "object" && value !== null ? names.get(JSON.stringify(value)) : undefined;
    return name === undefined ? value : { $ref: `#/components/responses/${name}` };
  });
  return { paths: short, components: { ...components, responses } };
}

const texts = new Map<string, string>();

/** The document as text, built once for each process. */
export function documentText(endpoints: readonly Endpoint[], publicUrl: string): string {
  const text = texts.get(publicUrl) ?? JSON.stringify(buildDocument(endpoints, publicUrl));
  texts.set(publicUrl, text);
  return text;
}
