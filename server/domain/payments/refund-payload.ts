import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import { type CreateRefundInput, CreateRefundSchema } from "./schema";

/** Exactly what an approved refund does: nothing is left to "the rest". It names a capture, or the lines of several. */
export const RefundPayloadSchema = CreateRefundSchema.required({ amount: true }).extend({
  payment: idSchema("payment"),
});

/** The form in which an approval is bound to a refund; what is not given does not stand in it. */
export function refundPayload(
  paymentId: string,
  input: CreateRefundInput & { amount: number },
): z.infer<ReturnType<typeof z.json>> {
  return z.json().parse(JSON.parse(JSON.stringify({ ...input, payment: paymentId })));
}
