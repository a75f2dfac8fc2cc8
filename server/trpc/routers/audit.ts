import { z } from "zod";
import { pageLimitSchema } from "@/server/core/pagination";
import { AuditFilterSchema } from "@/server/domain/audit/schema";
import { listAudit } from "@/server/domain/audit/service";
import { router, withPermission } from "../init";

/** Who did what, newest first: `{ items, nextCursor, total }`. */
export const auditRouter = router({
  list: withPermission("audit:read")
    .input(
      z.strictObject({
        filter: AuditFilterSchema.default({}),
        limit: pageLimitSchema,
        cursor: z.string().max(200).nullish(),
      }),
    )
    .query(({ ctx, input }) => listAudit(ctx, input.filter, input)),
});
