import type { ServiceContext } from "@/server/context";
import { openClassicHost } from "@/server/domain/classic/service";
import type { PaymentRecord } from "@/server/domain/payments/rows";
import type { ClassicTarget } from "@/server/klarna/classic";
import type { KlarnaOutcome } from "@/server/klarna/client";

/** Makes a call as the user that made the sale; without its credentials nothing leaves us. */
export async function callClassic(
  ctx: ServiceContext,
  payment: Pick<PaymentRecord, "id" | "partnerId" | "mode" | "classic">,
  call: (target: ClassicTarget) => Promise<KlarnaOutcome>,
): Promise<KlarnaOutcome> {
  const host = await openClassicHost(ctx, payment, payment.classic?.user);
  if (host === null) return { kind: "not_sent", reason: "no_credentials", calls: [] };
  return call({ client: ctx.klarna, mode: payment.mode, host, sessionReference: payment.id });
}
