import { afterAll, beforeAll, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { type BuiltPartner, makePartner } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { callRest, makeKey } from "@/server/testing/rest";
import { createRest, type Rest } from "./run";

/* Objects carry the ids of their neighbours; `expand` puts the neighbours in. */

let test: TestServices;
let rest: Rest;
let own: BuiltPartner;
let key: string;
type Thing = Record<string, unknown> & { id: string };
const get = (target: string, by = key) => callRest(rest, "GET", target, { key: by });
const read = async (target: string): Promise<Thing> => {
  const answer = await get(target);
  expect(answer.status, answer.text).toBe(200);
  return answer.json as Thing;
};

beforeAll(async () => {
  test = await testServices();
  rest = createRest(test.services);
  own = await makePartner(test.services);
  key = (await makeKey(test.services, own.partner.id)).key;
});
afterAll(async () => {
  await rest.close();
  await test.close();
});

async function sell(): Promise<Thing> {
  const body = {
    amount: 10_002,
    currency: "SEK",
    reference: newId("request"),
    store: { id: own.store.id },
    terminal: { id: own.terminal.id },
  };
  return (await callRest(rest, "POST", "/api/v1/payments", { key, body })).json as Thing;
}

it("a payment has its store, terminal, captures and refunds in it when asked, and nothing more when not", async () => {
  const { id } = await sell();
  const base = `/api/v1/payments/${id}`;
  for (const amount of [100, 200])
    expect((await callRest(rest, "POST", `${base}/refunds`, { key, body: { amount, reason: "Return" } })).status).toBe(
      201,
    );
  const [plain, captures, refunds, store, terminal] = await Promise.all([
    read(base),
    read(`${base}/captures`),
    read(`${base}/refunds`),
    read(`/api/v1/stores/${own.store.id}`),
    read(`/api/v1/terminals/${own.terminal.id}`),
  ]);
  expect(await read(`${base}?expand=store,terminal,captures,refunds`)).toEqual({
    ...plain,
    store,
    terminal,
    captures: captures["data"],
    refunds: refunds["data"],
  });
  expect(await read(`${base}?expand=store`)).toEqual({ ...plain, store });
  expect((await get(`${base}?expand=customer`)).status).toBe(400);

  const other = await sell();
  const page = await read("/api/v1/payments?expand=store,terminal&limit=2");
  expect(page["data"]).toEqual([
    { ...(await read(`/api/v1/payments/${other.id}`)), store, terminal },
    { ...plain, store, terminal },
  ]);
  expect((await get("/api/v1/payments?expand=refunds")).status).toBe(400);
});

it("a key that may not read stores does not read them through a payment", async () => {
  const { id } = await sell();
  const narrow = (await makeKey(test.services, own.partner.id, { scopes: ["payments:read"] })).key;
  expect((await get(`/api/v1/payments/${id}?expand=captures,refunds`, narrow)).status).toBe(200);
  for (const target of [`/api/v1/payments/${id}?expand=store`, "/api/v1/payments?expand=terminal"]) {
    const answer = await get(target, narrow);
    expect([answer.status, (answer.json as { code: string }).code]).toEqual([403, "scope_missing"]);
  }
});
