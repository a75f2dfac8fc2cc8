import { z } from "zod";
import { lineSchema } from "@/server/core/schema";

export const AUDIT_ACTOR_KINDS = ["USER", "API_KEY", "KLARNA", "SYSTEM"] as const;
export const AuditActorKindSchema = z.enum(AUDIT_ACTOR_KINDS);

export const AuditFilterSchema = z.strictObject({
  /** Any id of a thing: a payment, a Partner, an API key. */
  subject: lineSchema(1, 60).optional(),
  subjectKind: lineSchema(1, 40).optional(),
  /** An action (`payment.canceled`) or its first part (`payment`). */
  action: lineSchema(1, 80).optional(),
  actorKind: AuditActorKindSchema.optional(),
  actor: lineSchema(1, 60).optional(),
  partner: lineSchema(1, 60).optional(),
  createdFrom: z.coerce.date().optional(),
  createdTo: z.coerce.date().optional(),
});
export type AuditFilter = z.infer<typeof AuditFilterSchema>;

/** One entry as people read it. `before` and `after` were masked when they were written. */
export type AuditItem = {
  id: string;
  partnerId: string | null;
  partnerName: string | null;
  mode: string | null;
  actorKind: (typeof AUDIT_ACTOR_KINDS)[number];
  actorId: string;
  actorName: string;
  way: string;
  action: string;
  subjectKind: string;
  subjectId: string;
  requestId: string | null;
  before: unknown;
  after: unknown;
  createdAt: Date;
};
