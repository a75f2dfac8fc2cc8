import { z } from "zod";
import { pageLimitSchema } from "@/server/core/pagination";
import { PersonFilterSchema } from "@/server/domain/people/schema";
import { getPerson, listPeople } from "@/server/domain/people/service";
import { router, withPermission } from "../init";

const reading = withPermission("users:read");

/** People who sign in: a Partner's people find those of their Partners only. */
export const peopleRouter = router({
  list: reading
    .input(
      z.strictObject({
        filter: PersonFilterSchema.default({}),
        limit: pageLimitSchema,
        cursor: z.string().max(200).nullish(),
      }),
    )
    .query(({ ctx, input }) => listPeople(ctx, input.filter, input)),

  /** Errors: not_found. */
  get: reading.input(z.strictObject({ id: z.string().max(60) })).query(({ ctx, input }) => getPerson(ctx, input.id)),
});
