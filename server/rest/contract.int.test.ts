import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { newId } from "@/server/core/ids";
import { advancePayment } from "@/server/domain/payments/sweep";
import { addressIn, asSystem, type BuiltPartner, makePartner } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { callRest, makeKey, type RestAnswer, type RestCall, restRequest } from "@/server/testing/rest";
import { defineEndpoint } from "./endpoint";
import { ENDPOINTS } from "./endpoints";
import { BODY_MAX_BYTES, securityHeaders } from "./http";
import { createRest, type Rest } from "./run";

let test: TestServices;
let rest: Rest;
let own: BuiltPartner;
let key: string;
const PAYMENTS = "/api/v1/payments";

beforeAll(async () => {
  test = await testServices({ connections: 8 });
  rest = createRest(test.services);
  own = await makePartner(test.services, { country: "US", currency: "USD" });
  key = (await makeKey(test.services, own.partner.id)).key;
});
afterAll(async () => {
  await rest.close();
  await test.close();
});

type Body = Record<string, unknown>;
const sale = (fields: Body = {}, partner = own): Body => ({
  amount: 11_800,
  currency: "USD",
  reference: newId("request"),
  store: { reference: partner.store.reference },
  terminal: { reference: partner.terminal.reference },
  ...fields,
});
const post = (target: string, options: RestCall = {}) => callRest(rest, "POST", target, { key, ...options });
const get = (target: string, options: RestCall = {}) => callRest(rest, "GET", target, { key, ...options });
const pay = async (fields: Body = {}) => {
  const answer = await post(PAYMENTS, { body: sale(fields) });
  expect([201, 202], answer.text).toContain(answer.status);
  return answer.json as {
    id: string;
    status: string;
    klarna: { payment_request_id: string; qr_code: { target_url: string } };
  };
};
const problem = (answer: RestAnswer) =>
  answer.json as {
    code: string;
    detail: string;
    status: number;
    type: string;
    request_id: string;
    errors?: { pointer: string }[];
  };
const counts = () =>
  test.services.db.query({
    text: "select (select count(*) from payments) p, (select count(*) from klarna_operations) o, (select count(*) from idempotent_answers) i, (select count(*) from outbox_events) e, (select count(*) from refunds) r",
    values: [],
  });
const transactions = async () => (await test.simulator.control.transactions()).length;

