import { z } from "zod";
import { ENDPOINTS } from "@/server/rest/endpoints";
import { buildDocument } from "@/server/rest/openapi";

/*
 * The OpenAPI document as this page reads it: only what is shown. It is built from the same declarations that parse the
 * requests, so what stands here is what is served.
 */

export type JsonSchema = {
  $ref?: string | undefined;
  type?: string | string[] | undefined;
  title?: string | undefined;
  description?: string | undefined;
  format?: string | undefined;
  pattern?: string | undefined;
  const?: unknown;
  enum?: unknown[] | undefined;
  default?: unknown;
  properties?: Record<string, JsonSchema> | undefined;
  required?: string[] | undefined;
  items?: JsonSchema | undefined;
  anyOf?: JsonSchema[] | undefined;
  oneOf?: JsonSchema[] | undefined;
  allOf?: JsonSchema[] | undefined;
  minimum?: number | undefined;
  maximum?: number | undefined;
  minLength?: number | undefined;
  maxLength?: number | undefined;
  minItems?: number | undefined;
  maxItems?: number | undefined;
};

const JsonSchemaSchema: z.ZodType<JsonSchema> = z.lazy(() =>
  z.object({
    $ref: z.string().optional(),
    type: z.union([z.string(), z.array(z.string())]).optional(),
    title: z.string().optional(),
    description: z.string().optional(),
    format: z.string().optional(),
    pattern: z.string().optional(),
    const: z.unknown().optional(),
    enum: z.array(z.unknown()).optional(),
    default: z.unknown().optional(),
    properties: z.record(z.string(), JsonSchemaSchema).optional(),
    required: z.array(z.string()).optional(),
    items: JsonSchemaSchema.optional(),
    anyOf: z.array(JsonSchemaSchema).optional(),
    oneOf: z.array(JsonSchemaSchema).optional(),
    allOf: z.array(JsonSchemaSchema).optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    minLength: z.number().optional(),
    maxLength: z.number().optional(),
    minItems: z.number().optional(),
    maxItems: z.number().optional(),
  }),
);

const ContentSchema = z.record(z.string(), z.object({ schema: JsonSchemaSchema.optional() }));
const OperationSchema = z.object({
  operationId: z.string(),
  summary: z.string(),
  description: z.string().optional(),
  tags: z.array(z.string()),
  security: z.array(z.record(z.string(), z.array(z.string()))).default([]),
  parameters: z
    .array(
      z.object({
        name: z.string(),
        in: z.string(),
        required: z.boolean().optional(),
        description: z.string().optional(),
        schema: JsonSchemaSchema.optional(),
      }),
    )
    .default([]),
  requestBody: z.object({ content: ContentSchema }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string(), content: ContentSchema.optional() })),
});
export type Operation = z.infer<typeof OperationSchema> & { method: string; path: string };

const METHODS = ["post", "get", "patch", "put", "delete"] as const;
const DocumentSchema = z.object({
  info: z.object({ title: z.string(), version: z.string(), description: z.string() }),
  tags: z.array(z.object({ name: z.string() })),
  paths: z.record(z.string(), z.record(z.string(), z.unknown())),
  components: z.object({
    schemas: z.record(z.string(), JsonSchemaSchema).default({}),
    responses: z.record(z.string(), z.unknown()).default({}),
    parameters: z.record(z.string(), z.unknown()).default({}),
  }),
});

export type ApiDocument = {
  info: { title: string; version: string; description: string };
  groups: { tag: string; operations: Operation[] }[];
  schemas: Readonly<Record<string, JsonSchema>>;
};

const RefSchema = z.object({ $ref: z.string() });

/** What calls share stands once in the document; here it is put where it is meant. */
function inPlace(operation: unknown, components: z.infer<typeof DocumentSchema>["components"]): unknown {
  const found = (shared: Readonly<Record<string, unknown>>) => (value: unknown) => {
    const ref = RefSchema.safeParse(value);
    return ref.success ? shared[refName(ref.data.$ref)] : value;
  };
  const parts = z
    .looseObject({
      parameters: z.array(z.unknown()).optional(),
      responses: z.record(z.string(), z.unknown()),
    })
    .parse(operation);
  const response = found(components.responses);
  return {
    ...parts,
    ...(parts.parameters === undefined ? {} : { parameters: parts.parameters.map(found(components.parameters)) }),
    responses: Object.fromEntries(Object.entries(parts.responses).map(([status, value]) => [status, response(value)])),
  };
}

let cached: { publicUrl: string; document: ApiDocument } | undefined;

export function apiDocument(publicUrl: string): ApiDocument {
  if (cached?.publicUrl === publicUrl) return cached.document;
  const raw = DocumentSchema.parse(JSON.parse(JSON.stringify(buildDocument(ENDPOINTS, publicUrl))));
  const operations = Object.entries(raw.paths).flatMap(([path, item]) =>
    METHODS.flatMap((method): Operation[] =>
      item[method] === undefined
        ? []
        : [{ ...OperationSchema.parse(inPlace(item[method], raw.components)), method: method.toUpperCase(), path }],
    ),
  );
  const groups = raw.tags.map(({ name }) => ({
    tag: name,
    operations: operations.filter((operation) => operation.tags.includes(name)),
  }));
  const document = { info: raw.info, groups, schemas: raw.components.schemas };
  cached = { publicUrl, document };
  return document;
}

/** The name at the end of `#/components/schemas/Payment`. */
export function refName(ref: string): string {
  return ref.split("/").at(-1) ?? ref;
}
