import "server-only";
import { cookies } from "next/headers";
import type { z } from "zod";
import { cookieOptions } from "@/server/auth/cookies";
import { webServices } from "@/server/auth/web";
import { SECOND_MS } from "@/server/core/time";
import type { CounterPayment, TakeSchema } from "@/server/domain/counter/schema";
import { getAtCounter, takeAtCounter } from "@/server/domain/counter/service";
import { issueDisplayToken } from "@/server/domain/payments/service";
import { displayCookieName } from "@/server/rest/display";
import type { CounterEntry } from "./access";
import { onceForNonce } from "./once";

const KEPT_AFTER_S = 600;

/** Takes a payment for an attempt of the till or kiosk, and lets this browser follow it. Pressed twice, it is one payment. */
export async function takeOnce(
  { ctx, place }: CounterEntry,
  input: z.output<typeof TakeSchema>,
): Promise<CounterPayment> {
  const { nonce, shortCode, ...rest } = input;
  const sale = shortCode === null ? rest : { ...rest, shortCode };
  const payment = await onceForNonce(
    ctx,
    { partnerId: place.partnerId, verb: "COUNTER TAKE", nonce, input: sale },
    (claiming) => takeAtCounter(claiming, place, input),
    (id) => getAtCounter(ctx, id),
  );
  await letFollow(payment);
  return payment;
}

/** The cookie with which the payment's event stream is heard here: of this one payment, never readable by scripts. */
export async function letFollow(payment: CounterPayment): Promise<void> {
  const services = webServices();
  const leftS = (Date.parse(payment.expires_at) - services.clock.now().getTime()) / SECOND_MS;
  (await cookies()).set({
    ...cookieOptions(services.env),
    name: displayCookieName(payment.id),
    value: issueDisplayToken(services, payment.id),
    path: `/api/v1/payments/${payment.id}`,
    maxAge: Math.max(0, Math.round(leftS)) + KEPT_AFTER_S,
  });
}
