import { z } from "zod";
import type { ServiceContext } from "@/server/context";
import { AppError, isAppError } from "@/server/core/errors";
import { formatMoney } from "@/server/core/money";
import { requestApproval } from "@/server/domain/approvals/service";
import { RefundPayloadSchema, refundPayload } from "./refund-payload";
import { refundPayment } from "./refunds";
import { findPayment } from "./repository";
import type { CreateRefundInput, RefundSnapshot } from "./schema";

/* Refunds above a Partner's limit: asked for by one person, approved by another, made once. */

const AskedSchema = z.object({ amount: z.int().min(1), capture: z.string().nullable() });

export type RefundOutcome =
  | { kind: "refund"; refund: RefundSnapshot }
  | { kind: "approval"; approvalId: string; isNew: boolean; amount: number; currency: string };

/**
 * Refunds, or asks for a second person where the Partner's limit says so: then nothing is sent and the answer names the
 * request. `options.key` as for `refundPayment`. Errors: those of `refundPayment` but approval_required.
 */
export async function refundOrAsk(
  ctx: ServiceContext,
  paymentId: string,
  input: CreateRefundInput,
  options: { key?: string } = {},
): Promise<RefundOutcome> {
  try {
    return { kind: "refund", refund: await refundPayment(ctx, paymentId, input, options) };
  } catch (error) {
    if (!isAppError(error) || error.code !== "approval_required") throw error;
    const asked = AskedSchema.parse(error.params);
    const payment = await findPayment(ctx.db, ctx.scope, paymentId);
    if (!payment) throw new AppError("payment_not_found");
    const { amount, capture } = asked;
    const money = { amount: asked.amount, currency: payment.currency };
    const { id, isNew } = await requestApproval(ctx, {
      kind: "REFUND",
      partnerId: payment.partnerId,
      subjectKind: "payment",
      subjectId: payment.id,
      payload: refundPayload(payment.id, { ...input, amount, ...(capture === null ? {} : { capture }) }),
      summary: `Refund of ${formatMoney(money.amount, money.currency)} on ${payment.reference}`.slice(0, 180),
      money,
      reason: input.reason ?? null,
    });
    return { kind: "approval", approvalId: id, isNew, ...money };
  }
}

/**
 * Makes the refund that was approved, as whoever asks for it now. Errors: those of `refundPayment`; approval_refused when
 * the approval was used, has ended or says something else.
 */
export function executeRefund(ctx: ServiceContext, approvalId: string, payload: unknown): Promise<RefundSnapshot> {
  const parsed = RefundPayloadSchema.safeParse(payload);
  if (!parsed.success) throw new AppError("approval_refused", { cause: parsed.error });
  const { payment, ...input } = parsed.data;
  return refundPayment(ctx, payment, input, { approvalId });
}
