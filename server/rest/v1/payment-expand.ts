import { z } from "zod";
import { actorCan } from "@/server/auth/permissions";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { PublicPayment } from "@/server/domain/payments/schema";
import { listPaymentCaptures, listRefunds } from "@/server/domain/payments/service";
import { findPublicStores } from "@/server/domain/stores/service";
import { findPublicTerminals } from "@/server/domain/terminals/service";
import { CaptureSchema, listSchema, PaymentSchema, RefundSchema } from "./shared";
import { StoreSchema } from "./stores";
import { TerminalSchema } from "./terminals";

/* `?expand=`: the neighbours of a payment in it, instead of their ids. */

/** Of one payment. */
export const EXPANSIONS = ["store", "terminal", "captures", "refunds"] as const;
/** Of each payment of a page: what one more read gives for all of them. */
export const LIST_EXPANSIONS = ["store", "terminal"] as const;
type Expansion = (typeof EXPANSIONS)[number];

const expanded = {
  store: z.union([StoreSchema, PaymentSchema.shape.store]),
  terminal: z.union([TerminalSchema, PaymentSchema.shape.terminal]),
};
export const ExpandedPaymentSchema = PaymentSchema.extend({
  ...expanded,
  captures: z.array(CaptureSchema).optional(),
  refunds: z.array(RefundSchema).optional(),
}).meta({ id: "ExpandedPayment", description: "A payment with what `expand` asked for in it." });
export const ExpandedPaymentListSchema = listSchema(PaymentSchema.extend(expanded)).meta({ id: "ExpandedPaymentList" });
type PlacedPayment = Omit<PublicPayment, "store" | "terminal"> & {
  store: z.infer<typeof expanded.store>;
  terminal: z.infer<typeof expanded.terminal>;
};

/** A key sees the neighbours that it may read by themselves. Errors: scope_missing. */
function requireScopes(ctx: ServiceContext, expansions: readonly Expansion[]): void {
  const needed = { store: "stores:read", terminal: "terminals:read", captures: null, refunds: null } as const;
  for (const expansion of expansions) {
    const permission = needed[expansion];
    if (permission !== null && !actorCan(ctx.actor, permission))
      throw new AppError("scope_missing", { detail: "The API key needs the scope stores:read to expand this." });
  }
}

const idsOf = (things: readonly ({ id: string } | null)[]): string[] => [
  ...new Set(things.flatMap((thing) => (thing === null ? [] : [thing.id]))),
];

/** Payments with their stores and terminals whole, by one read of each kind. Errors: scope_missing. */
export async function expandPlaces(
  ctx: ServiceContext,
  payments: readonly PublicPayment[],
  expansions: readonly Expansion[],
): Promise<PlacedPayment[]> {
  requireScopes(ctx, expansions);
  const [stores, terminals] = await Promise.all([
    expansions.includes("store") ? findPublicStores(ctx, idsOf(payments.map((payment) => payment.store))) : null,
    expansions.includes("terminal")
      ? findPublicTerminals(ctx, idsOf(payments.map((payment) => payment.terminal)))
      : null,
  ]);
  return payments.map((payment) => ({
    ...payment,
    store: stores?.get(payment.store?.id ?? "") ?? payment.store,
    terminal: terminals?.get(payment.terminal?.id ?? "") ?? payment.terminal,
  }));
}

/** One payment with what was asked for in it, operations newest first. Errors: scope_missing, payment_not_found. */
export async function expandPayment(
  ctx: ServiceContext,
  payment: PublicPayment,
  expansions: readonly Expansion[],
): Promise<z.infer<typeof ExpandedPaymentSchema>> {
  const [placed] = await expandPlaces(ctx, [payment], expansions);
  const [captures, refunds] = await Promise.all([
    expansions.includes("captures") ? listPaymentCaptures(ctx, payment.id) : null,
    expansions.includes("refunds") ? listRefunds(ctx, payment.id) : null,
  ]);
  return {
    ...(placed ?? payment),
    ...(captures === null ? {} : { captures: captures.toReversed() }),
    ...(refunds === null ? {} : { refunds: refunds.toReversed() }),
  };
}
