import { z } from "zod";
import type { ServiceContext } from "@/server/context";
import { idSchema } from "@/server/core/ids";
import { lineSchema, modeSchema } from "@/server/core/schema";
import { lowerCase } from "@/server/core/text";
import {
  ImportColumnsSchema,
  ImportKindSchema,
  type ImportRecord,
  type ImportRowItem,
  ImportRowStateSchema,
} from "@/server/domain/imports/schema";
import {
  cancelImport,
  checkImport,
  getImport,
  listImportRows,
  startImport,
  uploadImport,
} from "@/server/domain/imports/service";
import { IMPORT_ACTIONS, IMPORT_KINDS, IMPORT_ROW_STATES, IMPORT_STATES } from "@/server/domain/imports/states";
import { defineEndpoint, type Endpoint } from "../endpoint";
import { claiming, idUnder } from "../idempotency";
import { queryIntegerOr, queryList } from "../validation";
import { moment } from "./shared";

/* Partners, stores and terminals from CSV text: checked first, made when it is started. */

const tag = "Imports";
const access = "acquirer_key";
const scope = "imports:write";
const params = z.strictObject({ id: idSchema("import") });
const ROWS_LIMIT_MAX = 500;

const lower = <const T extends readonly string[]>(words: T) =>
  words.map((word) => word.toLowerCase()) as { [K in keyof T]: Lowercase<T[K] & string> };
const KINDS = lower(IMPORT_KINDS);
const ROW_STATES = lower(IMPORT_ROW_STATES);
const ACTIONS = lower(IMPORT_ACTIONS);

const PublicImportSchema = z
  .object({
    id: z.string(),
    object: z.literal("import"),
    mode: modeSchema,
    kind: z.enum(KINDS),
    partner: z.string().nullable(),
    status: z.enum(lower(IMPORT_STATES)),
    file_name: z.string(),
    /** The names of the columns, in order. */
    head: z.array(z.string()),
    /** Which column is which field. */
    columns: z.record(z.string(), z.string()),
    rows: z.object({ total: z.int(), valid: z.int(), invalid: z.int(), done: z.int(), failed: z.int() }),
    /** How many rows would do, or did, what. */
    actions: z.object({ create: z.int(), update: z.int(), none: z.int() }),
    error: z.string().nullable(),
    created_at: moment,
    started_at: moment.nullable(),
    finished_at: moment.nullable(),
  })
  .meta({ id: "Import" });
type PublicImport = z.infer<typeof PublicImportSchema>;

function toPublicImport(record: ImportRecord): PublicImport {
  return {
    id: record.id,
    object: "import",
    mode: record.mode,
    kind: lowerCase(record.kind),
    partner: record.partnerId,
    status: lowerCase(record.state),
    file_name: record.fileName,
    head: record.head,
    columns: record.columns,
    rows: {
      total: record.rowCount,
      valid: record.validCount,
      invalid: record.invalidCount,
      done: record.doneCount,
      failed: record.failedCount,
    },
    actions: record.actions,
    error: record.error,
    created_at: record.createdAt.toISOString(),
    started_at: record.startedAt?.toISOString() ?? null,
    finished_at: record.finishedAt?.toISOString() ?? null,
  };
}
const readImport = async (ctx: ServiceContext, id: string) => toPublicImport(await getImport(ctx, id));

const PublicRowSchema = z
  .object({
    row: z.int(),
    status: z.enum(ROW_STATES),
    action: z.enum(ACTIONS).nullable(),
    reference: z.string().nullable(),
    /** `field` is null where the whole row is meant. */
    problems: z.array(z.object({ field: z.string().nullable(), detail: z.string() })),
    /** What the row has made or changed. */
    resource: z.string().nullable(),
  })
  .meta({ id: "ImportRow" });
const toPublicRow = (row: ImportRowItem) => ({
  row: row.rowNumber,
  status: lowerCase(row.state),
  action: row.action === null ? null : lowerCase(row.action),
  reference: row.reference,
  problems: row.problems,
  resource: row.resourceId,
});

const CreateImportSchema = z.strictObject({
  kind: z.enum(KINDS),
  partner: idSchema("partner").optional().meta({ description: "Whose stores or terminals they are" }),
  file_name: lineSchema(1, 120).default("import.csv"),
  csv: z.string().min(1).meta({
    description: "With a line of names first. The whole call is 256 KiB at most: send a large file in parts.",
  }),
  columns: ImportColumnsSchema.optional().meta({
    description: "Field to column; left out, the names of the columns decide",
  }),
  existing: z.enum(["update", "skip"]).default("update"),
});

