import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "@/server/core/time";
import { expectGuardedMoves } from "@/server/testing/payment-moves";
import { paymentHarness } from "@/server/testing/payments";
import { advanceDuePayments, cancelPayment, reauthorizePayment, voidPayment } from "./service";
import { PAYMENT_STATES, type PaymentState, PUBLIC_STATUSES } from "./states";

/*
 * Every state of the public table is reached here by what really happens, and from each of them the database lets nothing
 * happen that the table does not have.
 */

const h = paymentHarness();

async function pending(expiresIn = 900): Promise<{ id: string; request: string }> {
  const payment = await h.create({ amount: 11_850, expires_in: expiresIn });
  expect(payment.status).toBe("pending");
  return { id: payment.id, request: payment.klarna.payment_request_id ?? "" };
}

/** How each state comes about. Answers with the payment that is in it. */
const WAYS: Readonly<Record<PaymentState, () => Promise<string>>> = {
  PROCESSING: async () => {
    await h.control.fault({ operation: "authorize", kind: "cut_after", account: h.partner.account.id, times: null });
    const { id } = await h.create({ amount: 11_850 });
    await h.control.clearFaults();
    return id;
  },
  PENDING: async () => (await pending()).id,
  IN_PROGRESS: async () => {
    const { id, request } = await pending();
    await h.control.play(request, "open");
    await h.settleWebhooks();
    return id;
  },
  FINALIZING: async () => {
    const { id, request } = await pending();
    await h.control.fault({
      operation: "authorize_final",
      kind: "cut_after",
      account: h.partner.account.id,
      times: null,
    });
    await h.control.play(request, "complete");
    await h.settleWebhooks();
    await h.control.clearFaults();
    return id;
  },
  AUTHORIZED: () => h.authorized(),
  AUTHORIZATION_EXPIRED: async () => {
    const id = await h.authorized();
    await h.passTime(28 * DAY_MS + HOUR_MS);
    await advanceDuePayments(h.services);
    return id;
  },
  COMPLETED: () => h.completed(),
  VOIDED: async () => (await voidPayment(h.ctx, await h.authorized())).id,
  DECLINED: async () => (await h.create({ amount: 10_001 })).id,
  CANCELED: async () => (await cancelPayment(h.ctx, (await pending()).id)).id,
  EXPIRED: async () => {
    const { id } = await pending();
    await h.sweepFor(20 * MINUTE_MS, 5 * MINUTE_MS);
    return id;
  },
  // Nobody heard that the customer had approved, until the 60 minutes for the final call were over.
  FAILED: async () => {
    const { id, request } = await pending(7_200);
    h.webhooks.hold();
    await h.control.play(request, "complete");
    await h.passTime(61 * MINUTE_MS);
    h.webhooks.release();
    await advanceDuePayments(h.services);
    return id;
  },
};

const reached = new Map<PaymentState, string>();
/** States that end by themselves come last, so that time does not move the others on. */
const ORDER = [...PAYMENT_STATES].sort(
  (left, right) =>
    Number(left === "PROCESSING" || left === "PENDING") - Number(right === "PROCESSING" || right === "PENDING"),
);

describe("each state of the table", () => {
  it.each(ORDER)("is reached: %s", async (state) => {
    const id = await WAYS[state]();
    expect((await h.read(id)).status).toBe(state.toLowerCase());
    reached.set(state, id);
    await expectGuardedMoves(h.services.db, "NETWORK", state, id);
  });

  it("is every one that Partners are told of", () => {
    expect([...reached.keys()].map((state) => state.toLowerCase()).sort()).toEqual([...PUBLIC_STATUSES].sort());
  });

  it("leads back from the end of an authorization by renewing it", async () => {
    const id = await WAYS.AUTHORIZATION_EXPIRED();
    expect((await reauthorizePayment(h.ctx, id)).status).toBe("authorized");
  });
});

describe("what the database keeps", () => {
  const change = (text: string, id: string): Promise<unknown> => h.services.db.query({ text, values: [id] });
  it("is the amount, which can be lowered only, and the amount and end of captures and refunds", async () => {
    const id = await h.authorized();
    await expect(
      change("update payments set amount = amount + 1, version = version + 1 where id = $1", id),
    ).rejects.toThrow(/never raised/);
    await expect(change("update payments set version = version + 2 where id = $1", id)).rejects.toThrow(/version/);
    await expect(
      change("update payments set rail = 'CLASSIC', version = version + 1 where id = $1", id),
    ).rejects.toThrow(/identity/);
    const done = await h.completed();
    await expect(change("update captures set amount = amount - 1 where payment_id = $1", done)).rejects.toThrow(
      /amount stay/,
    );
    await expect(change("update captures set state = 'FAILED' where payment_id = $1", done)).rejects.toThrow(
      /does not lead to/,
    );
    await expect(change("delete from captures where payment_id = $1", done)).rejects.toThrow(/append-only/);
  });
});
