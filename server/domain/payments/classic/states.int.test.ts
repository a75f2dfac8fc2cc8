import { expect, it } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "@/server/core/time";
import {
  advanceDuePayments,
  cancelPayment,
  createPayment,
  getPayment,
  voidPayment,
} from "@/server/domain/payments/service";
import { PAYMENT_STATES, type PaymentState } from "@/server/domain/payments/states";
import { classicHarness } from "@/server/testing/classic-harness";
import { expectGuardedMoves } from "@/server/testing/payment-moves";

/* Every state of the public table is reached by classic sessions too, with the moves that the table has for them alone. */

const h = classicHarness();

async function played(action: string): Promise<string> {
  const id = await h.distributed("qr", { capture: "manual" });
  await h.classic.play(await h.sessionOf(id), action);
  return id;
}
async function authorized(): Promise<string> {
  const id = await played("complete");
  await h.becomes(id, "authorized");
  return id;
}

/** How each state comes about. Answers with the payment that is in it. */
const WAYS: Readonly<Record<PaymentState, () => Promise<string>>> = {
  PROCESSING: async () => {
    await h.lose("classic_create_session", "cut_after", null);
    return (await createPayment(h.ctx, await h.body("qr"))).id;
  },
  PENDING: () => h.distributed("qr"),
  IN_PROGRESS: () => played("open"),
  FINALIZING: async () => {
    const id = await h.distributed("qr");
    await h.lose("order_capture", "cut_before", null);
    await h.classic.play(await h.sessionOf(id), "complete");
    return id;
  },
  AUTHORIZED: authorized,
  AUTHORIZATION_EXPIRED: async () => {
    const id = await authorized();
    await h.passTime(28 * DAY_MS + HOUR_MS);
    return id;
  },
  COMPLETED: async () => {
    const id = await h.distributed("qr");
    await h.classic.play(await h.sessionOf(id), "complete");
    return id;
  },
  VOIDED: async () => (await voidPayment(h.ctx, await authorized())).id,
  DECLINED: () => played("decline"),
  CANCELED: async () => (await cancelPayment(h.ctx, await h.distributed("qr"))).id,
  EXPIRED: async () => {
    const id = await h.distributed("qr");
    await h.passTime(20 * MINUTE_MS);
    return id;
  },
  FAILED: async () => {
    const id = await h.started("qr");
    await h.asMerchant("POST", `/payments/v1/sessions/${await h.sessionOf(id)}`, {
      order_amount: 21_000,
      order_lines: [{ name: "Bouquet", quantity: 1, unit_price: 21_000, total_amount: 21_000 }],
    });
    await h.becomes(id, "pending");
    await h.classic.play(await h.sessionOf(id), "complete");
    return id;
  },
};

it.each(PAYMENT_STATES)("%s is reached, and leads only where the table says", async (state) => {
  await h.freshPartner();
  await h.letThrough();
  const id = await WAYS[state]();
  await h.becomes(id, state.toLowerCase());
  await advanceDuePayments(h.services);
  expect((await getPayment(h.ctx, id)).status).toBe(state.toLowerCase());
  await expectGuardedMoves(h.services.db, "CLASSIC", state, id);
});
