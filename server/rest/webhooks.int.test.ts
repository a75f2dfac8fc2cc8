import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { relayAll } from "@/server/domain/webhooks/service";
import { appendEvent, refundObject } from "@/server/domain/webhooks/testing";
import { type BuiltPartner, makePartner } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { callRest, makeKey, type RestAnswer, type RestCall } from "@/server/testing/rest";
import { createRest, type Rest } from "./run";

/* Section 7 of the Partner API over HTTP: what a Partner's developer sends and gets. */

let test: TestServices;
let rest: Rest;
let own: BuiltPartner;
let key: string;
const ENDPOINTS = "/api/v1/webhook-endpoints";

beforeAll(async () => {
  test = await testServices({ simulator: false, clock: "movable" });
  rest = createRest(test.services);
});
afterEach(() => rest.close());
afterAll(() => test.close());

async function fresh(): Promise<void> {
  own = await makePartner(test.services);
  key = (await makeKey(test.services, own.partner.id)).key;
}
const call = (method: string, target: string, options: RestCall = {}): Promise<RestAnswer> =>
  callRest(rest, method, target, { key, ...options });
const fields = (answer: RestAnswer) => answer.json as Record<string, unknown>;
const pageOf = (answer: RestAnswer) =>
  answer.json as {
    data: Array<Record<string, unknown> & { id: string }>;
    has_more: boolean;
    next_cursor: string | null;
  };

async function endpoint(body: Record<string, unknown> = {}): Promise<{ id: string; secret: string }> {
  const made = await call("POST", ENDPOINTS, { body: { url: "http://127.0.0.1:9/hook", events: ["*"], ...body } });
  expect(made.status, made.text).toBe(201);
  return made.json as { id: string; secret: string };
}
async function announce(type: "refund.succeeded" | "refund.failed", subjectId = newId("refund")): Promise<string> {
  const id = await appendEvent(test.services, { partnerId: own.partner.id, type, subjectId, sequence: 1 });
  await relayAll(test.services);
  test.clock.advance(1_000);
  return id;
}

