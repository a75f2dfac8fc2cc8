import { z } from "zod";
import { getRole, listRoles } from "@/server/domain/people/service";
import { router, withPermission } from "../init";

const reading = withPermission("users:read");

/** Roles: the built-in ones and those that people made. */
export const rolesRouter = router({
  list: reading.query(({ ctx }) => listRoles(ctx)),

  /** Errors: not_found. */
  get: reading.input(z.strictObject({ id: z.string().max(60) })).query(({ ctx, input }) => getRole(ctx, input.id)),
});
