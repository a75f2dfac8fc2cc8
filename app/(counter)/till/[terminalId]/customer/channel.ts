import { z } from "zod";
import { LANGUAGES } from "@/server/core/languages";
import { CounterPaymentSchema } from "@/server/domain/counter/schema";

/* Between the till and the customer's screen: two windows of one browser. */

export const customerChannel = (terminalId: string): string => `tillgate-customer:${terminalId}`;
export const CustomerMessageSchema = z.object({
  kind: z.literal("show"),
  payment: CounterPaymentSchema.nullable(),
  language: z.enum(LANGUAGES),
});
export type CustomerMessage = z.infer<typeof CustomerMessageSchema>;
