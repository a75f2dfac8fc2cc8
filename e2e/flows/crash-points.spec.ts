import { expect, test } from "@playwright/test";
import { z } from "zod";
import { type Instance, startInstance } from "@/server/testing/instance";
import { brokenInvariants } from "@/server/testing/instance-database";
import { klarnaBooks } from "@/server/testing/klarna-books";
import { createTill, openReceiver, pause, type Receiver, ShopPaymentSchema, until } from "@/server/testing/shop";

/*
 * Killed at a chosen point of a call to Klarna, which the simulator holds open: before it acts (`slow_before`) and after it
 * has acted (`slow`). What the till or Klarna does then is what it does in life: repeat.
 */

const HELD_MS = 2_500;
const POINTS = [
  { point: "slow_before", what: "before Klarna acts" },
  { point: "slow", what: "after Klarna has acted" },
] as const;

test.describe("one instance, killed at chosen points", () => {
  let instance: Instance;
  let receiver: Receiver;
  let till: ReturnType<typeof createTill>;
  let books: ReturnType<typeof klarnaBooks>;
  let account: string;
  let count = 0;

  test.beforeAll(async () => {
    test.setTimeout(300_000);
    instance = await startInstance();
    till = createTill({ url: instance.url, apiKey: instance.demo.api_key });
    books = klarnaBooks(instance.demo.simulator.url);
    account = instance.demo.simulator.partner_account_id;
    receiver = await openReceiver(till);
  });
  test.afterAll(async () => {
    await receiver?.close();
    const faults = instance?.contractFaults();
    await instance?.stop();
    expect(faults).toEqual([]);
  });

  const newReference = (): string => {
    count += 1;
    return `POINT-${Date.now().toString(36)}-${count}`;
  };
  const create = async (reference: string, amount = 11_850) => {
    const { demo } = instance;
    const answer = await till.call("POST", "/api/v1/payments", {
      key: reference,
      body: {
        amount,
        currency: demo.currency,
        reference,
        launch: "qr",
        store: { id: demo.store.id },
        terminal: { id: demo.terminal.id },
      },
    });
    expect([201, 202], JSON.stringify(answer.json)).toContain(answer.status);
    return ShopPaymentSchema.parse(answer.json);
  };
  const status = (id: string, wanted: string) =>
    until(`${id} to be ${wanted}`, 90_000, async () => {
      const payment = await till.read(id);
      return payment.status === wanted ? payment : null;
    });
  /** Until the simulator holds this many calls open, then `kill -9`. */
  const killInTheMiddle = async (victim: "gateway" | "engine", faults: number) => {
    await until("the calls to be under way", 15_000, async () => (await books.armedFaults()) <= 0, 20);
    expect(faults).toBeGreaterThan(0);
    await pause(50);
    const before = instance.pids()[victim];
    instance.kill(victim);
    await until(`${victim} to be back`, 60_000, () => {
      const now = instance.pids()[victim];
      return now !== undefined && now !== before;
    });
  };
  const keysOf = async (operation: string, filter: Record<string, string>): Promise<Set<string>> => {
    const calls = z
      .array(z.looseObject({ idempotency_key: z.string().nullable() }))
      .parse(await books.calls({ operation, ...filter }));
    expect(calls.length).toBeGreaterThan(0);
    return new Set(calls.map((call) => call.idempotency_key ?? ""));
  };
  const transactionsOf = async (reference: string) =>
    (await books.transactions(account)).filter((booked) => booked.purchase_reference === reference);
  const told = (id: string, type: string) =>
    until(`${type} of ${id}`, 60_000, () =>
      receiver.heard.some((event) => event.subjectId === id && event.type === type),
    );

  test("R6: the front door killed while it asks Klarna, before and after Klarna acted, makes one payment with one key", async () => {
    test.setTimeout(240_000);
    const references = POINTS.map(() => newReference());
    for (const [index, { point }] of POINTS.entries())
      await books.arm({
        operation: "authorize",
        kind: point,
        delay_ms: HELD_MS,
        match: { purchase_reference: references[index] },
      });
    const creating = Promise.all(references.map((reference) => create(reference)));
    await killInTheMiddle("gateway", POINTS.length);
    const payments = await creating;
    for (const [index, payment] of payments.entries()) {
      await status(payment.id, "pending");
      const requests = (await books.requests(account)).filter((one) => one.purchase_reference === references[index]);
      expect([POINTS[index]?.what, requests.length]).toEqual([POINTS[index]?.what, 1]);
      const keys = await keysOf("authorize", { payment_request_reference: payment.id });
      expect(keys.size).toBe(1);
      await books.play(requests[0]?.payment_request_id ?? "", "complete");
    }
    for (const payment of payments) {
      await status(payment.id, "completed");
      await told(payment.id, "payment.completed");
      expect(await transactionsOf(payment.reference)).toHaveLength(1);
    }
    expect(await brokenInvariants(instance)).toEqual([]);
  });

  test("R6: the engine killed in the final authorize, before and after Klarna acted, charges once with one key", async () => {
    test.setTimeout(240_000);
    const payments = await Promise.all(POINTS.map(() => create(newReference())));
    for (const [index, { point }] of POINTS.entries())
      await books.arm({
        operation: "authorize_final",
        kind: point,
        delay_ms: HELD_MS,
        match: { payment_request_reference: payments[index]?.id },
      });
    for (const payment of payments) await books.play(payment.klarna.payment_request_id ?? "", "complete");
    await killInTheMiddle("engine", POINTS.length);
    for (const payment of payments) {
      await status(payment.id, "completed");
      await told(payment.id, "payment.completed");
      expect(await transactionsOf(payment.reference)).toHaveLength(1);
      const keys = await keysOf("authorize_final", { payment_request_reference: payment.id });
      expect(keys.size).toBe(1);
    }
    expect(await brokenInvariants(instance)).toEqual([]);
  });

  test("R6: the front door killed in a cancel and in a refund, before and after Klarna acted, does each once", async () => {
    test.setTimeout(240_000);
    const waiting = await Promise.all(POINTS.map(() => create(newReference())));
    const paid = await Promise.all(POINTS.map(() => create(newReference(), 11_802)));
    for (const [index, { point }] of POINTS.entries()) {
      await books.arm({
        operation: "cancel_request",
        kind: point,
        delay_ms: HELD_MS,
        match: { payment_request_id: waiting[index]?.klarna.payment_request_id },
      });
      await books.arm({
        operation: "refund",
        kind: point,
        delay_ms: HELD_MS,
        match: { payment_transaction_reference: paid[index]?.id },
      });
    }
    const asked = Promise.all([
      ...waiting.map(({ id }) => till.call("POST", `/api/v1/payments/${id}/cancel`, { key: `${id}-cancel` })),
      ...paid.map(({ id }) =>
        till.call("POST", `/api/v1/payments/${id}/refunds`, {
          key: `${id}-refund`,
          body: { amount: 1_000, reason: "Return" },
        }),
      ),
    ]);
    await killInTheMiddle("gateway", 2 * POINTS.length);
    for (const answer of await asked) expect([200, 201, 202]).toContain(answer.status);
    for (const { id, reference } of waiting) {
      await status(id, "canceled");
      await told(id, "payment.canceled");
      expect(await transactionsOf(reference)).toEqual([]);
    }
    for (const { id, reference } of paid) {
      await until(`the refund of ${id}`, 90_000, async () => (await till.read(id)).amount_refunded === 1_000);
      const booked = await transactionsOf(reference);
      expect(booked.map((transaction) => transaction.refunded_amount)).toEqual([1_000]);
      expect((await keysOf("refund", { payment_transaction_reference: id })).size).toBe(1);
    }
    expect(await brokenInvariants(instance)).toEqual([]);
  });
});
