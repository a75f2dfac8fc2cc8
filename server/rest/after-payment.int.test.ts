import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS } from "@/server/core/time";
import { advanceDuePayments } from "@/server/domain/payments/service";
import type { KlarnaOutcome } from "@/server/klarna/client";
import { unique } from "@/server/testing/builders";
import { paymentHarness } from "@/server/testing/payments";
import { callRest, makeKey } from "@/server/testing/rest";
import { createRest, type Rest } from "./run";

/* What the Partner API answers to everything after the payment; that it happens once is tested beside the domain. */

const h = paymentHarness();
let rest: Rest;
let key: string;
beforeAll(async () => {
  rest = createRest(h.services);
  key = (await makeKey(h.services, h.partner.partner.id)).key;
});
afterAll(async () => {
  await rest.close();
});

const call = (method: string, path: string, body?: unknown) =>
  callRest(rest, method, `/api/v1/payments${path}`, { key, ...(body === undefined ? {} : { body }) });

/** An authorization that Klarna's period ended. */
async function expired(): Promise<string> {
  const id = await h.authorized();
  await h.passTime(28 * DAY_MS + HOUR_MS);
  await advanceDuePayments(h.services);
  return id;
}

describe("R8: what has no answer yet", () => {
  beforeEach(async () => {
    await h.retire();
    await h.letThrough();
  });
  const sale = () => ({
    ...{ amount: 10_002, currency: "SEK", reference: unique("order") },
    ...{ store: { id: h.partner.store.id }, terminal: { id: h.partner.terminal.id } },
  });
  it.each([
    { of: "a sale", fault: "authorize", path: "", body: sale, open: "processing", end: "completed", done: 201 },
    {
      of: "a cancel",
      fault: "cancel_request",
      path: "/cancel",
      on: () => h.pending(),
      open: "pending",
      end: "canceled",
    },
    { of: "a capture", fault: "capture", path: "/captures", on: () => h.authorized(), end: "succeeded", done: 201 },
    {
      ...{ of: "a refund", fault: "refund", path: "/refunds", on: () => h.completed(), end: "succeeded", done: 201 },
      body: () => ({ reason: "Return" }),
    },
    { of: "a release", fault: "void", path: "/void", on: () => h.authorized(), open: "authorized", end: "voided" },
    {
      ...{ of: "a renewal", fault: "reauthorize", path: "/reauthorize", on: expired },
      ...{ open: "authorization_expired", end: "authorized" },
    },
  ])("$of is 202 as it stands, and the same key tells what has come of it", async (operation) => {
    const { fault, path, on, open = "processing", end, done = 200 } = operation;
    const id = on === undefined ? null : await on();
    const isMaking = path.endsWith("s") || path === "";
    const body = operation.body?.() ?? (isMaking ? {} : undefined);
    const ask = (changed?: unknown) =>
      callRest(rest, "POST", `/api/v1/payments${id === null ? "" : `/${id}${path}`}`, {
        ...{ key, idempotencyKey: `open-${fault}` },
        ...(body === undefined ? {} : { body: changed ?? body }),
      });
    await h.control.fault({ operation: fault, kind: "cut_after", account: h.partner.account.id, times: null });
    const first = await ask();
    expect([first.status, first.json]).toMatchObject([202, { status: open, failure: null }]);
    const early = await ask();
    expect([early.status, early.json]).toMatchObject([202, { status: open }]);
    expect(early.headers["idempotency-replayed"]).toBe("true");
    await h.control.clearFaults();
    await h.letThrough();
    await h.sweepFor(120_000);
    const late = await ask();
    expect([late.status, late.json]).toMatchObject([done, { status: end, failure: null }]);
    expect((late.json as { id: string }).id).toBe((first.json as { id: string }).id);
    expect(late.headers["idempotency-replayed"]).toBe("true");
    if (body !== undefined)
      expect(await ask({ ...body, reference: "another" })).toMatchObject({
        ...{ status: 422, json: { code: "idempotency_key_reused" } },
      });
  });

  it("a change is 202 as it stands, and made once Klarna has said so", async () => {
    const id = await h.authorized();
    await h.control.fault({
      ...{ operation: "update_transaction", kind: "cut_after", account: h.partner.account.id, times: null },
    });
    const first = await call("PATCH", `/${id}`, { amount: 9_000 });
    expect([first.status, first.json]).toMatchObject([202, { amount: 10_002, amount_authorized: 10_002 }]);
    await h.control.clearFaults();
    await h.letThrough();
    await h.sweepFor(120_000);
    expect((await call("GET", `/${id}`)).json).toMatchObject({ amount: 9_000, amount_authorized: 9_000 });
    expect((await call("PATCH", `/${id}`, { amount: 9_000 })).status).toBe(200);
  });
});

describe("R15: what never left us", () => {
  it.each([
    { path: "/captures", prepare: () => h.authorized(), body: {}, done: 201 },
    { path: "/refunds", prepare: () => h.completed(), body: { reason: "Return" }, done: 201 },
    { path: "/void", prepare: () => h.authorized(), body: undefined, done: 200 },
    { path: "/reauthorize", prepare: expired, body: undefined, done: 200 },
  ])("$path answers 503 with Retry-After, and the same call with the same key is made later", async (operation) => {
    const id = await operation.prepare();
    const nobody = (): Promise<KlarnaOutcome> =>
      Promise.resolve({ kind: "not_sent", reason: "ECONNREFUSED", calls: [] });
    const away = createRest({ ...h.services, klarna: { ...h.services.klarna, call: nobody } });
    const ask = (by: Rest) =>
      callRest(by, "POST", `/api/v1/payments/${id}${operation.path}`, {
        key,
        idempotencyKey: `away-${id}`,
        ...(operation.body === undefined ? {} : { body: operation.body }),
      });
    for (let turn = 0; turn < 2; turn += 1) {
      const refused = await ask(away);
      expect([refused.status, refused.json]).toMatchObject([503, { code: "klarna_unavailable" }]);
      expect(refused.headers["retry-after"]).toBe("3");
    }
    await away.close();
    const made = await ask(rest);
    expect(made.status, made.text).toBe(operation.done);
    expect(made.headers["idempotency-replayed"]).toBeUndefined();
    const again = await ask(rest);
    expect([again.status, again.text]).toEqual([operation.done, made.text]);
    expect(again.headers["idempotency-replayed"]).toBe("true");
  });
});

