import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import { SaveViewSchema, ViewScreenSchema } from "@/server/domain/views/schema";
import { deleteView, listViews, saveView } from "@/server/domain/views/service";
import { router, withPermission } from "../init";

// Everybody who signs in has views; sharing them is a permission of its own.
const own = withPermission("sessions:own");

/** Filters, sort and columns of lists under a name. */
export const viewsRouter = router({
  list: own.input(z.strictObject({ screen: ViewScreenSchema })).query(({ ctx, input }) => listViews(ctx, input.screen)),
  /** One's own view of the same name is replaced. Errors: permission_denied (sharing), validation_failed, rule_broken. */
  save: own.input(SaveViewSchema).mutation(({ ctx, input }) => saveView(ctx, input)),
  /** Errors: not_found. */
  delete: own
    .input(z.strictObject({ id: idSchema("savedView") }))
    .mutation(({ ctx, input }) => deleteView(ctx, input.id)),
});
