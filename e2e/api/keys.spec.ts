import { makeApiKey, makePartner } from "@/server/testing/builders";
import { revokeKey } from "@/server/testing/instance-services";
import { codeOf, createTill } from "@/server/testing/shop";
import { expect, newReference, payBody, test } from "./shop";

test("S16: a key that has just worked is refused within a second of being revoked in another process", async ({
  shop,
  setUp,
}) => {
  const { partner } = await makePartner(setUp);
  const { id, key } = await makeApiKey(setUp, partner.id);
  const till = createTill({ url: shop.demo.url, apiKey: key });
  for (let count = 0; count < 20; count += 1)
    expect((await till.once("GET", "/api/v1/payments?limit=1")).status).toBe(200);
  await revokeKey(setUp, id);
  const revokedAt = Date.now();
  let lastGoodMs = 0;
  for (let refused = 0; refused < 5; ) {
    const askedMs = Date.now() - revokedAt;
    const answer = await till.once("GET", "/api/v1/payments?limit=1");
    if (answer.status === 200) lastGoodMs = askedMs;
    else {
      expect(answer.status).toBe(401);
      refused += 1;
    }
    expect(askedMs, "refused in time").toBeLessThan(5_000);
  }
  expect(lastGoodMs).toBeLessThan(1_000);
});

test("S16: an expired key, one without the scope and a live key on test data are 401, 403 and 404", async ({
  shop,
  setUp,
}) => {
  const { partner } = await makePartner(setUp);
  const expired = await makeApiKey(setUp, partner.id, { expiresAt: new Date(Date.now() + 1_000) });
  const reading = await makeApiKey(setUp, partner.id, { scopes: ["payments:read"] });
  const payment = await shop.pay(11_802);
  const as = (apiKey: string) => createTill({ url: shop.demo.url, apiKey });
  await expect.poll(async () => (await as(expired.key).once("GET", "/api/v1/payments")).status).toBe(401);
  const write = await as(reading.key).once("POST", "/api/v1/payments", {
    key: newReference(),
    body: payBody(shop.demo, newReference()),
  });
  expect([write.status, codeOf(write.json)]).toEqual([403, "scope_missing"]);
  const foreign = await as(reading.key).once("GET", `/api/v1/payments/${payment.id}`);
  const unknown = await as(reading.key).once("GET", "/api/v1/payments/pay_01ARZ3NDEKTSV4RRFFQ69G5FAV");
  expect([foreign.status, codeOf(foreign.json)]).toEqual([404, "payment_not_found"]);
  expect([unknown.status, codeOf(unknown.json)]).toEqual([404, "payment_not_found"]);
  const made = await makePartner(setUp, { mode: "live" });
  const live = await makeApiKey(setUp, made.partner.id, { mode: "live" });
  expect((await as(live.key).once("GET", `/api/v1/payments/${payment.id}`)).status).toBe(404);
  expect((await as(live.key).once("POST", `/api/v1/test/payments/${payment.id}/complete`)).status).toBe(404);
  expect((await as(`${shop.demo.api_key}x`).once("GET", "/api/v1/payments")).status).toBe(401);
});