describe("answers", () => {
  it("a sale in store is pending with Klarna's request and a QR code, and reads back the same", async () => {
    const created = await post(PAYMENTS, { body: sale({ metadata: { till: "7" } }) });
    expect(created.status).toBe(201);
    expect(created.json).toMatchObject({
      object: "payment",
      mode: "test",
      status: "pending",
      amount: 11_800,
      capture: "automatic",
      klarna: { payment_request_id: expect.any(String), qr_code: { target_url: expect.stringMatching(/^http/) } },
      metadata: { till: "7" },
    });
    const { id } = created.json as { id: string };
    const read = await get(`${PAYMENTS}/${id}`);
    expect(read.json).toEqual(created.json);
    expect((await get(`${PAYMENTS}/${id}?expand=refunds`)).json).toMatchObject({ id, refunds: [] });
  });

  it("S5: every answer is exactly what its endpoint declares", async () => {
    const seen = new Set<string>();
    const check = (method: string, path: string, answer: RestAnswer): RestAnswer => {
      const endpoint = ENDPOINTS.find((each) => each.method === method && each.path === path);
      const schema = endpoint?.responses[answer.status]?.schema;
      if (!endpoint || !schema) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`);
      expect(schema.parse(answer.json)).toEqual(answer.json);
      seen.add(endpoint.operation);
      return answer;
    };
    const at = (path: string, id: string) => path.replace("{id}", id);
    const ask = async (method: string, path: string, id = "", options: RestCall = {}, query = "") =>
      check(method, path, await callRest(rest, method, `${at(path, id)}${query}`, { key, ...options }));

    const paid = (await ask("POST", PAYMENTS, "", { body: sale({ amount: 10_002 }) })).json as {
      id: string;
      status: string;
    };
    expect(paid.status).toBe("completed");
    expect(
      ((await ask("POST", PAYMENTS, "", { body: sale({ amount: 10_001 }) })).json as { status: string }).status,
    ).toBe("declined");
    const manual = (await ask("POST", PAYMENTS, "", { body: sale({ amount: 10_002, capture: "manual" }) })).json as {
      id: string;
      status: string;
    };
    expect(manual.status).toBe("authorized");
    const part = { body: { amount: 5_000, reference: "Parcel 1" } };
    const capture = (await ask("POST", `${PAYMENTS}/{id}/captures`, manual.id, part)).json as { id: string };
    await ask("GET", `${PAYMENTS}/{id}/captures`, manual.id);
    check("GET", `${PAYMENTS}/{id}/captures/{captureId}`, await get(`${PAYMENTS}/${manual.id}/captures/${capture.id}`));
    await ask("PATCH", `${PAYMENTS}/{id}`, manual.id, { body: { metadata: { parcel: "1" } } });
    await ask("GET", `${PAYMENTS}/lookup`, "", {}, `?reference=${newId("request")}`);
    await ask("POST", `${PAYMENTS}/{id}/void`, manual.id, { body: {} });
    const waiting = (await ask("POST", PAYMENTS, "", { body: sale() })).json as { id: string };
    await ask("POST", `${PAYMENTS}/{id}/cancel`, waiting.id);
    const klarna = { network_session_token: "krn:network:us1:test:session-token:x" };
    await ask("POST", `${PAYMENTS}/express`, "", { body: sale({ amount: 10_002, channel: "in_store", klarna }) });
    const refund = (await ask("POST", `${PAYMENTS}/{id}/refunds`, paid.id, { body: { amount: 500, reason: "Return" } }))
      .json as { id: string };
    await ask("GET", `${PAYMENTS}/{id}/refunds`, paid.id);
    check("GET", `${PAYMENTS}/{id}/refunds/{refundId}`, await get(`${PAYMENTS}/${paid.id}/refunds/${refund.id}`));
    await ask("GET", `${PAYMENTS}/{id}`, paid.id, {}, "?expand=refunds");
    await ask("GET", PAYMENTS, "", {}, "?limit=3&status=completed,canceled");
    await ask("GET", "/api/v1/payment-methods", "", {}, "?amount=11800&currency=USD&country=US&locale=en-US");
    const receiver = (
      await ask("POST", "/api/v1/webhook-endpoints", "", {
        body: { url: "http://127.0.0.1:9/x", events: ["payment.*"] },
      })
    ).json as { id: string };
    await ask("GET", "/api/v1/webhook-endpoints");
    await ask("GET", "/api/v1/webhook-endpoints/{id}", receiver.id);
    await ask("PATCH", "/api/v1/webhook-endpoints/{id}", receiver.id, { body: { ordered: false } });
    await ask("POST", "/api/v1/webhook-endpoints/{id}/rotate-secret", receiver.id);
    const sent = (await ask("POST", "/api/v1/webhook-endpoints/{id}/test", receiver.id)).json as {
      id: string;
      event: { id: string };
    };
    await ask("GET", "/api/v1/webhook-endpoints/{id}/deliveries", receiver.id, {}, "?status=pending,delivered&limit=5");
    await test.services.db.query({
      text: "update webhook_deliveries set state = 'FAILED', next_attempt_at = null where id = $1",
      values: [sent.id],
    });
    await ask("POST", "/api/v1/webhook-deliveries/{id}/replay", sent.id);
    const shop = (
      await ask("POST", "/api/v1/stores", "", {
        body: { reference: "contract", name: "Contract", address: addressIn("SE"), support: { phone: "+4680000000" } },
      })
    ).json as { id: string };
    await ask("GET", "/api/v1/stores", "", {}, "?type=physical&status=active&limit=5");
    await ask("GET", "/api/v1/stores/{id}", shop.id);
    await ask("PATCH", "/api/v1/stores/{id}", shop.id, { body: { settings: { capture: "manual", expires_in: 120 } } });
    const till = (
      await ask("POST", "/api/v1/terminals", "", { body: { reference: "contract-till", store: { id: shop.id } } })
    ).json as { id: string };
    await ask("GET", "/api/v1/terminals", "", {}, "?device=card_terminal&limit=5");
    await ask("PATCH", "/api/v1/terminals/{id}", till.id, { body: { label: "Front" } });
    await ask("POST", "/api/v1/terminals/{id}/heartbeat", till.id);
    await ask("GET", "/api/v1/terminals/{id}", till.id);
    await ask("POST", "/api/v1/terminals/{id}/move", till.id, { body: { store: { id: own.store.id } } });
    await ask("POST", "/api/v1/terminals/{id}/archive", till.id);
    await ask("POST", "/api/v1/stores/{id}/archive", shop.id);
    await ask("GET", "/api/v1/events", "", {}, "?limit=5");
    await ask("GET", "/api/v1/events/{id}", sent.event.id);
    for (const action of ["complete", "decline", "abandon", "expire"]) {
      const played = (await ask("POST", PAYMENTS, "", { body: sale() })).json as { id: string };
      await ask("POST", `/api/v1/test/payments/{id}/${action}`, played.id);
    }
    // An authorization that ended is renewed: time goes on for a Partner of its own.
    const later = await makePartner(test.services, { country: "US", currency: "USD" });
    const laterKey = (await makeKey(test.services, later.partner.id)).key;
    const held = (
      await ask("POST", PAYMENTS, "", { key: laterKey, body: sale({ amount: 10_002, capture: "manual" }, later) })
    ).json as { id: string };
    await ask("POST", "/api/v1/test/clock", "", { key: laterKey, body: { advance: 30 * 86_400 } });
    await advancePayment(asSystem(test.services), held.id);
    await ask("POST", `${PAYMENTS}/{id}/reauthorize`, held.id, { key: laterKey, body: {} });
    check("GET", "/api/health", await callRest(rest, "GET", "/api/health"));
    check("GET", "/api/health/live", await callRest(rest, "GET", "/api/health/live"));
    // What the acquirer's own keys open is held to the same in acquirer.int.test.ts.
    const declared = ENDPOINTS.filter(
      (endpoint) =>
        endpoint.access !== "acquirer_key" && Object.values(endpoint.responses).some((answer) => answer.schema),
    ).map((endpoint) => endpoint.operation);
    expect([...seen].sort()).toEqual(declared.sort());
  });

  it("S23: every answer carries its request id and the security headers, errors included", async () => {
    const safe = Object.entries(securityHeaders(false));
    const answers = [
      await get(PAYMENTS),
      await callRest(rest, "GET", PAYMENTS),
      await get("/api/v1/nothing"),
      await callRest(rest, "PUT", PAYMENTS, { key }),
      await post(PAYMENTS, { raw: "{" }),
      await callRest(rest, "GET", "/api/openapi.json"),
      await callRest(rest, "HEAD", "/api/health"),
      await callRest(rest, "OPTIONS", PAYMENTS),
    ];
    for (const answer of answers) {
      expect(answer.headers["request-id"]).toMatch(/^req_/);
      for (const [name, value] of safe) expect(answer.headers[name]).toBe(value);
    }
    expect(answers.map((answer) => answer.status)).toEqual([200, 401, 404, 405, 400, 200, 200, 405]);
    expect(answers[6]?.text).toBe("");
  });

  it("pages are stable while rows arrive, newest first", async () => {
    const partner = await makePartner(test.services, { country: "US", currency: "USD" });
    const its = (await makeKey(test.services, partner.partner.id)).key;
    const made: string[] = [];
    for (let each = 0; each < 5; each += 1)
      made.unshift(((await post(PAYMENTS, { key: its, body: sale({}, partner) })).json as { id: string }).id);
    type List = { data: { id: string }[]; has_more: boolean; next_cursor: string | null };
    const first = (await get(`${PAYMENTS}?limit=2`, { key: its })).json as List;
    await post(PAYMENTS, { key: its, body: sale({}, partner) });
    const second = (await get(`${PAYMENTS}?limit=2&cursor=${first.next_cursor}`, { key: its })).json as List;
    const third = (await get(`${PAYMENTS}?limit=2&cursor=${second.next_cursor}`, { key: its })).json as List;
    expect([...first.data, ...second.data, ...third.data].map((each) => each.id)).toEqual(made);
    expect([first.has_more, second.has_more, third.has_more, third.next_cursor]).toEqual([true, true, false, null]);
  });

  it("an unknown, repeated or ill-formed query parameter is refused with its name", async () => {
    for (const [query, pointer] of [
      ["limit=0", "/limit"],
      ["limit=101", "/limit"],
      ["limit=1e2", "/limit"],
      ["sort=amount", "/sort"],
      ["status=paid", "/status/0"],
      ["limit=1&limit=2", "/limit"],
      ["cursor=abc", "/cursor"],
      ["created_from=yesterday", "/created_from"],
      ["partner=ptn_1", "/partner"],
    ]) {
      const answer = await get(`${PAYMENTS}?${query}`);
      expect([query, answer.status, problem(answer).errors?.[0]?.pointer]).toEqual([query, 400, pointer]);
    }
  });
});

describe("idempotency", () => {
  it("R1: one key, 200 calls at once: one payment, one call to Klarna, one answer", async () => {
    const body = sale({ amount: 10_002 });
    const idempotencyKey = newId("request");
    const before = await transactions();
    const answers = await Promise.all(Array.from({ length: 200 }, () => post(PAYMENTS, { body, idempotencyKey })));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(
      new Set(answers.some((answer) => answer.status === 409) ? [201, 409] : [201]),
    );
    for (const answer of answers.filter((each) => each.status === 409)) {
      expect(problem(answer).code).toBe("idempotency_in_progress");
      expect(answer.headers["retry-after"]).toBe("1");
    }
    const texts = answers.filter((answer) => answer.status === 201).map((answer) => answer.text);
    const again = await post(PAYMENTS, { body, idempotencyKey });
    expect([again.status, again.headers["idempotency-replayed"]]).toEqual([201, "true"]);
    expect(new Set([...texts, again.text]).size).toBe(1);
    expect(await transactions()).toBe(before + 1);
    const rows = await test.services.db.query({
      text: "select 1 from payments where reference = $1",
      values: [body.reference],
    });
    expect(rows).toHaveLength(1);
  });

  it("R2: one key, another body or path: 422, and nothing is written", async () => {
    const idempotencyKey = newId("request");
    const body = sale();
    expect((await post(PAYMENTS, { body, idempotencyKey })).status).toBe(201);
    const before = await counts();
    const other = await post(PAYMENTS, { body: { ...body, amount: 11_801 }, idempotencyKey });
    expect([other.status, problem(other).code]).toEqual([422, "idempotency_key_reused"]);
    const { id } = (await post(PAYMENTS, { body, idempotencyKey })).json as { id: string };
    const elsewhere = await post(`${PAYMENTS}/${id}/cancel`, { idempotencyKey });
    expect([elsewhere.status, problem(elsewhere).code]).toEqual([422, "idempotency_key_reused"]);
    expect(await counts()).toEqual(before);
  });

  it("R3: one key of two Partners makes two payments", async () => {
    const other = await makePartner(test.services, { country: "US", currency: "USD" });
    const otherKey = (await makeKey(test.services, other.partner.id)).key;
    const idempotencyKey = newId("request");
    const first = (await post(PAYMENTS, { body: sale(), idempotencyKey })).json as { id: string };
    const second = await post(PAYMENTS, { key: otherKey, body: sale({}, other), idempotencyKey });
    expect(second.status).toBe(201);
    expect(second.headers["idempotency-replayed"]).toBeUndefined();
    expect((second.json as { id: string }).id).not.toBe(first.id);
  });

  it("R4: a key used again after its life makes a new payment and leaves the first as it was", async () => {
    const idempotencyKey = newId("request");
    const first = (await post(PAYMENTS, { body: sale(), idempotencyKey })).json as { id: string };
    await test.services.db.query({
      text: "update idempotent_answers set expires_at = now() - interval '1 second' where key = $1",
      values: [idempotencyKey],
    });
    const second = await post(PAYMENTS, { body: sale(), idempotencyKey });
    expect(second.status).toBe(201);
    expect((second.json as { id: string }).id).not.toBe(first.id);
    expect((await get(`${PAYMENTS}/${first.id}`)).status).toBe(200);
  });

  it("a repeat of what can no longer be done gets the first answer, not the refusal", async () => {
    const { id } = await pay({ amount: 10_002 });
    const refund = { body: { reason: "Whole return" }, idempotencyKey: newId("request") };
    const first = await post(`${PAYMENTS}/${id}/refunds`, refund);
    expect(first.status).toBe(201);
    const again = await post(`${PAYMENTS}/${id}/refunds`, refund);
    expect([again.status, again.text, again.headers["idempotency-replayed"]]).toEqual([201, first.text, "true"]);
    const waiting = await pay();
    const cancel = { idempotencyKey: newId("request") };
    const canceled = await post(`${PAYMENTS}/${waiting.id}/cancel`, cancel);
    expect([canceled.status, (canceled.json as { status: string }).status]).toEqual([200, "canceled"]);
    expect((await post(`${PAYMENTS}/${waiting.id}/cancel`, cancel)).text).toBe(canceled.text);
  });

  it("a first answer that was not final is answered with the thing as it is now", async () => {
    const body = sale();
    const idempotencyKey = newId("request");
    const first = (await post(PAYMENTS, { body, idempotencyKey })).json as { id: string };
    await test.services.db.query({
      text: "update idempotent_answers set status = 202 where key = $1",
      values: [idempotencyKey],
    });
    await post(`${PAYMENTS}/${first.id}/cancel`);
    const again = await post(PAYMENTS, { body, idempotencyKey });
    expect([again.status, again.headers["idempotency-replayed"]]).toEqual([201, "true"]);
    expect(again.json).toMatchObject({ id: first.id, status: "canceled" });
    await test.services.db.query({
      text: "update idempotent_answers set state = 'RUNNING', status = null, body = null where key = $1",
      values: [idempotencyKey],
    });
    const running = await post(PAYMENTS, { body, idempotencyKey });
    expect([running.status, problem(running).code]).toEqual([409, "idempotency_in_progress"]);
    await test.services.db.query({
      text: "update idempotent_answers set created_at = now() - interval '16 seconds' where key = $1",
      values: [idempotencyKey],
    });
    expect((await post(PAYMENTS, { body, idempotencyKey })).json).toMatchObject({ id: first.id, status: "canceled" });
  });

  it("the secret of a webhook endpoint is in the first answer and its repeats, encrypted at rest, and nowhere else", async () => {
    const call = { body: { url: "http://127.0.0.1:9/secret", events: ["*"] }, idempotencyKey: newId("request") };
    const first = await post("/api/v1/webhook-endpoints", call);
    const { id, secret } = first.json as { id: string; secret: string };
    expect(secret).toMatch(/^whsec_/);
    expect((await post("/api/v1/webhook-endpoints", call)).text).toBe(first.text);
    expect((await get(`/api/v1/webhook-endpoints/${id}`)).text).not.toContain(secret);
    const [row] = await test.services.db.query<{ body: Buffer }>({
      text: "select body from idempotent_answers where key = $1",
      values: [call.idempotencyKey],
    });
    expect(row?.body.toString("latin1")).not.toContain(secret);
    expect((await callRest(rest, "DELETE", `/api/v1/webhook-endpoints/${id}`, { key })).status).toBe(204);
    expect((await get(`/api/v1/webhook-endpoints/${id}`)).status).toBe(404);
  });

  it("without the header, with an empty or a too long one, nothing happens", async () => {
    const before = await counts();
    expect(problem(await post(PAYMENTS, { body: sale(), idempotencyKey: null })).code).toBe("idempotency_key_required");
    expect(problem(await post(PAYMENTS, { body: sale(), idempotencyKey: "" })).code).toBe("idempotency_key_required");
    expect((await post(PAYMENTS, { body: sale(), idempotencyKey: "x".repeat(256) })).status).toBe(400);
    expect(await counts()).toEqual(before);
    expect((await post(PAYMENTS, { body: sale(), idempotencyKey: "x".repeat(255) })).status).toBe(201);
  });
});

describe("bad input", () => {
  const refused = async (options: RestCall, status: number, code: string, pointer?: string, target = PAYMENTS) => {
    const before = await counts();
    const answer = await post(target, options);
    expect([
      answer.status,
      problem(answer).code,
      pointer === undefined ? undefined : problem(answer).errors?.map((fault) => fault.pointer),
    ]).toEqual([status, code, pointer === undefined ? undefined : expect.arrayContaining([pointer])]);
    expect(problem(answer)).toMatchObject({
      type: `http://localhost:3000/docs/errors/${code}`,
      status,
      request_id: expect.stringMatching(/^req_/),
    });
    expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect(await counts()).toEqual(before);
  };

  it("S6: tampered amounts are 400 by shape or 422 by rule", async () => {
    for (const amount of [-1, 0, 1.5, "100", 2 ** 53, 2_147_483_648, null])
      await refused({ body: sale({ amount }) }, 400, "validation_failed", "/amount");
    for (const amount of ["1e3", "118.0", "1E400"])
      await refused(
        { raw: `{"amount":${amount},"currency":"USD","reference":"x"}` },
        400,
        "request_malformed",
        "/amount",
      );
    for (const currency of ["JPY", "KWD", "BHD", "ISK"])
      await refused({ body: sale({ currency }) }, 422, "currency_not_supported", "/currency");
    for (const currency of ["usd", "XXX", "US", "", 840])
      await refused({ body: sale({ currency }) }, 400, "validation_failed", "/currency");
    await refused(
      { body: sale({ line_items: [{ name: "Shoes", quantity: 1, total_amount: 11_799 }] }) },
      422,
      "amount_mismatch",
      "/line_items",
    );
  });

  it("S5: unknown fields are refused with their pointer, prototypes stay clean", async () => {
    for (const name of ["partnerId", "state", "role", "amonut"])
      await refused({ body: sale({ [name]: "x" }) }, 400, "validation_failed", `/${name}`);
    for (const name of ["__proto__", "constructor"])
      await refused({ raw: `{"${name}":{"admin":true},"amount":1}` }, 400, "request_malformed", `/${name}`);
    await refused({ body: sale({ metadata: { a: 1 } }) }, 400, "validation_failed", "/metadata/a");
    expect(({} as Body).admin).toBeUndefined();
  });

  it("S27: bodies too large, too deep, not JSON, not UTF-8 or of another type are refused", async () => {
    const cases: [RestCall, number, string][] = [
      [{ raw: null }, 413, "body_too_large"],
      [{ raw: "[".repeat(10_000) }, 400, "request_malformed"],
      [{ raw: `{"reference":"${"x".repeat(BODY_MAX_BYTES - 20)}"}` }, 400, "validation_failed"],
      [{ raw: "amount=1" }, 400, "request_malformed"],
      [{ raw: Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d]) }, 400, "request_malformed"],
      [{ raw: '{"amount":1,"amount":2}' }, 400, "request_malformed"],
      [{ raw: "null" }, 400, "validation_failed"],
      [{ raw: "" }, 400, "validation_failed"],
      [{ body: sale(), headers: { "content-type": "text/plain" } }, 415, "content_type_unsupported"],
      [
        { body: sale(), headers: { "content-type": "application/x-www-form-urlencoded" } },
        415,
        "content_type_unsupported",
      ],
      [
        { body: sale(), headers: { "content-type": "application/json; charset=iso-8859-1" } },
        415,
        "content_type_unsupported",
      ],
      [{ body: sale(), headers: { "content-encoding": "gzip" } }, 415, "content_type_unsupported"],
    ];
    for (const [options, status, code] of cases) {
      const answer = await post(PAYMENTS, options);
      expect([answer.status, problem(answer).code]).toEqual([status, code]);
    }
  });

  it("texts that no database can hold are refused, not stored and not a 500", async () => {
    for (const text of ["\u0000", "a\u0000b", "\ud800", "line\nbreak", "\u001b[31m"]) {
      const answer = await post(PAYMENTS, { body: sale({ reference: text }) });
      expect(answer.status).toBe(400);
    }
    for (const selector of [{ id: "a\u0000" }, { reference: "\udfff" }])
      expect((await post(PAYMENTS, { body: sale({ store: selector }) })).status).toBe(400);
    expect((await get(`${PAYMENTS}?reference=%00`)).status).toBe(400);
    expect((await get(`${PAYMENTS}/%00`)).status).toBe(404);
  });

  it("whatever is sent, the answer is never a 5xx", async () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(-1, 2 ** 53, "x".repeat(300), "\u0000", [], {}, { id: "x" }, { reference: "x" }, null, true),
    );
    const body = fc.record(
      {
        amount: value,
        currency: fc.oneof(value, fc.constantFrom("USD", "KWD", "JPY")),
        reference: value,
        store: value,
        terminal: value,
        line_items: value,
        metadata: value,
        klarna: value,
        customer: value,
        expires_in: value,
        launch: value,
        extra: value,
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(body, async (fields) => {
        const answer = await post(PAYMENTS, { body: sale(fields) });
        expect(answer.status, answer.text).toBeLessThan(500);
      }),
      { numRuns: 150 },
    );
    await fc.assert(
      fc.asyncProperty(fc.webQueryParameters(), fc.webSegment(), async (query, segment) => {
        for (const target of [`${PAYMENTS}?${query}`, `${PAYMENTS}/${segment}`, `/api/v1/${segment}?${query}`])
          expect((await get(target)).status).toBeLessThan(500);
      }),
      { numRuns: 100 },
    );
  });
});

