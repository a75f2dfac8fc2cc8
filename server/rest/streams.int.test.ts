import { describe, expect, it } from "vitest";
import { makeKey, restRequest } from "@/server/testing/rest";
import { PAYMENTS, problem, restHarness } from "@/server/testing/rest-harness";

/* What a till follows while the customer pays: the stream of the payment, and its QR code. */

const h = restHarness();
const { get, pay, post } = h;

describe("while the customer pays", () => {
  it("the stream says the whole payment at each change and ends when it is over", async () => {
    const { id } = await pay();
    const controller = new AbortController();
    const answer = await h.rest.handle(
      restRequest("GET", `${PAYMENTS}/${id}/events`, { key: h.key, signal: controller.signal }),
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
    const answer = await h.rest.handle(restRequest("GET", `${PAYMENTS}/${id}/events`, { key: h.key }));
    const parts = (answer.body as AsyncIterable<string>)[Symbol.asyncIterator]();
    await parts.next();
    await parts.next();
    await h.test.services.db.query({
      text: "update payments set metadata = '{\"a\":\"b\"}', updated_at = now() + interval '1 second', version = version + 1 where id = $1",
      values: [id],
    });
    expect((await parts.next()).value).toContain('"a":"b"');
    await parts.return?.();
  });

  it("a stream ends when its key does", async () => {
    const { id } = await pay();
    const short = await makeKey(h.test.services, h.own.partner.id, { expiresAt: new Date(Date.now() + 3_000) });
    const answer = await h.rest.handle(restRequest("GET", `${PAYMENTS}/${id}/events`, { key: short.key }));
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
