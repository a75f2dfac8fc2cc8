import { z } from "zod";
import { pageLimitSchema } from "@/server/core/pagination";
import { MailFilterSchema } from "@/server/domain/mail/schema";
import { listMails } from "@/server/domain/mail/service";
import { router, withPermission } from "../init";

const page = { limit: pageLimitSchema, cursor: z.string().max(200).nullish() };

/** Mails to people, without their texts: those are on the record's page alone. */
export const mailsRouter = router({
  list: withPermission("mails:read")
    .input(z.strictObject({ filter: MailFilterSchema.default({}), ...page }))
    .query(({ ctx, input }) => listMails(ctx, input.filter, input)),
});
