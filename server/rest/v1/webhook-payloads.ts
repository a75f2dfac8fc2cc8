import { z } from "zod";
import { modeSchema } from "@/server/core/schema";
import { lowerCase } from "@/server/core/text";
import { ACCOUNT_STATES, PARTNER_STATES, PRODUCT_STATES } from "@/server/domain/partners/states";
import { PublicEventSchema } from "@/server/domain/webhooks/schema";
import { EVENT_TYPES, type EventType } from "@/server/events/catalog";
import { CaptureSchema, moment, PaymentSchema, RefundSchema } from "./shared";
import { StoreSchema } from "./stores";
import { EndpointSchema } from "./webhook-endpoints";

/* What webhooks carry, one schema for each type of event: the document and the tests take it from here. */

const lower = <T extends string>(words: readonly T[]): Lowercase<T>[] => words.map(lowerCase);

const PartnerSubjectSchema = z
  .object({
    id: z.string(),
    object: z.literal("partner"),
    mode: modeSchema,
    reference: z.string(),
    status: z.enum(lower(PARTNER_STATES)),
    account_status: z.enum(lower(ACCOUNT_STATES)),
    product_status: z.enum(lower(PRODUCT_STATES)),
    updated_at: moment,
  })
  .meta({ id: "PartnerStatus", description: "Whether the Partner can take payments, and what stands in the way." });

/** The object that the events of a family are about. Families that nothing announces yet are not in it. */
const SUBJECTS: Readonly<Record<string, z.ZodType>> = {
  payment: PaymentSchema,
  capture: CaptureSchema,
  refund: RefundSchema,
  store: StoreSchema,
  partner: PartnerSubjectSchema,
  webhook_endpoint: EndpointSchema,
};

const familyOf = (type: EventType): string => type.split(".")[0] ?? type;

export type WebhookPayload = { type: EventType; schema: z.ZodType };

/** The body of the webhook of each type that there is. */
export const WEBHOOK_PAYLOADS: readonly WebhookPayload[] = EVENT_TYPES.flatMap((type) => {
  const subject = SUBJECTS[familyOf(type)];
  if (subject === undefined) return [];
  const schema = PublicEventSchema.extend({
    type: z.literal(type),
    data: PublicEventSchema.shape.data.extend({ object: subject }),
  });
  return [{ type, schema }];
});
