import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { DAY_MS, HOUR_MS, SECOND_MS } from "@/server/core/time";
import { advanceDuePayments, advancePayment } from "@/server/domain/payments/sweep";
import { asSystem, type BuiltPartner, makePartner, makeWebsite } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { callRest, makeKey, type RestCall } from "@/server/testing/rest";
import { createRest, type Rest } from "./run";

/* What a Partner makes happen in test mode. Classic sessions are played in classic-matrix.int.test.ts. */

let test: TestServices;
let rest: Rest;
let own: BuiltPartner;
let shop: { id: string };
let key: string;

beforeAll(async () => {
  test = await testServices({ connections: 8 });
  rest = createRest(test.services);
  own = await makePartner(test.services, { country: "SE", currency: "SEK" });
  shop = await makeWebsite(test.services, own);
  key = (await makeKey(test.services, own.partner.id)).key;
});
afterAll(async () => {
  await rest.close();
  await test.close();
});

type Payment = Record<string, unknown> & { id: string; status: string; expires_at: string; created_at: string };
const post = (target: string, options: RestCall = {}) => callRest(rest, "POST", target, { key, body: {}, ...options });
const read = async (id: string, by = key): Promise<Payment> =>
  (await callRest(rest, "GET", `/api/v1/payments/${id}`, { key: by })).json as Payment;
const codeOf = (answer: { status: number; json: unknown }) => [answer.status, (answer.json as { code?: string }).code];
const goOn = async (id: string): Promise<void> => {
  await advancePayment(asSystem(test.services), id);
};

const inStore = (partner = own) => ({ store: { id: partner.store.id }, terminal: { id: partner.terminal.id } });
async function sell(fields: Record<string, unknown>, by = key): Promise<Payment> {
  const body = { amount: 11_850, currency: "SEK", reference: newId("request"), ...fields };
  const answer = await post("/api/v1/payments", { key: by, body });
  expect(answer.status, answer.text).toBe(201);
  return answer.json as Payment;
}

describe("the customer is played", () => {
  const online = () => ({ store: { id: shop.id }, channel: "web", return_url: "https://shop.example/back" });
  it.each([
    ["qr", () => ({ launch: "qr", ...inStore() })],
    ["redirect", () => ({ launch: "redirect", ...online() })],
    ["sdk", () => ({ launch: "sdk", ...online() })],
  ])("for the launch %s: completes, is declined, leaves and comes back, runs out of time", async (_, fields) => {
    const ends = { complete: "completed", decline: "declined", expire: "expired" } as const;
    for (const [action, end] of Object.entries(ends)) {
      const { id } = await sell({ capture: "automatic", ...fields() });
      expect((await post(`/api/v1/test/payments/${id}/abandon`)).status).toBe(200);
      await goOn(id);
      expect((await read(id)).status).toBe("pending");
      expect((await post(`/api/v1/test/payments/${id}/${action}`)).status).toBe(200);
      await goOn(id);
      expect([action, (await read(id)).status]).toEqual([action, end]);
      expect(codeOf(await post(`/api/v1/test/payments/${id}/${action}`))).toEqual([409, "state_conflict"]);
    }
  });
});

