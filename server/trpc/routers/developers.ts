import { z } from "zod";
import { pageLimitSchema } from "@/server/core/pagination";
import { RequestFilterSchema } from "@/server/domain/overview/schema";
import { listRequests } from "@/server/domain/overview/service";
import { router, withPermission } from "../init";

const page = { limit: pageLimitSchema, cursor: z.string().max(200).nullish() };

/** What Partners' systems asked of the API. */
export const developersRouter = router({
  requests: withPermission("request_log:read")
    .input(z.strictObject({ filter: RequestFilterSchema.default({}), ...page }))
    .query(({ ctx, input }) => listRequests(ctx, input.filter, input)),
});
