import { describe, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { claimKey, IdempotencyConflict } from "@/server/db/idempotency";
import { makePartner } from "@/server/testing/builders";
import { callRest, makeKey } from "@/server/testing/rest";
import { PAYMENTS, problem, restHarness } from "@/server/testing/rest-harness";

/* A call that is made twice, by whom and how it may be. */

const h = restHarness();
const { counts, get, pay, post, sale } = h;
const transactions = async () => (await h.test.simulator.control.transactions()).length;

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
    const rows = await h.test.services.db.query({
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
    const other = await makePartner(h.test.services, { country: "US", currency: "USD" });
    const otherKey = (await makeKey(h.test.services, other.partner.id)).key;
    const idempotencyKey = newId("request");
    const first = (await post(PAYMENTS, { body: sale(), idempotencyKey })).json as { id: string };
    const second = await post(PAYMENTS, { key: otherKey, body: sale({}, other), idempotencyKey });
    expect(second.status).toBe(201);
    expect(second.headers["idempotency-replayed"]).toBeUndefined();
    expect((second.json as { id: string }).id).not.toBe(first.id);
  });

  it("R3: one key in test mode and in live mode is two keys of one Partner", async () => {
    const { db } = h.test.services;
    const key = newId("request");
    const claim = (mode: "test" | "live") =>
      db.transaction((tx) =>
        claimKey(
          tx,
          {
            ...{ partnerId: h.own.partner.id, mode, key, requestHash: mode },
            answer: () => ({ status: 201, body: "" }),
          },
          newId("payment"),
          new Date(),
        ),
      );
    await claim("test");
    await claim("live");
    for (const mode of ["test", "live"] as const) await expect(claim(mode)).rejects.toThrow(IdempotencyConflict);
    const rows = await db.query({
      text: "select mode from idempotent_answers where key = $1 order by mode",
      values: [key],
    });
    expect(rows).toEqual([{ mode: "live" }, { mode: "test" }]);
  });

  it("R4: a key used again after its life makes a new payment and leaves the first as it was", async () => {
    const idempotencyKey = newId("request");
    const first = (await post(PAYMENTS, { body: sale(), idempotencyKey })).json as { id: string };
    await h.test.services.db.query({
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
    await h.test.services.db.query({
      text: "update idempotent_answers set status = 202 where key = $1",
      values: [idempotencyKey],
    });
    await post(`${PAYMENTS}/${first.id}/cancel`);
    const again = await post(PAYMENTS, { body, idempotencyKey });
    expect([again.status, again.headers["idempotency-replayed"]]).toEqual([201, "true"]);
    expect(again.json).toMatchObject({ id: first.id, status: "canceled" });
    await h.test.services.db.query({
      text: "update idempotent_answers set state = 'RUNNING', status = null, body = null where key = $1",
      values: [idempotencyKey],
    });
    const running = await post(PAYMENTS, { body, idempotencyKey });
    expect([running.status, problem(running).code]).toEqual([409, "idempotency_in_progress"]);
    await h.test.services.db.query({
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
    const [row] = await h.test.services.db.query<{ body: Buffer }>({
      text: "select body from idempotent_answers where key = $1",
      values: [call.idempotencyKey],
    });
    expect(row?.body.toString("latin1")).not.toContain(secret);
    expect((await callRest(h.rest, "DELETE", `/api/v1/webhook-endpoints/${id}`, { key: h.key })).status).toBe(204);
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
