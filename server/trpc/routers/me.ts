import { z } from "zod";
import { endOwnSessions, listSessionsOf } from "@/server/auth/own-sessions";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { procedure, router, withPermission } from "../init";

/** The person who is signed in, and the browsers in which they are. */
export const meRouter = router({
  get: procedure.query(({ ctx }) => {
    const { roleName, permissions, ...user } = ctx.session.user;
    return {
      user: { ...user, roleLabel: roleName },
      permissions,
      partners: ctx.scope.partners,
      mode: ctx.scope.mode,
      session: { id: ctx.session.id, expiresAt: ctx.session.expiresAt },
    };
  }),

  sessions: router({
    list: withPermission("sessions:own").query(async ({ ctx }) => {
      const sessions = await listSessionsOf(ctx, ctx.session.user);
      return sessions.map((session) => ({ ...session, isCurrent: session.id === ctx.session.id }));
    }),

    /** Another person's session is answered as one that does not exist. Errors: not_found. */
    end: withPermission("sessions:own")
      .input(z.strictObject({ id: idSchema("session") }))
      .mutation(async ({ ctx, input }) => {
        const ended = await endOwnSessions(ctx, ctx.session.user.id, { only: input.id });
        if (ended.length === 0) throw new AppError("not_found");
        return { ended: ended.length };
      }),

    /** All but the one that asks. */
    endOthers: withPermission("sessions:own").mutation(async ({ ctx }) => {
      const ended = await endOwnSessions(ctx, ctx.session.user.id, { except: ctx.session.id });
      return { ended: ended.length };
    }),
  }),
});
