import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { DAY_MS, MINUTE_MS } from "@/server/core/time";
import { asApiKey, asUser } from "@/server/testing/context";
import { withWebhooks } from "@/server/testing/webhooks";
import { maskBody } from "./mask";
import * as webhooks from "./service";
import { appendEvent } from "./testing";

const hooks = withWebhooks();
const { receiver, deliverer, partner, endpoint, deliveriesOf } = hooks;
const announce = (partnerId: string, type: "refund.succeeded" | "refund.failed", subjectId = newId("refund")) =>
  appendEvent(hooks.services, { partnerId, type, subjectId, sequence: 1 });

describe("events of the last 30 days", () => {
  it("are read as they are delivered, by their own Partner and mode only, with or without an endpoint", async () => {
    const [mine, theirs] = [await partner(), await partner()];
    const shop = await receiver();
    const subjectId = newId("refund");
    const before = await announce(mine.id, "refund.failed");
    await webhooks.relayAll(hooks.services);
    await endpoint(mine.ctx, shop.url);
    hooks.test.clock.advance(MINUTE_MS);
    const id = await announce(mine.id, "refund.succeeded", subjectId);
    await webhooks.relayAll(hooks.services);
    await deliverer().drain();
    expect(shop.received).toHaveLength(1);
    expect(await webhooks.getEvent(mine.ctx, id)).toEqual(JSON.parse(shop.received[0]?.body ?? ""));
    const page = await webhooks.listEvents(mine.ctx, {}, { limit: 25 });
    expect(page.data.map((event) => event.id)).toEqual([id, before]);
    expect((await webhooks.listEvents(theirs.ctx, {}, { limit: 25 })).data).toEqual([]);
    for (const ctx of [theirs.ctx, asApiKey(hooks.services, { partnerId: mine.id, mode: "live" })])
      await expect(webhooks.getEvent(ctx, id)).rejects.toMatchObject({ code: "not_found" });
    await expect(
      webhooks.listEvents(
        asApiKey(hooks.services, { partnerId: mine.id, scopes: ["payments:read"] }),
        {},
        { limit: 5 },
      ),
    ).rejects.toMatchObject({ code: "permission_denied" });
  });

  it("are filtered by type, object and time, page by page without a gap, and gone after 30 days", async () => {
    const mine = await partner();
    const subjectId = newId("refund");
    const ids: string[] = [];
    for (let n = 0; n < 7; n += 1) {
      ids.unshift(
        await announce(mine.id, n % 2 === 0 ? "refund.succeeded" : "refund.failed", n === 3 ? subjectId : undefined),
      );
      if (n % 3 === 0) hooks.test.clock.advance(MINUTE_MS);
    }
    const read: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await webhooks.listEvents(mine.ctx, {}, { limit: 2, cursor });
      read.push(...page.data.map((event) => event.id));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(new Set(read)).toEqual(new Set(ids));
    expect(read).toHaveLength(7);
    const failed = await webhooks.listEvents(mine.ctx, { type: ["refund.failed"] }, { limit: 25 });
    expect(failed.data).toHaveLength(3);
    const one = await webhooks.listEvents(mine.ctx, { object: subjectId }, { limit: 25 });
    expect(one.data).toMatchObject([{ data: { object: { id: subjectId } } }]);
    const newest = one.data[0]?.created_at ?? "";
    const upTo = await webhooks.listEvents(mine.ctx, { created_to: newest }, { limit: 25 });
    expect(upTo.data.every((event) => event.created_at <= newest)).toBe(true);
    expect(upTo.data.length).toBeLessThan(7);
    hooks.test.clock.advance(30 * DAY_MS);
    expect((await webhooks.listEvents(mine.ctx, {}, { limit: 25 })).data).toEqual([]);
    await expect(webhooks.getEvent(mine.ctx, ids[0] ?? "")).rejects.toMatchObject({ code: "not_found" });
  });

  it("tell people how their deliveries stand", async () => {
    const mine = await partner();
    const [good, bad] = [await receiver(), await receiver()];
    bad.answer((response) => response.writeHead(500).end());
    await endpoint(mine.ctx, good.url);
    await endpoint(mine.ctx, bad.url);
    const id = await announce(mine.id, "refund.succeeded");
    await webhooks.relayAll(hooks.services);
    await deliverer().drain();
    const staff = asUser(hooks.services, "ACQUIRER_OPERATIONS");
    const list = await webhooks.listEventRecords(staff, { partner: mine.id }, { limit: 10 });
    expect(list).toMatchObject({ total: 1, items: [{ id, deliveries: { pending: 1, delivered: 1, failed: 0 } }] });
    const detail = await webhooks.getEventRecord(staff, id);
    expect(detail.deliveries_made).toHaveLength(2);
    expect(detail.body).toMatchObject({ id, type: "refund.succeeded" });
    await expect(webhooks.getEventRecord((await partner()).ctx, id)).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("what a screen shows of a delivery", () => {
  it("the request as it went out, with the Partner's headers and our signature masked, and whether the body is the very one", async () => {
    const mine = await partner();
    const shop = await receiver();
    const { id } = await endpoint(mine.ctx, shop.url, { headers: { Authorization: "Bearer canary" } });
    const eventId = await announce(mine.id, "refund.succeeded");
    await webhooks.relayAll(hooks.services);
    await deliverer().drain();
    const [row] = await deliveriesOf(id);
    const detail = await webhooks.getDelivery(mine.ctx, row?.id ?? "");
    const [got] = shop.received;
    expect(detail.request).toMatchObject({
      method: "POST",
      url: shop.url,
      headers: {
        Authorization: "•••",
        "webhook-id": eventId,
        "webhook-timestamp": got?.headers["webhook-timestamp"],
        "webhook-signature": "v1,•••",
        "content-type": "application/json",
        "user-agent": got?.headers["user-agent"],
      },
    });
    expect(detail.request?.body).toEqual(JSON.parse(got?.body ?? ""));
    expect(detail.attempts_made).toMatchObject([{ url: shop.url, is_body_exact: true, status: 200 }]);
    expect(JSON.stringify(detail)).not.toContain("canary");
    const [stored] = await hooks.query<{ body_hash: Buffer }>(
      "select body_hash from webhook_attempts where delivery_id = $1",
      [row?.id],
    );
    expect(
      stored?.body_hash.equals(
        createHash("sha256")
          .update(got?.body ?? "")
          .digest(),
      ),
    ).toBe(true);
    // A body that would be made otherwise today is told apart.
    await hooks.query("alter table webhook_attempts disable trigger all");
    await hooks.query("update webhook_attempts set body_hash = '\\x00' where delivery_id = $1", [row?.id]);
    await hooks.query("alter table webhook_attempts enable trigger all");
    expect((await webhooks.getDelivery(mine.ctx, row?.id ?? "")).attempts_made[0]?.is_body_exact).toBe(false);
  });

  it("tokens, secrets and links that open something are masked; ids and plain words are not", () => {
    const body = {
      id: "evt_1",
      data: {
        object: {
          display_url: "https://pay.example/display/pay_1?t=canary&x=1",
          klarna_customer_token: "krn:partner:eu1:test:identity:customer-token:canary",
          klarna: { customer_token: "canary", session_token: "canary" },
          customer_token: "ctok_01KF00000000000000000000AA",
          amount: 100,
          reference: "ON4711",
          lines: [{ name: "Shirt", client_secret: "canary" }],
        },
      },
    };
    const masked = maskBody(JSON.stringify(body));
    expect(JSON.stringify(masked)).not.toContain("canary");
    expect(masked).toMatchObject({
      data: { object: { amount: 100, reference: "ON4711", customer_token: "ctok_01KF00000000000000000000AA" } },
    });
  });

  it("counts by state, and the health of an endpoint", async () => {
    const mine = await partner();
    const shop = await receiver();
    const { id } = await endpoint(mine.ctx, shop.url);
    for (let n = 0; n < 4; n += 1) await announce(mine.id, "refund.succeeded");
    await webhooks.relayAll(hooks.services);
    shop.answer((response) => response.writeHead(shop.received.length === 1 ? 500 : 200).end());
    await deliverer().drain();
    await announce(mine.id, "refund.failed");
    await webhooks.relayAll(hooks.services);
    expect(await webhooks.countDeliveriesByStatus(mine.ctx, { endpoint: id })).toEqual({
      pending: 2,
      delivered: 3,
      failed: 0,
    });
    expect(await webhooks.countDeliveriesByStatus(mine.ctx, { endpoint: id, type: "refund.failed" })).toEqual({
      pending: 1,
      delivered: 0,
      failed: 0,
    });
    const record = await webhooks.getEndpointRecord(mine.ctx, id);
    expect(record.health).toEqual({ pending: 2, failed: 0, tried_24h: 4, delivered_24h: 3, success_rate_24h: 0.75 });
    hooks.test.clock.advance(DAY_MS + MINUTE_MS);
    expect((await webhooks.getEndpointRecord(mine.ctx, id)).health).toMatchObject({
      pending: 2,
      tried_24h: 0,
      success_rate_24h: null,
    });
    expect(record.previous_secret_until).toBeNull();
    await webhooks.rotateEndpointSecret(mine.ctx, id);
    expect((await webhooks.getEndpointRecord(mine.ctx, id)).previous_secret_until).toBe(
      new Date(hooks.services.clock.now().getTime() + DAY_MS).toISOString(),
    );
  });
});
