import { Webhook as SvixWebhook } from "svix";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Services } from "@/server/context";
import { processInbox } from "@/server/domain/inbox/service";
import { checkInvariants } from "@/server/domain/invariants";
import { CreatePaymentSchema } from "@/server/domain/payments/schema";
import { createPayment, getPayment, refundPayment } from "@/server/domain/payments/service";
import { makePartner, unique } from "@/server/testing/builders";
import { asApiKey, type TestServices, testServices } from "@/server/testing/context";
import { receiveKlarnaWebhooks, type WebhookReceiver } from "@/server/testing/klarna-webhooks";
import { CreateEndpointSchema } from "./schema";
import { createEndpoint, deliverDue, relayAll, stopDeliveries } from "./service";
import { startReceiver } from "./testing";

let test: TestServices;
let services: Services;
let klarna: WebhookReceiver;

beforeAll(async () => {
  test = await testServices();
  services = test.services;
  klarna = await receiveKlarnaWebhooks(services, test.simulator);
});
afterAll(async () => {
  await stopDeliveries(services, 1_000);
  await klarna.close();
  await test.close();
});

it("a Partner hears of each step of a payment and its refund, signed, in order, with the object that a read gives", async () => {
  const { partner, store, terminal } = await makePartner(services);
  const ctx = asApiKey(services, { partnerId: partner.id });
  const shop = await startReceiver();
  const { secret } = await createEndpoint(ctx, CreateEndpointSchema.parse({ url: shop.url, events: ["*"] }));
  const settle = async (): Promise<void> => {
    await test.simulator.control.idle();
    await processInbox(services);
    await test.simulator.control.idle();
    await processInbox(services);
    await relayAll(services);
    await deliverDue(services);
  };

  const { id, klarna: facts } = await createPayment(
    ctx,
    CreatePaymentSchema.parse({
      amount: 11_850,
      currency: "SEK",
      reference: unique("order"),
      store: { id: store.id },
      terminal: { id: terminal.id },
    }),
  );
  await settle();
  const pending = shop.received[0];
  expect(pending?.json).toMatchObject({ type: "payment.pending", sequence: 1 });
  // Klarna's own webhook may have touched the payment since, without a change to tell of.
  expect(pending?.json.data.object).toEqual({ ...(await getPayment(ctx, id)), updated_at: expect.any(String) });

  await test.simulator.control.play(facts.payment_request_id ?? "", "open");
  await settle();
  await test.simulator.control.play(facts.payment_request_id ?? "", "complete");
  await settle();
  const completed = shop.received.find((got) => got.json.type === "payment.completed");
  expect(completed?.json.data.object).toMatchObject({ id, status: "completed", amount_captured: 11_850 });

  const refund = await refundPayment(ctx, id, { amount: 850, reason: "damaged" });
  await settle();
  const refunded = shop.received.find((got) => got.json.type === "refund.succeeded");
  expect(refunded?.json.data.object).toMatchObject({
    id: refund.id,
    object: "refund",
    amount: 850,
    status: "succeeded",
  });

  const ofPayment = shop.received.filter((got) => got.json.type.startsWith("payment."));
  expect(ofPayment.map((got) => got.json.sequence)).toEqual(ofPayment.map((_, index) => index + 1));
  expect(new Set(shop.received.map((got) => got.json.id)).size).toBe(shop.received.length);
  for (const got of shop.received) {
    const signed = {
      "webhook-id": got.json.id,
      "webhook-timestamp": String(got.headers["webhook-timestamp"]),
      "webhook-signature": String(got.headers["webhook-signature"]),
    };
    expect(() => new SvixWebhook(secret).verify(got.body, signed)).not.toThrow();
    expect(got.body).not.toMatch(/session-token|payment-token|whsec_/);
  }
  expect((await checkInvariants(services.db)).filter((result) => result.broken > 0)).toEqual([]);
  await shop.close();
});
