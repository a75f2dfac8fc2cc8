import { z } from "zod";
import { pageLimitSchema } from "@/server/core/pagination";
import { ApprovalFilterSchema } from "@/server/domain/approvals/schema";
import { getApproval, listApprovals, listFourEyesRules } from "@/server/domain/approvals/service";
import { procedure, router, withPermission } from "../init";

const reading = withPermission("approvals:read");

/** What one person asks for and another must agree to. */
export const approvalsRouter = router({
  list: reading
    .input(
      z.strictObject({
        filter: ApprovalFilterSchema.default({}),
        limit: pageLimitSchema,
        cursor: z.string().max(200).nullish(),
      }),
    )
    .query(({ ctx, input }) => listApprovals(ctx, input.filter, input)),

  /** Who asked may look without the permission to see all. Errors: not_found. */
  get: procedure
    .input(z.strictObject({ id: z.string().max(60) }))
    .query(({ ctx, input }) => getApproval(ctx, input.id)),

  rules: reading.query(({ ctx }) => listFourEyesRules(ctx)),
});
