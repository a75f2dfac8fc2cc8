import { z } from "zod";
import { lineSchema } from "@/server/core/schema";
import { MAIL_STATES, type MailState } from "./states";

/** What a mail is about: a short word such as `password_reset`, for lists and tests. */
export const MailKindSchema = z.string().regex(/^[a-z][a-z_]{2,39}$/);

export const MailFilterSchema = z.strictObject({
  /** A mail's id, or part of its address or subject. */
  search: lineSchema(1, 255).optional(),
  state: z.array(z.enum(MAIL_STATES)).optional(),
  createdFrom: z.iso.datetime({ offset: true }).optional(),
  createdTo: z.iso.datetime({ offset: true }).optional(),
});
export type MailFilter = z.infer<typeof MailFilterSchema>;

export type MailItem = {
  id: string;
  kind: string;
  partnerId: string | null;
  partnerName: string | null;
  to: string;
  subject: string;
  state: MailState;
  attempts: number;
  failure: string | null;
  createdAt: Date;
  sentAt: Date | null;
  nextAttemptAt: Date | null;
};

/** `text` is null when the mail held a link that lets someone in and is not for other eyes. */
export type MailRecord = MailItem & { text: string | null; holdsLink: boolean };
