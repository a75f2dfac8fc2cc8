import { z } from "zod";
import { pageLimitSchema } from "@/server/core/pagination";
import { RunFilterSchema } from "@/server/domain/engine/schema";
import { listRuns } from "@/server/domain/engine/service";
import { InboxFilterSchema } from "@/server/domain/inbox/schema";
import { listInbox } from "@/server/domain/inbox/service";
import { AlarmFilterSchema, OperationFilterSchema } from "@/server/domain/overview/schema";
import { listAlarms, listOperations } from "@/server/domain/overview/service";
import { router, withPermission } from "../init";

const page = { limit: pageLimitSchema, cursor: z.string().max(200).nullish() };

/** What the machinery has received and done. */
export const systemRouter = router({
  inbox: withPermission("klarna_events:read")
    .input(z.strictObject({ filter: InboxFilterSchema.default({}), ...page }))
    .query(({ ctx, input }) => listInbox(ctx, input.filter, input)),
  alarms: withPermission("system:read")
    .input(z.strictObject({ filter: AlarmFilterSchema.default({}), ...page }))
    .query(({ ctx, input }) => listAlarms(ctx, input.filter, input)),
  operations: withPermission("system:read")
    .input(z.strictObject({ filter: OperationFilterSchema.default({}), ...page }))
    .query(({ ctx, input }) => listOperations(ctx, input.filter, input)),
  runs: withPermission("system:read")
    .input(z.strictObject({ filter: RunFilterSchema.default({}), ...page }))
    .query(({ ctx, input }) => listRuns(ctx, input.filter, input)),
});
