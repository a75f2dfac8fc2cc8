import { afterAll, beforeAll, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { makePartner } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { nearestRatio, ratioOfTimes } from "@/server/testing/equal-time";
import { callRest, makeKey } from "@/server/testing/rest";
import { createRest, type Rest } from "./run";

/* Who guesses ids learns nothing from how long the answer takes. */

const SHARE = 0.1;
let test: TestServices;
let rest: Rest;
beforeAll(async () => {
  test = await testServices();
  rest = createRest(test.services);
});
afterAll(async () => {
  await rest.close();
  await test.close();
});

it("S3: another Partner's payment is answered as fast as one that is not there, within a tenth", async () => {
  const [own, other] = [await makePartner(test.services), await makePartner(test.services)];
  const made = await callRest(rest, "POST", "/api/v1/payments", {
    key: (await makeKey(test.services, own.partner.id)).key,
    body: {
      amount: 10_002,
      currency: "SEK",
      reference: newId("request"),
      store: { id: own.store.id },
      terminal: { id: own.terminal.id },
    },
  });
  expect(made.status, made.text).toBe(201);
  const { id } = made.json as { id: string };
  const { key } = await makeKey(test.services, other.partner.id);
  const ask = async (asked: string): Promise<void> => {
    expect((await callRest(rest, "GET", `/api/v1/payments/${asked}`, { key })).status).toBe(404);
  };
  const ratio = await nearestRatio(
    () =>
      ratioOfTimes(
        () => ask(newId("payment")),
        () => ask(id),
        150,
      ),
    SHARE,
  );
  process.stdout.write(`another Partner's payment takes ${ratio.toFixed(3)} of the time of none\n`);
  expect(Math.abs(ratio - 1)).toBeLessThan(SHARE);
});
