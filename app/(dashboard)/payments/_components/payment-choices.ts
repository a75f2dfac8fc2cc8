import "server-only";
import { actorCan } from "@/server/auth/permissions";
import type { ServiceContext } from "@/server/context";
import { listPartnerChoices } from "@/server/domain/partners/service";
import { currenciesTaken } from "@/server/domain/payments/service";
import { listStores } from "@/server/domain/stores/service";
import { listTerminals } from "@/server/domain/terminals/service";
import type { PaymentChoices } from "./payments-table";

/** More than this are not read through; one types a reference instead. */
const LISTED_MAX = 100;

export async function paymentChoices(ctx: ServiceContext): Promise<PaymentChoices> {
  const page = { limit: LISTED_MAX };
  const [partners, stores, terminals] = await Promise.all([
    actorCan(ctx.actor, "partners:read") ? listPartnerChoices(ctx) : [],
    actorCan(ctx.actor, "stores:read") ? listStores(ctx, {}, page) : null,
    actorCan(ctx.actor, "terminals:read") ? listTerminals(ctx, {}, page) : null,
  ]);
  return {
    partners: partners.map(({ id, name }) => ({ value: id, label: name })),
    stores:
      stores === null || stores.nextCursor !== null
        ? null
        : stores.items.map((store) => ({ value: store.id, label: store.name, hint: store.reference })),
    terminals:
      terminals === null || terminals.nextCursor !== null
        ? null
        : terminals.items.map((terminal) => ({
            value: terminal.id,
            label: terminal.label,
            hint: `${terminal.store.reference} · ${terminal.reference}`,
          })),
    currencies: currenciesTaken(ctx),
  };
}
