import { z } from "zod";
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from "zod-openapi";
import { ERROR_CATALOGUE, type ErrorCode } from "@/server/core/errors";
import { API_VERSION } from "@/server/events/catalog";
import type { Endpoint } from "./endpoint";

/** Codes that any call with a key may answer. */
const WITH_KEY: readonly ErrorCode[] = [
  "key_missing",
  "key_invalid",
  "address_not_allowed",
  "scope_missing",
  "validation_failed",
  "rate_limited",
  "internal_error",
  "unavailable",
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
      ...(endpoint.access === "public" ? [] : WITH_KEY),
      ...(endpoint.method === "POST" || endpoint.method === "PATCH" ? WITH_BODY : []),
      ...(endpoint.isIdempotent ? WITH_KEY_OF_REPEAT : []),
      ...(endpoint.path.includes("{") ? [endpoint.notFound] : []),
      ...endpoint.errors,
    ]),
  ];
}

function responsesOf(endpoint: Endpoint): ZodOpenApiOperationObject["responses"] {
  const requestId = z.string().meta({ description: "Names this request in logs and in your request log" });
  const answers = Object.entries(endpoint.responses).map(([status, answer]) => [
    status,
    {
      description: answer.description,
      headers: z.object({
        "Request-Id": requestId,
        ...(endpoint.isIdempotent ? { "Idempotency-Replayed": z.literal("true").optional() } : {}),
      }),
      ...(answer.schema ? { content: { "application/json": { schema: answer.schema } } } : {}),
      ...(answer.content
        ? {
            content: {
              [answer.content]: {
                schema:
                  answer.content === "application/json" ? { type: "object" as const } : { type: "string" as const },
              },
            },
          }
        : {}),
    },
  ]);
  const byStatus = Map.groupBy(codesOf(endpoint), (code) => ERROR_CATALOGUE[code].status);
  const problems = [...byStatus].map(([status, codes]) => [
    String(status),
    {
      description: codes.map((code) => `\`${code}\`: ${ERROR_CATALOGUE[code].title}`).join(" "),
      content: { "application/problem+json": { schema: ProblemSchema } },
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
      ...(endpoint.isIdempotent
        ? {
            header: z.object({
              "Idempotency-Key": z.string().min(1).max(255).meta({
                description: "One for each intent. A repeat with the same key and body gets the first answer again.",
              }),
            }),
          }
        : {}),
    },
    ...(endpoint.hasBody
      ? { requestBody: { required: true, content: { "application/json": { schema: endpoint.body } } } }
      : {}),
    responses: responsesOf(endpoint),
  };
}

/** The OpenAPI 3.1 document, built from the declarations that parse the requests. */
export function buildDocument(endpoints: readonly Endpoint[], publicUrl: string) {
  const paths: ZodOpenApiPathsObject = {};
  for (const endpoint of endpoints) {
    paths[endpoint.path] = { ...paths[endpoint.path], [endpoint.method.toLowerCase()]: operationOf(endpoint) };
  }
  return createDocument({
    openapi: "3.1.0",
    info: {
      title: "Tillgate Partner API",
      version: API_VERSION,
      description:
        "Payments with Klarna for tills, kiosks and web shops. Money is a whole number of minor units beside its currency; times are UTC.",
    },
    servers: [{ url: publicUrl }],
    tags: [...new Set(endpoints.map((endpoint) => endpoint.tag))].map((name) => ({ name })),
    paths,
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
}

const texts = new Map<string, string>();

/** The document as text, built once for each process. */
export function documentText(endpoints: readonly Endpoint[], publicUrl: string): string {
  const text = texts.get(publicUrl) ?? JSON.stringify(buildDocument(endpoints, publicUrl));
  texts.set(publicUrl, text);
  return text;
}