/** Takes and checks the rows in one; what cannot be checked is not kept open. */
async function create(ctx: ServiceContext, body: z.output<typeof CreateImportSchema>): Promise<PublicImport> {
  return claiming(ctx, idUnder("id"), async (inner) => {
    const uploaded = await uploadImport(inner, {
      kind: ImportKindSchema.parse(body.kind.toUpperCase()),
      partnerId: body.partner ?? null,
      fileName: body.file_name,
      contentType: "text/csv",
      bytes: Buffer.from(body.csv, "utf8"),
    });
    try {
      const checked = await checkImport(inner, uploaded.id, {
        columns: body.columns ?? uploaded.columns,
        defaults: { existing: body.existing },
      });
      return toPublicImport(checked);
    } catch (error) {
      await cancelImport(inner, uploaded.id);
      throw error;
    }
  });
}

export const importEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: "POST",
    path: "/api/v1/imports",
    operation: "createImport",
    summary: "Check rows of Partners, stores or terminals",
    description:
      "A dry run: nothing is made before it is started. `partners` makes drafts and needs the scope `partners:write`, the others `stores:write`.",
    tag,
    access,
    scope,
    body: CreateImportSchema,
    responses: { 201: { description: "The import with what its rows would do", schema: PublicImportSchema } },
    errors: ["not_found", "permission_denied", "state_conflict", "rule_broken"],
    handle: ({ ctx, body }) => create(ctx, body),
    answer: (made) => ({ status: 201, json: made }),
    reread: readImport,
  }),
  defineEndpoint({
    method: "GET",
    path: "/api/v1/imports/{id}",
    operation: "getImport",
    summary: "Read how far an import is",
    tag,
    access,
    scope,
    params,
    responses: { 200: { description: "The import", schema: PublicImportSchema } },
    handle: ({ ctx, params: { id } }) => readImport(ctx, id),
    answer: (found) => ({ status: 200, json: found }),
  }),
  defineEndpoint({
    method: "GET",
    path: "/api/v1/imports/{id}/rows",
    operation: "listImportRows",
    summary: "List the rows of an import with what is wrong or became of each",
    tag,
    access,
    scope,
    params,
    query: z.strictObject({
      limit: queryIntegerOr(1, ROWS_LIMIT_MAX, 100),
      cursor: z.string().min(1).max(20).optional(),
      status: queryList(ROW_STATES).optional(),
    }),
    responses: {
      200: {
        description: "A page of rows, in the order of the file",
        schema: z
          .object({ data: z.array(PublicRowSchema), has_more: z.boolean(), next_cursor: z.string().nullable() })
          .meta({ id: "ImportRowList" }),
      },
    },
    handle: ({ ctx, params: { id }, query }) =>
      listImportRows(
        ctx,
        id,
        query.status === undefined
          ? {}
          : { state: z.array(ImportRowStateSchema).parse(query.status.map((word) => word.toUpperCase())) },
        { limit: query.limit, cursor: query.cursor ?? null },
      ),
    answer: (page) => ({
      status: 200,
      json: { data: page.items.map(toPublicRow), has_more: page.nextCursor !== null, next_cursor: page.nextCursor },
    }),
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/imports/{id}/start",
    operation: "startImport",
    summary: "Make what the check announced",
    description: "In the background; rows with errors are left out.",
    tag,
    access,
    scope,
    params,
    responses: { 202: { description: "The import, under way", schema: PublicImportSchema } },
    errors: ["permission_denied", "state_conflict", "rule_broken"],
    handle: ({ ctx, params: { id } }) =>
      claiming(ctx, id, async (inner) => toPublicImport(await startImport(inner, id))),
    answer: (started) => ({ status: 202, json: started }),
    reread: readImport,
  }),
  defineEndpoint({
    method: "POST",
    path: "/api/v1/imports/{id}/cancel",
    operation: "cancelImport",
    summary: "End an import",
    description: "What it has made stays.",
    tag,
    access,
    scope,
    params,
    responses: { 200: { description: "The canceled import", schema: PublicImportSchema } },
    errors: ["permission_denied", "state_conflict"],
    handle: ({ ctx, params: { id } }) =>
      claiming(ctx, id, async (inner) => toPublicImport(await cancelImport(inner, id))),
    answer: (ended) => ({ status: 200, json: ended }),
    reread: readImport,
  }),
];