describe("an endpoint", () => {
  it("is changed field by field, and only in the fields that it has", async () => {
    await fresh();
    const { id } = await endpoint({ description: "Shop", headers: { "X-Shop": "1" } });
    const changed = await call("PATCH", `${ENDPOINTS}/${id}`, {
      body: { events: ["payment.completed", "refund.*"], description: null, ordered: false, status: "disabled" },
    });
    expect(changed.status, changed.text).toBe(200);
    expect(fields(changed)).toMatchObject({
      id,
      url: "http://127.0.0.1:9/hook",
      events: ["payment.completed", "refund.*"],
      description: null,
      ordered: false,
      status: "disabled",
    });
    expect(changed.text).not.toContain("whsec_");
    expect(fields(await call("GET", `${ENDPOINTS}/${id}`))).toEqual(fields(changed));
    expect(fields(await call("PATCH", `${ENDPOINTS}/${id}`, { body: { status: "enabled" } }))).toMatchObject({
      status: "enabled",
      ordered: false,
    });
    const refused: Array<[Record<string, unknown>, number, string]> = [
      [{ secret: "whsec_x" }, 400, "/secret"],
      [{ events: ["payment.nonsense"] }, 400, "/events/0"],
      [{ events: [] }, 400, "/events"],
      [{ headers: { Host: "x" } }, 400, "/headers/Host"],
      [{ url: "http://169.254.169.254/" }, 422, "/url"],
      [{ status: "gone" }, 400, "/status"],
    ];
    for (const [body, status, pointer] of refused) {
      const answer = await call("PATCH", `${ENDPOINTS}/${id}`, { body });
      expect([answer.status, (fields(answer).errors as Array<{ pointer: string }>)[0]?.pointer], answer.text).toEqual([
        status,
        pointer,
      ]);
    }
  });

  it("takes every type of the contract, and families of them", async () => {
    await fresh();
    const types = [
      "payment.authorization_expired",
      "capture.failed",
      "customer_token.revoked",
      "subscription.charge_failed",
      "dispute.opened",
      "settlement.created",
      "store.onboarded",
      "partner.operational",
    ];
    const made = await call("POST", ENDPOINTS, { body: { url: "http://127.0.0.1:9/", events: types } });
    expect([made.status, fields(made).events], made.text).toEqual([201, types]);
  });

  it("gets a new secret once: a repeat answers the same bytes, another key another secret, and a read none", async () => {
    await fresh();
    const { id, secret } = await endpoint();
    const target = `${ENDPOINTS}/${id}/rotate-secret`;
    const options = { body: {}, idempotencyKey: "rotate-1" };
    const first = await call("POST", target, options);
    expect(first.status, first.text).toBe(200);
    expect(String(fields(first).secret)).toMatch(/^whsec_/);
    expect(fields(first).secret).not.toBe(secret);
    const repeat = await call("POST", target, options);
    expect([repeat.status, repeat.text, repeat.headers["idempotency-replayed"]]).toEqual([200, first.text, "true"]);
    const second = await call("POST", target, { body: {} });
    expect(fields(second).secret).not.toBe(fields(first).secret);
    const text = (await call("GET", `${ENDPOINTS}/${id}`)).text;
    expect(text).not.toContain("whsec_");
    const stored = await test.services.db.query({
      text: `select (select string_agg(i::text, '') from idempotent_answers i) || (select string_agg(a::text, '') from audit_entries a)
               || (select string_agg(w::text, '') from webhook_endpoints w) as text`,
      values: [],
    });
    for (const answer of [first, second]) {
      const bare = String(fields(answer).secret).slice("whsec_".length);
      expect(JSON.stringify(stored)).not.toContain(bare);
      expect(JSON.stringify(stored)).not.toContain(Buffer.from(bare).toString("hex"));
    }
    expect((await call("POST", target, { body: {}, idempotencyKey: null })).status).toBe(400);
  });

  it("that is switched off answers 409 to a test", async () => {
    await fresh();
    const { id } = await endpoint();
    await call("PATCH", `${ENDPOINTS}/${id}`, { body: { status: "disabled" } });
    const answer = await call("POST", `${ENDPOINTS}/${id}/test`, { body: {} });
    expect([answer.status, fields(answer).code]).toEqual([409, "state_conflict"]);
  });
});

