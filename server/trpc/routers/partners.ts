import { z } from "zod";
import { pageLimitSchema } from "@/server/core/pagination";
import { PartnerFilterSchema } from "@/server/domain/partners/schema";
import { getPartner, listPartnerChoices, listPartners } from "@/server/domain/partners/service";
import { router, withPermission } from "../init";

const reading = withPermission("partners:read");

/** Partners: lists answer `{ items, nextCursor, total }`. */
export const partnersRouter = router({
  list: reading
    .input(
      z.strictObject({
        filter: PartnerFilterSchema.default({}),
        limit: pageLimitSchema,
        cursor: z.string().max(200).nullish(),
      }),
    )
    .query(({ ctx, input }) => listPartners(ctx, input.filter, input)),

  /** Id and name by name, for pickers. */
  choices: reading
    .input(z.strictObject({ search: z.string().trim().max(255).optional() }).default({}))
    .query(({ ctx, input }) => listPartnerChoices(ctx, input.search || undefined)),

  /** Errors: not_found. */
  get: reading.input(z.strictObject({ id: z.string().max(60) })).query(({ ctx, input }) => getPartner(ctx, input.id)),
});