describe("failures", () => {
  const failing = (error: () => unknown) =>
    createRest(test.services, {
      endpoints: [
        defineEndpoint({
          method: "GET",
          path: "/api/v1/fails",
          operation: "fails",
          summary: "",
          tag: "",
          access: "key",
          scope: "payments:read",
          query: z.strictObject({}),
          responses: {},
          handle: () => Promise.reject(error()),
          answer: () => ({ status: 200 }),
        }),
      ],
    });

  it("S53: a hundred failures tell the caller a code and a request id, and nothing of the inside", async () => {
    const inner = "select secret from /srv/tillgate/server/rest/run.ts:12 at v26.10.0 password=hunter2";
    const kinds = [
      () => new Error(inner),
      () => new TypeError(inner),
      () => Object.assign(new Error(inner), { code: "23505", detail: inner }),
      () => inner,
      () => Object.assign(new Error(inner), { code: "57P01" }),
    ];
    for (let round = 0; round < 100; round += 1) {
      const broken = failing(kinds[round % kinds.length] ?? (() => inner));
      const answer = await callRest(broken, "GET", "/api/v1/fails", { key });
      expect([500, 503]).toContain(answer.status);
      expect(answer.text).not.toMatch(/select|secret|srv|\.ts|v26|hunter2|Error/);
      expect(problem(answer).request_id).toBe(answer.headers["request-id"]);
      expect(test.log.join("")).toContain(problem(answer).request_id);
      if (answer.status === 503) expect(answer.headers["retry-after"]).toBe("1");
    }
  });

  it("the limit of a key answers 429 with the headers that say when to come back", async () => {
    const limited = createRest(test.services, { limits: { readsPerSecond: 3, writesPerSecond: 1 } });
    const answers = [];
    for (let each = 0; each < 4; each += 1) answers.push(await callRest(limited, "GET", PAYMENTS, { key }));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 429]);
    expect(answers[0]?.headers).toMatchObject({ "ratelimit-policy": '"reads";q=3;w=1', ratelimit: '"reads";r=2;t=1' });
    expect(answers[3]?.headers).toMatchObject({ "retry-after": "1", ratelimit: '"reads";r=0;t=1' });
    await limited.close();
  });

  it("the request log has every call of the key, masked, and a failing log delays no answer", async () => {
    const canary = "canary-4f1c9a-do-not-store";
    const answer = await post(PAYMENTS, {
      body: sale({
        customer: { given_name: canary, email: `${canary}@example.com` },
        klarna: { network_session_token: canary },
      }),
    });
    await rest.close();
    const rows = await test.services.db.query<{ request: unknown; response: unknown; status: number; path: string }>({
      text: "select request, response, status, path from request_log where id = $1",
      values: [answer.headers["request-id"]],
    });
    expect(rows).toMatchObject([
      { status: answer.status, path: PAYMENTS, request: { body: { amount: 11_800, customer: { given_name: "•••" } } } },
    ]);
    expect(JSON.stringify(rows)).not.toContain(canary);
    expect(test.log.join("")).not.toContain(canary);
  });
});

