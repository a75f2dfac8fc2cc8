import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import { pageLimitSchema } from "@/server/core/pagination";
import { BulkRowFilterSchema, BulkRunFilterSchema } from "@/server/domain/bulk/schema";
import { getBulkRun, listBulkRows, listBulkRuns } from "@/server/domain/bulk/service";
import { router, withPermission } from "../init";

const reading = withPermission("payments:read");
const one = z.strictObject({ id: idSchema("bulkRun") });
const page = { limit: pageLimitSchema, cursor: z.string().max(200).nullish() };

/** Captures and refunds of many payments: what was previewed and what became of it. */
export const bulkRouter = router({
  list: reading
    .input(z.strictObject({ filter: BulkRunFilterSchema.default({}), ...page }))
    .query(({ ctx, input }) => listBulkRuns(ctx, input.filter, input)),
  /** Errors: not_found. */
  get: reading.input(one).query(({ ctx, input }) => getBulkRun(ctx, input.id)),
  /** Rows in the order of the file. Errors: not_found. */
  rows: reading
    .input(one.extend({ filter: BulkRowFilterSchema.default({}), ...page }))
    .query(({ ctx, input }) => listBulkRows(ctx, input.id, input.filter, input)),
});
