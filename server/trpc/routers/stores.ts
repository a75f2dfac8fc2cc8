import { z } from "zod";
import { pageLimitSchema } from "@/server/core/pagination";
import { STORE_SORTS, StoreFilterSchema } from "@/server/domain/stores/schema";
import { getStore, listStoreChoices, listStoreGroupChoices, listStores } from "@/server/domain/stores/service";
import { router, withPermission } from "../init";
import { sortSchema } from "../sort";

const reading = withPermission("stores:read");

/** Stores of the mode that is looked at: lists answer `{ items, nextCursor, total }`. */
export const storesRouter = router({
  list: reading
    .input(
      z.strictObject({
        filter: StoreFilterSchema.default({}),
        limit: pageLimitSchema,
        cursor: z.string().max(200).nullish(),
        sort: sortSchema(STORE_SORTS),
      }),
    )
    .query(({ ctx, input }) => listStores(ctx, input.filter, { ...input, sort: input.sort ?? "-created_at" })),

  /** Id, reference and name by name, for pickers. */
  choices: reading.input(StoreFilterSchema.default({})).query(({ ctx, input }) => listStoreChoices(ctx, input)),

  /** Groups in use of one Partner, for pickers. */
  groups: reading
    .input(z.strictObject({ partner: z.string().max(60) }))
    .query(({ ctx, input }) => listStoreGroupChoices(ctx, input.partner)),

  /** Errors: store_not_found. */
  get: reading.input(z.strictObject({ id: z.string().max(60) })).query(({ ctx, input }) => getStore(ctx, input.id)),
});
