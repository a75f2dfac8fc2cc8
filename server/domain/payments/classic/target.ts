import type { ServiceContext } from "@/server/context";
import { openClassicHost } from "@/server/domain/classic/service";
import type { PaymentRecord } from "@/server/domain/payments/rows";
import type { ClassicTarget } from "@/server/klarna/classic";
import type { KlarnaOutcome } from "@/server/klarna/client";

/** Makes a call with the Partner's own credentials; without any nothing leaves us. */
export async function callClassic(
  ctx: ServiceContext,
  payment: Pick<PaymentRecord, "id" | "partnerId" | "mode">,
  call: (target: ClassicTarget) => Promise<KlarnaOutcome>,
): Promise<KlarnaOutcome> {
  const host = await openClassicHost(ctx, payment);
  if (host === null) return { kind: "not_sent", reason: "no_credentials", calls: [] };
  return call({ client: ctx.klarna, mode: payment.mode, host, sessionReference: payment.id });
}