describe("the Partner's test clock", () => {
  it("makes journeys expire and authorizations end for this Partner alone, at the simulator too", async () => {
    const other = await makePartner(test.services, { country: "SE", currency: "SEK" });
    const otherKey = (await makeKey(test.services, other.partner.id)).key;
    const waiting = await sell({ launch: "qr", ...inStore() });
    const theirs = await sell({ launch: "qr", ...inStore(other) }, otherKey);
    const held = await sell({ launch: "qr", capture: "manual", ...inStore() });
    await post(`/api/v1/test/payments/${held.id}/complete`);
    await goOn(held.id);
    expect(await read(held.id)).toMatchObject({ status: "authorized" });

    const moved = await post("/api/v1/test/clock", { body: { advance: 3_600 } });
    expect([moved.status, moved.json]).toMatchObject([200, { object: "test_clock", ahead: 3_600 }]);
    await advanceDuePayments(test.services);
    await goOn(waiting.id);
    expect((await read(waiting.id)).status).toBe("expired");
    expect((await read(held.id)).status).toBe("authorized");
    expect((await read(theirs.id, otherKey)).status).toBe("pending");

    // Past the end of the authorization, which Klarna set by its own clock.
    const end = Date.parse(String((await read(held.id))["authorization_expires_at"]));
    const seconds = Math.ceil((end - Date.now()) / SECOND_MS) + 3_600;
    await post("/api/v1/test/clock", { body: { advance: seconds } });
    await advanceDuePayments(test.services);
    expect((await read(held.id)).status).toBe("authorization_expired");

    // What is made now is made at the new time, and lives as long as it always does.
    const fresh = await sell({ launch: "qr", expires_in: 600, ...inStore() });
    expect(Date.parse(fresh.created_at) - Date.now()).toBeGreaterThan(20 * DAY_MS);
    expect(Date.parse(fresh.expires_at) - Date.parse(fresh.created_at)).toBe(600 * SECOND_MS);
    await advanceDuePayments(test.services);
    expect((await read(fresh.id)).status).toBe("pending");
    await post(`/api/v1/test/payments/${fresh.id}/complete`);
    await goOn(fresh.id);
    expect((await read(fresh.id)).status).toBe("completed");

    // Audit, events and wake-ups are by the real time.
    const [late] = await test.services.db.query<{ audit: number; events: number; wakes: number }>({
      text: `select (select count(*)::int from audit_entries where created_at > now() + interval '1 minute') audit,
        (select count(*)::int from outbox_events where created_at > now() + interval '1 minute') events,
        (select count(*)::int from payments where id = $1 and next_action_at > now() + interval '20 minutes') wakes`,
      values: [fresh.id],
    });
    expect(late).toEqual({ audit: 0, events: 0, wakes: 0 });
  });

  it("goes on once for each key, and never back", async () => {
    const mine = await makePartner(test.services);
    const by = (await makeKey(test.services, mine.partner.id)).key;
    const idempotencyKey = newId("request");
    const move = (advance: unknown, options: RestCall = {}) =>
      post("/api/v1/test/clock", { key: by, body: { advance }, ...options });
    const first = await move(HOUR_MS / SECOND_MS, { idempotencyKey });
    const again = await move(HOUR_MS / SECOND_MS, { idempotencyKey });
    expect([again.json, again.headers["idempotency-replayed"]]).toEqual([first.json, "true"]);
    expect((await move(60)).json).toMatchObject({ ahead: 3_660 });
    for (const advance of [0, -60, 1.5, "1 day", 400 * 86_400]) expect((await move(advance)).status).toBe(400);
    for (let year = 0; year < 9; year += 1) await move(366 * 86_400);
    expect(codeOf(await move(366 * 86_400))).toEqual([422, "rule_broken"]);
  });
});

describe("where there is no simulator", () => {
  it("a live key finds nothing, and against Klarna's own test host the calls say what they need", async () => {
    const { id } = await sell({ launch: "qr", ...inStore() });
    const live = await makePartner(test.services, { mode: "live" });
    const liveKey = (await makeKey(test.services, live.partner.id, { mode: "live" })).key;
    const { SIMULATOR_CONTROL_URL: _, ...env } = test.services.env;
    const without = [env, { ...test.services.env, KLARNA_TEST_BASE_URL: "https://api-global.test.klarna.com" }];
    for (const target of [`/api/v1/test/payments/${id}/complete`, "/api/v1/test/clock"]) {
      const body = target.endsWith("clock") ? { advance: 60 } : {};
      expect((await post(target, { key: liveKey, body })).status).toBe(404);
      for (const settings of without) {
        const other = createRest({ ...test.services, env: settings });
        const answer = await callRest(other, "POST", target, { key, body });
        expect(codeOf(answer)).toEqual([404, "simulator_required"]);
        await other.close();
      }
    }
    expect((await read(id)).status).toBe("pending");
  });
});
