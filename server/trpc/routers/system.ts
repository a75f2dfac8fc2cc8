import { z } from "zod";
import { pageLimitSchema } from "@/server/core/pagination";
import { InboxFilterSchema } from "@/server/domain/overview/schema";
import { listInbox } from "@/server/domain/overview/service";
import { router, withPermission } from "../init";

const page = { limit: pageLimitSchema, cursor: z.string().max(200).nullish() };

/** What the machinery has received and done. */
export const systemRouter = router({
  inbox: withPermission("system:read")
    .input(z.strictObject({ filter: InboxFilterSchema.default({}), ...page }))
    .query(({ ctx, input }) => listInbox(ctx, input.filter, input)),
});