describe("the Partner API after the payment", () => {
  it("captures in parts, tells 201 or 202, lists newest first, and says what is left when asked for more", async () => {
    const id = await h.authorized();
    const first = await call("POST", `/${id}/captures`, { amount: 4_000, reference: "parcel-1" });
    expect(first.status, first.text).toBe(201);
    expect(first.json).toMatchObject({
      object: "capture",
      payment: id,
      status: "succeeded",
      amount: 4_000,
      reference: "parcel-1",
    });
    const over = await call("POST", `/${id}/captures`, { amount: 6_003 });
    expect(over.status).toBe(422);
    expect(over.json).toMatchObject({ code: "capture_exceeds_authorized", errors: [{ pointer: "/amount" }] });
    await h.control.fault({ operation: "capture", kind: "cut_after", account: h.partner.account.id, times: null });
    const open = await call("POST", `/${id}/captures`, {});
    expect(open.status).toBe(202);
    expect(open.json).toMatchObject({ status: "processing", amount: 6_002 });
    await h.control.clearFaults();
    await h.sweepFor(30_000);
    const { id: openId } = open.json as { id: string };
    expect((await call("GET", `/${id}/captures/${openId}`)).json).toMatchObject({ status: "succeeded" });
    const list = (await call("GET", `/${id}/captures`)).json as { data: { id: string }[] };
    expect(list.data.map((capture) => capture.id)).toEqual([openId, (first.json as { id: string }).id]);
    expect((await call("POST", `/${id}/captures`, {})).json).toMatchObject({
      code: "payment_not_capturable",
      status: 409,
    });
    expect((await call("GET", `/${id}`)).json).toMatchObject({ status: "completed", amount_captured: 10_002 });
  });

  it("changes what is named, refuses to raise the amount, an empty change and an unknown field", async () => {
    const id = await h.authorized();
    const changed = await call("PATCH", `/${id}`, { amount: 9_000, metadata: { basket: "7" } });
    expect(changed.status, changed.text).toBe(200);
    expect(changed.json).toMatchObject({ amount: 9_000, amount_authorized: 9_000, metadata: { basket: "7" } });
    expect((await call("PATCH", `/${id}`, { amount: 9_001 })).json).toMatchObject({ status: 422, code: "rule_broken" });
    expect((await call("PATCH", `/${id}`, {})).json).toMatchObject({ status: 400, code: "validation_failed" });
    expect((await call("PATCH", `/${id}`, { currency: "EUR" })).json).toMatchObject({
      status: 400,
      errors: [{ pointer: "/currency" }],
    });
    await h.control.fault({
      operation: "update_transaction",
      kind: "cut_after",
      account: h.partner.account.id,
      times: null,
    });
    const open = await call("PATCH", `/${id}`, { amount: 8_000 });
    expect(open.status).toBe(202);
    expect(open.json).toMatchObject({ amount: 9_000 });
    await h.control.clearFaults();
    await h.sweepFor(30_000);
    expect((await call("PATCH", `/${id}`, { amount: 8_000 })).json).toMatchObject({ amount: 8_000 });
  });

  it("finds a sale by its reference beside ids, and knows no sale of an unknown one", async () => {
    const id = await h.completed();
    const { reference } = await h.read(id);
    expect((await call("GET", `/lookup?reference=${encodeURIComponent(reference)}`)).json).toMatchObject({
      data: [{ id }],
    });
    expect((await call("GET", "/lookup?reference=nobody")).json).toEqual({ data: [] });
    expect((await call("GET", "/lookup")).status).toBe(400);
  });

  it("renews only what has ended, and tells each refusal by its own code", async () => {
    const id = await h.authorized();
    expect((await call("POST", `/${id}/reauthorize`, {})).json).toMatchObject({
      status: 409,
      code: "payment_not_reauthorizable",
    });
    expect((await call("POST", `/${await h.completed()}/void`, {})).json).toMatchObject({
      status: 409,
      code: "payment_not_voidable",
    });
    const parts = await h.authorized();
    for (const amount of [4_000, 6_002]) await call("POST", `/${parts}/captures`, { amount });
    expect((await call("POST", `/${parts}/refunds`, { amount: 1 })).json).toMatchObject({
      ...{ status: 400, code: "validation_failed", errors: [{ pointer: "/reason" }] },
    });
    expect((await call("POST", `/${parts}/refunds`, { amount: 1, reason: "Return" })).json).toMatchObject({
      status: 422,
      code: "refund_needs_capture",
    });
    const lines = [{ name: "Chair", quantity: 1, total_amount: 7_000 }];
    const refund = await call("POST", `/${parts}/refunds`, { line_items: lines, reason: "Returned" });
    expect(refund.status, refund.text).toBe(201);
    expect(refund.json).toMatchObject({ status: "succeeded", amount: 7_000, capture: null, reason: "Returned" });
  });
});
