import { afterAll, beforeAll, expect, it } from "vitest";
import type { ServiceContext } from "@/server/context";
import { CreatePaymentSchema } from "@/server/domain/payments/schema";
import { createPayment, getPayment, playCustomer, pollClassicSessions } from "@/server/domain/payments/service";
import { unique } from "@/server/testing/builders";
import { makeClassicPartner } from "@/server/testing/classic";
import { asApiKey, type TestServices, testServices } from "@/server/testing/context";

/* The background's own rhythm, by the real clock: no callback comes, and nothing but the poll looks. */

let test: TestServices;
let ctx: ServiceContext;
let sale: { store: { id: string }; terminal: { id: string } };

beforeAll(async () => {
  test = await testServices({ environment: { KLARNA_CLASSIC_CALLBACKS: "false" } });
  const partner = await makeClassicPartner(test.services, test.simulator);
  ctx = asApiKey(test.services, { partnerId: partner.partner.id });
  sale = { store: { id: partner.store.id }, terminal: { id: partner.terminal.id } };
});
afterAll(() => test.close());

it("R20: one look of the background brings the code, waits for the customer and ends with the sale", async () => {
  const { id } = await createPayment(
    ctx,
    CreatePaymentSchema.parse({ amount: 5_000, currency: "SEK", reference: unique("order"), ...sale }),
  );
  const looking = pollClassicSessions(test.services, { forMs: 20_000 });
  // A second look at the same time leaves the work to the first.
  expect(await pollClassicSessions(test.services, { forMs: 20_000 })).toEqual({ looked: 0, isWaiting: false });
  await expect.poll(async () => (await getPayment(ctx, id)).qr).not.toBeNull();
  await playCustomer(ctx, id, "complete");
  await expect.poll(async () => (await getPayment(ctx, id)).status).toBe("completed");
  // Nothing is open any more: it does not wait for the end of its time.
  expect(await looking).toMatchObject({ isWaiting: false });
});
