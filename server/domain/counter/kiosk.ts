import type { ServiceContext } from "@/server/context";
import { type Language, localeFor } from "@/server/core/languages";
import { listPaymentMethods } from "@/server/domain/payments/service";
import type { CounterPlace } from "@/server/domain/terminals/schema";
import { readKlarnaPicture } from "@/server/klarna/pictures";
import type { KioskMethod } from "./schema";

/**
 * How Klarna wants to be offered at this kiosk, in its own words, with a picture that the page may show.
 * Errors: permission_denied, partner_not_operational, store_not_found, terminal_not_found. Source: KNR-F4, KNR-G3.
 */
export async function kioskMethod(
  ctx: ServiceContext,
  place: CounterPlace,
  input: { amount: number; currency: string; language: Language },
): Promise<KioskMethod> {
  const [method] = await listPaymentMethods(
    ctx,
    {
      amount: input.amount,
      currency: input.currency,
      locale: localeFor(input.language, place.country),
      store: place.storeId,
      terminal: place.terminalId,
      intent: "pay",
    },
    { partnerId: place.partnerId },
  );
  const simulator = ctx.scope.mode === "test" ? (ctx.env.SIMULATOR_CONTROL_URL ?? null) : null;
  const address = method?.images.badge ?? method?.images.square ?? null;
  const source = address === null ? null : await readKlarnaPicture(address, simulator, ctx.clock.now().getTime());
  return {
    isAvailable: method?.available ?? false,
    isUnreachable: method?.reason === "temporarily_unavailable",
    instruction: method?.instruction ?? "hide",
    paymentOptionId: method?.payment_option_id ?? null,
    header: method?.texts.header ?? null,
    subheader: method?.texts.subheader ?? null,
    message: method?.texts.message ?? null,
    badge: method?.texts.badge ?? null,
    button: method?.texts.button ?? null,
    termsUrl: method?.texts.terms_url ?? null,
    image: source === null ? null : { source, alt: method?.images.alt ?? "Klarna" },
  };
}
