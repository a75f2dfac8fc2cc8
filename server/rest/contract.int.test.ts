import { describe, expect, it } from "vitest";
import { z } from "zod";
import { newId } from "@/server/core/ids";
import { advancePayment } from "@/server/domain/payments/sweep";
import { addressIn, asSystem, makePartner } from "@/server/testing/builders";
import { callRest, makeKey, type RestAnswer, type RestCall } from "@/server/testing/rest";
import { PAYMENTS, problem, restHarness } from "@/server/testing/rest-harness";
import { defineEndpoint } from "./endpoint";
import { ENDPOINTS } from "./endpoints";
import { securityHeaders } from "./http";
import { createRest } from "./run";

/* What callers get back: exactly what is declared, and of failures nothing but a code. */

const h = restHarness();
const { get, post, sale } = h;

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
      check(method, path, await callRest(h.rest, method, `${at(path, id)}${query}`, { key: h.key, ...options }));

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
    await h.test.services.db.query({
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
    await ask("POST", "/api/v1/terminals/{id}/move", till.id, { body: { store: { id: h.own.store.id } } });
    await ask("POST", "/api/v1/terminals/{id}/archive", till.id);
    await ask("POST", "/api/v1/stores/{id}/archive", shop.id);
    await ask("GET", "/api/v1/events", "", {}, "?limit=5");
    await ask("GET", "/api/v1/events/{id}", sent.event.id);
    for (const action of ["complete", "decline", "abandon", "expire"]) {
      const played = (await ask("POST", PAYMENTS, "", { body: sale() })).json as { id: string };
      await ask("POST", `/api/v1/test/payments/{id}/${action}`, played.id);
    }
    // An authorization that ended is renewed: time goes on for a Partner of its h.own.
    const later = await makePartner(h.test.services, { country: "US", currency: "USD" });
    const laterKey = (await makeKey(h.test.services, later.partner.id)).key;
    const held = (
      await ask("POST", PAYMENTS, "", { key: laterKey, body: sale({ amount: 10_002, capture: "manual" }, later) })
    ).json as { id: string };
    await ask("POST", "/api/v1/test/clock", "", { key: laterKey, body: { advance: 30 * 86_400 } });
    await advancePayment(asSystem(h.test.services), held.id);
    await ask("POST", `${PAYMENTS}/{id}/reauthorize`, held.id, { key: laterKey, body: {} });
    check("GET", "/api/health", await callRest(h.rest, "GET", "/api/health"));
    check("GET", "/api/health/live", await callRest(h.rest, "GET", "/api/health/live"));
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
      await callRest(h.rest, "GET", PAYMENTS),
      await get("/api/v1/nothing"),
      await callRest(h.rest, "PUT", PAYMENTS, { key: h.key }),
      await post(PAYMENTS, { raw: "{" }),
      await callRest(h.rest, "GET", "/api/openapi.json"),
      await callRest(h.rest, "HEAD", "/api/health"),
      await callRest(h.rest, "OPTIONS", PAYMENTS),
    ];
    for (const answer of answers) {
      expect(answer.headers["request-id"]).toMatch(/^req_/);
      for (const [name, value] of safe) expect(answer.headers[name]).toBe(value);
    }
    expect(answers.map((answer) => answer.status)).toEqual([200, 401, 404, 405, 400, 200, 200, 405]);
    expect(answers[6]?.text).toBe("");
  });

  it("pages are stable while rows arrive, newest first", async () => {
    const partner = await makePartner(h.test.services, { country: "US", currency: "USD" });
    const its = (await makeKey(h.test.services, partner.partner.id)).key;
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

describe("failures", () => {
  const failing = (error: () => unknown) =>
    createRest(h.test.services, {
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
      const answer = await callRest(broken, "GET", "/api/v1/fails", { key: h.key });
      expect([500, 503]).toContain(answer.status);
      expect(answer.text).not.toMatch(/select|secret|srv|\.ts|v26|hunter2|Error/);
      expect(problem(answer).request_id).toBe(answer.headers["request-id"]);
      expect(h.test.log.join("")).toContain(problem(answer).request_id);
      if (answer.status === 503) expect(answer.headers["retry-after"]).toBe("1");
    }
  });

  it("the limit of a key answers 429 with the headers that say when to come back", async () => {
    const limited = createRest(h.test.services, { limits: { readsPerSecond: 3, writesPerSecond: 1 } });
    const answers = [];
    for (let each = 0; each < 4; each += 1) answers.push(await callRest(limited, "GET", PAYMENTS, { key: h.key }));
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
    await h.rest.close();
    const rows = await h.test.services.db.query<{ request: unknown; response: unknown; status: number; path: string }>({
      text: "select request, response, status, path from request_log where id = $1",
      values: [answer.headers["request-id"]],
    });
    expect(rows).toMatchObject([
      { status: answer.status, path: PAYMENTS, request: { body: { amount: 11_800, customer: { given_name: "•••" } } } },
    ]);
    expect(JSON.stringify(rows)).not.toContain(canary);
    expect(h.test.log.join("")).not.toContain(canary);
  });
});
