import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import { pageLimitSchema } from "@/server/core/pagination";
import { CheckImportSchema, ImportFilterSchema, ImportRowFilterSchema } from "@/server/domain/imports/schema";
import {
  cancelImport,
  checkImport,
  getImport,
  listImportRows,
  listImports,
  startImport,
} from "@/server/domain/imports/service";
import { router, withPermission } from "../init";

const writing = withPermission("imports:write");
const one = z.strictObject({ id: idSchema("import") });
const page = { limit: pageLimitSchema, cursor: z.string().max(200).nullish() };

/** Files of Partners, stores and terminals. A file itself goes to `POST /imports/upload`; the rest is here. */
export const importsRouter = router({
  list: writing
    .input(z.strictObject({ filter: ImportFilterSchema.default({}), ...page }))
    .query(({ ctx, input }) => listImports(ctx, input.filter, input)),
  /** Errors: not_found. */
  get: writing.input(one).query(({ ctx, input }) => getImport(ctx, input.id)),
  /** Rows in the order of the file. Errors: not_found. */
  rows: writing
    .input(one.extend({ filter: ImportRowFilterSchema.default({}), ...page }))
    .query(({ ctx, input }) => listImportRows(ctx, input.id, input.filter, input)),
  /** The dry run. Errors: not_found, state_conflict, validation_failed (columns). */
  check: writing
    .input(CheckImportSchema.extend({ id: idSchema("import") }))
    .mutation(({ ctx, input: { id, ...input } }) => checkImport(ctx, id, input)),
  /** Errors: not_found, state_conflict, rule_broken (no row is ready). */
  start: writing.input(one).mutation(({ ctx, input }) => startImport(ctx, input.id)),
  /** Errors: not_found, state_conflict. */
  cancel: writing.input(one).mutation(({ ctx, input }) => cancelImport(ctx, input.id)),
});