describe("deliveries", () => {
  it("are listed by state, type, object and time, page by page", async () => {
    await fresh();
    const { id } = await endpoint();
    const other = await endpoint();
    const subject = newId("refund");
    const events: string[] = [];
    for (let n = 0; n < 5; n += 1)
      events.unshift(await announce(n < 3 ? "refund.succeeded" : "refund.failed", n === 2 ? subject : undefined));
    const list = async (query: string) => pageOf(await call("GET", `${ENDPOINTS}/${id}/deliveries${query}`));
    const all = await list("");
    expect(all.data.map((delivery) => (delivery.event as { id: string }).id)).toEqual(events);
    expect(all.data[0]).toMatchObject({ object: "webhook_delivery", endpoint: id, status: "pending", attempts: 0 });
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page: ReturnType<typeof pageOf> = await list(`?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
      seen.push(...page.data.map((delivery) => delivery.id));
      cursor = page.next_cursor;
    }
    expect(seen).toEqual(all.data.map((delivery) => delivery.id));
    await test.services.db.query({
      text: "update webhook_deliveries set state = 'FAILED', next_attempt_at = null where id = $1",
      values: [seen[0]],
    });
    expect((await list("?status=failed")).data.map((delivery) => delivery.id)).toEqual([seen[0]]);
    expect((await list("?status=pending,failed")).data).toHaveLength(5);
    expect((await list("?type=refund.failed")).data).toHaveLength(2);
    expect((await list("?type=refund.failed,refund.succeeded")).data).toHaveLength(5);
    expect((await list(`?object=${subject}`)).data).toHaveLength(1);
    expect((await list(`?event=${events[4]}`)).data).toHaveLength(1);
    const third = String(all.data[2]?.created_at);
    expect((await list(`?created_from=${third}`)).data).toHaveLength(3);
    expect((await list(`?created_to=${third}`)).data).toHaveLength(3);
    expect(pageOf(await call("GET", `${ENDPOINTS}/${other.id}/deliveries?status=failed`)).data).toEqual([]);
    for (const query of [
      "?state=failed",
      "?status=gone",
      "?type=x",
      "?created_from=yesterday",
      "?cursor=x",
      "?limit=0",
    ])
      expect((await call("GET", `${ENDPOINTS}/${id}/deliveries${query}`)).status, query).toBe(400);
  });

  it("R27: are replayed by the same ids, once for a key; one that is on its way is 409", async () => {
    await fresh();
    const { id } = await endpoint();
    const event = await announce("refund.succeeded");
    const [delivery] = pageOf(await call("GET", `${ENDPOINTS}/${id}/deliveries`)).data;
    const target = `/api/v1/webhook-deliveries/${delivery?.id}/replay`;
    const early = await call("POST", target, { body: {} });
    expect([early.status, fields(early).code]).toEqual([409, "state_conflict"]);
    const settle = () =>
      test.services.db.query({
        text: "update webhook_deliveries set state = 'FAILED', next_attempt_at = null where id = $1",
        values: [delivery?.id],
      });
    await settle();
    const options = { body: {}, idempotencyKey: "again-1" };
    const replayed = await call("POST", target, options);
    expect(replayed.status, replayed.text).toBe(202);
    expect(fields(replayed)).toMatchObject({ id: delivery?.id, status: "pending", event: { id: event } });
    // A repeat does not send it a third time: it tells how it stands now.
    await settle();
    const repeat = await call("POST", target, options);
    expect([repeat.status, fields(repeat).status, repeat.headers["idempotency-replayed"]]).toEqual([
      202,
      "failed",
      "true",
    ]);
    const audit = await test.services.db.query({
      text: "select action, way from audit_entries where subject_id = $1",
      values: [delivery?.id],
    });
    expect(audit).toEqual([{ action: "webhook_delivery.replayed", way: "API" }]);
  });
});

describe("events", () => {
  it("are listed and read as they are delivered, by type, object and time, for 30 days", async () => {
    await fresh();
    const subject = newId("refund");
    const first = await announce("refund.succeeded", subject);
    const second = await announce("refund.failed");
    const list = async (query: string) => pageOf(await call("GET", `/api/v1/events${query}`));
    const all = await list("");
    expect(all.data.map((event) => event.id)).toEqual([second, first]);
    const one = await call("GET", `/api/v1/events/${first}`);
    expect([one.status, one.json]).toEqual([200, all.data[1]]);
    expect(one.json).toEqual({
      id: first,
      type: "refund.succeeded",
      created_at: expect.any(String),
      mode: "test",
      api_version: "2026-11-01",
      sequence: 1,
      data: { object: refundObject(subject) },
    });
    expect((await list("?type=refund.failed")).data.map((event) => event.id)).toEqual([second]);
    expect((await list(`?object=${subject}`)).data.map((event) => event.id)).toEqual([first]);
    expect((await list(`?created_to=${String(all.data[1]?.created_at)}`)).data.map((event) => event.id)).toEqual([
      first,
    ]);
    expect((await list("?limit=1")).has_more).toBe(true);
    expect((await call("GET", "/api/v1/events?type=payment.nonsense")).status).toBe(400);
    test.clock.advance(30 * 86_400_000);
    expect((await list("")).data).toEqual([]);
    expect((await call("GET", `/api/v1/events/${first}`)).status).toBe(404);
  });
});
