import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { type RunningSimulator, startSimulator } from "../testing";

/** Any order of operations on an order keeps its sums and its states. */

const AMOUNT = 10_000;
const NEXT: Record<string, readonly string[]> = {
  AUTHORIZED: ["AUTHORIZED", "PART_CAPTURED", "CAPTURED", "CANCELLED", "EXPIRED", "CLOSED"],
  PART_CAPTURED: ["PART_CAPTURED", "CAPTURED"],
  CAPTURED: ["CAPTURED", "PART_CAPTURED"],
  EXPIRED: ["EXPIRED", "AUTHORIZED", "CANCELLED", "CLOSED"],
  CANCELLED: ["CANCELLED"],
  CLOSED: ["CLOSED"],
};

const OrderSchema = z.looseObject({
  status: z.enum(["AUTHORIZED", "PART_CAPTURED", "CAPTURED", "CANCELLED", "EXPIRED", "CLOSED"]),
  order_amount: z.int(),
  captured_amount: z.int(),
  refunded_amount: z.int(),
  remaining_authorized_amount: z.int(),
  captures: z.array(z.looseObject({ captured_amount: z.int(), refunded_amount: z.int() })),
  refunds: z.array(z.looseObject({ refunded_amount: z.int() })),
});

let simulator: RunningSimulator;
beforeAll(async () => {
  simulator = await startSimulator();
});
afterAll(async () => {
  await simulator.close();
});

const amount = fc.integer({ min: 1, max: AMOUNT + 100 });
const operation = fc.oneof(
  fc.record({ method: fc.constant("POST"), path: fc.constant("/captures"), captured_amount: amount }),
  fc.record({ method: fc.constant("POST"), path: fc.constant("/refunds"), refunded_amount: amount }),
  fc.record({ method: fc.constant("PATCH"), path: fc.constant("/authorization"), order_amount: amount }),
  fc.constant({ method: "POST", path: "/cancel" }),
  fc.constant({ method: "POST", path: "/release-remaining-authorization" }),
  fc.constant({ method: "POST", path: "/extend-authorization-time" }),
  fc.record({ method: fc.constant("CLOCK"), path: fc.constant(""), days: fc.integer({ min: 1, max: 30 }) }),
);

it("no order of captures, refunds, changes, cancellations and days breaks an order's sums or states", async () => {
  const account = await simulator.control.account({ name: "Blommor Stockholm", country: "SE" });
  const headers = {
    authorization: `Basic ${simulator.apiKey}`,
    "klarna-partner-account": account.account_id,
    "content-type": "application/json",
  };
  async function call(method: string, path: string, body?: unknown) {
    const response = await simulator.fetch(
      new Request(`${simulator.url}${path}`, {
        method,
        headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
    const text = await response.text();
    const parsed: unknown = text === "" ? {} : JSON.parse(text);
    return { status: response.status, body: parsed };
  }

  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 14 }), async (operations) => {
      const session = await call("POST", "/payments/v1/sessions", {
        acquiring_channel: "in_store",
        purchase_country: "SE",
        purchase_currency: "SEK",
        locale: "en-SE",
        order_amount: AMOUNT,
        order_lines: [{ name: "Bouquet", quantity: 1, unit_price: AMOUNT, total_amount: AMOUNT }],
        attachment: {
          content_type: "application/vnd.klarna.internal.emd-v2+json",
          body: '{"in_store_payment":[{"store_info":{"merchant_store_id":"17"}}]}',
        },
        distribution: { method: "one_qr" },
      });
      const { session_id } = z.looseObject({ session_id: z.string() }).parse(session.body);
      const paid = await call("POST", `/_control/classic/sessions/${session_id}/play`, { action: "complete" });
      const { order_id } = z.looseObject({ order_id: z.string() }).parse(paid.body);
      const path = `/ordermanagement/v1/orders/${order_id}`;
      let last = OrderSchema.parse((await call("GET", path)).body);
      for (const { method, path: sub, ...body } of operations) {
        let status = 0;
        if (method === "CLOCK" && "days" in body) {
          await simulator.control.advance(body.days * 86_400_000, account.account_id);
        } else {
          const answer = await call(method, path + sub, body);
          expect([201, 204, 403], JSON.stringify(answer.body)).toContain(answer.status);
          status = answer.status;
        }
        const order = OrderSchema.parse((await call("GET", path)).body);
        if (status === 403) expect(order).toEqual(last);
        expect(NEXT[last.status]).toContain(order.status);
        expect(order.captures.reduce((sum, each) => sum + each.captured_amount, 0)).toBe(order.captured_amount);
        expect(order.captures.reduce((sum, each) => sum + each.refunded_amount, 0)).toBe(order.refunded_amount);
        expect(order.refunds.reduce((sum, each) => sum + each.refunded_amount, 0)).toBe(order.refunded_amount);
        expect(order.refunded_amount).toBeLessThanOrEqual(order.captured_amount);
        expect(order.captured_amount + order.remaining_authorized_amount).toBeLessThanOrEqual(order.order_amount);
        expect(order.order_amount).toBeLessThanOrEqual(AMOUNT);
        last = order;
      }
    }),
    { numRuns: 60 },
  );
});
