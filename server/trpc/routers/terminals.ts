import { z } from "zod";
import { pageLimitSchema } from "@/server/core/pagination";
import { TERMINAL_SORTS, TerminalFilterSchema } from "@/server/domain/terminals/schema";
import { getTerminal, listTerminals } from "@/server/domain/terminals/service";
import { router, withPermission } from "../init";
import { sortSchema } from "../sort";

const reading = withPermission("terminals:read");

/** Terminals of the mode that is looked at: lists answer `{ items, nextCursor, total }`. */
export const terminalsRouter = router({
  list: reading
    .input(
      z.strictObject({
        filter: TerminalFilterSchema.default({}),
        limit: pageLimitSchema,
        cursor: z.string().max(200).nullish(),
        sort: sortSchema(TERMINAL_SORTS),
      }),
    )
    .query(({ ctx, input }) => listTerminals(ctx, input.filter, { ...input, sort: input.sort ?? "-created_at" })),

  /** Errors: terminal_not_found. */
  get: reading.input(z.strictObject({ id: z.string().max(60) })).query(({ ctx, input }) => getTerminal(ctx, input.id)),
});