describe("while the customer pays", () => {
  it("the stream says the whole payment at each change and ends when it is over", async () => {
    const { id } = await pay();
    const controller = new AbortController();
    const answer = await rest.handle(
      restRequest("GET", `${PAYMENTS}/${id}/events`, { key, signal: controller.signal }),
    );
    expect([answer.status, answer.headers["content-type"]]).toEqual([200, "text/event-stream; charset=utf-8"]);
    const seen: string[] = [];
    let lastId = "";
    for await (const part of answer.body as AsyncIterable<string>) {
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (data === undefined) continue;
      lastId = /^id: (.*)$/m.exec(part)?.[1] ?? "";
      const payment = JSON.parse(data) as { id: string; status: string };
      expect(payment.id).toBe(id);
      seen.push(payment.status);
      if (seen.length === 1) await post(`${PAYMENTS}/${id}/cancel`);
    }
    expect([seen[0], seen.at(-1)]).toEqual(["pending", "canceled"]);
    expect((await get(`${PAYMENTS}/${id}/events`, { headers: { "last-event-id": lastId } })).status).toBe(204);
    expect((await get(`${PAYMENTS}/${id}/events`)).text).toContain('"status":"canceled"');
  });

  it("R42: without any notification the stream sees a change within its poll", async () => {
    const { id } = await pay();
    const answer = await rest.handle(restRequest("GET", `${PAYMENTS}/${id}/events`, { key }));
    const parts = (answer.body as AsyncIterable<string>)[Symbol.asyncIterator]();
    await parts.next();
    await parts.next();
    await test.services.db.query({
      text: "update payments set metadata = '{\"a\":\"b\"}', updated_at = now() + interval '1 second', version = version + 1 where id = $1",
      values: [id],
    });
    expect((await parts.next()).value).toContain('"a":"b"');
    await parts.return?.();
  });

  it("a stream ends when its key does", async () => {
    const short = await makeKey(test.services, own.partner.id, { expiresAt: new Date(Date.now() + 1_200) });
    const { id } = await pay();
    const answer = await rest.handle(restRequest("GET", `${PAYMENTS}/${id}/events`, { key: short.key }));
    await expect(async () => {
      for await (const part of answer.body as AsyncIterable<string>) expect(part).toBeTypeOf("string");
    }).rejects.toThrowError(/key_invalid/);
  });

  it("the QR code is there while the customer may pay, and 410 after", async () => {
    const { id } = await pay();
    const svg = await get(`${PAYMENTS}/${id}/qr.svg?size=300&ecc=Q`);
    expect([svg.status, svg.headers["content-type"]]).toEqual([200, "image/svg+xml; charset=utf-8"]);
    const png = await get(`${PAYMENTS}/${id}/qr.png`);
    expect([png.status, png.headers["content-type"], png.bytes.subarray(1, 4)]).toEqual([
      200,
      "image/png",
      Buffer.from("PNG"),
    ]);
    expect((await get(`${PAYMENTS}/${id}/qr.svg?dark=eeeeee`)).status).toBe(400);
    expect((await get(`${PAYMENTS}/${id}/qr.svg?colour=red`)).status).toBe(400);
    await post(`${PAYMENTS}/${id}/cancel`);
    for (const kind of ["svg", "png"]) expect(problem(await get(`${PAYMENTS}/${id}/qr.${kind}`)).code).toBe("gone");
  });
});
