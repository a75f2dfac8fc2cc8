import { describe, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { HOUR_MS, MINUTE_MS } from "@/server/core/time";
import { asApiKey, asUser } from "@/server/testing/context";
import { withWebhooks } from "@/server/testing/webhooks";
import { ReplayFilterSchema } from "./schema";
import * as webhooks from "./service";
import { appendEvent, refundObject } from "./testing";

/* R27: what has failed is sent once more, one, some or all of a filter, with the same ids. */

const hooks = withWebhooks();
const { receiver, deliverer, partner, endpoint, deliveriesOf, attemptsOf, auditOf } = hooks;

/** As if their schedule had ended long ago. */
async function failAll(endpointId: string): Promise<void> {
  await hooks.query(
    "update webhook_deliveries set state = 'FAILED', next_attempt_at = null, attempts = 10, updated_at = $2 where endpoint_id = $1 and state = 'PENDING'",
    [endpointId, hooks.services.clock.now()],
  );
}
async function announce(
  partnerId: string,
  count: number,
  type: "refund.succeeded" | "refund.failed" = "refund.succeeded",
) {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1)
    ids.push(await appendEvent(hooks.services, { partnerId, type, subjectId: newId("refund"), sequence: 1 }));
  await webhooks.relayAll(hooks.services);
  return ids;
}
async function workOff(): Promise<number> {
  let replayed = 0;
  for (;;) {
    const advanced = await webhooks.continueReplays(hooks.services);
    if (!advanced) return replayed;
    replayed += advanced.replayed;
  }
}
const filter = (more: Record<string, unknown>) => ReplayFilterSchema.parse(more);

describe("R27: replay", () => {
  it("R27: one dead letter arrives once more under the same ids, and its schedule starts anew", async () => {
    const mine = await partner();
    const shop = await receiver();
    const { id } = await endpoint(mine.ctx, shop.url);
    const [eventId] = await announce(mine.id, 1);
    await failAll(id);
    const [dead] = await deliveriesOf(id);
    if (!dead) throw new Error("nothing was owed");
    expect((await webhooks.getDelivery(mine.ctx, dead.id)).failed_because).toBe("tries_used_up");
    shop.answer((response) => response.writeHead(shop.received.length === 1 ? 500 : 200).end());
    await webhooks.replayDelivery(mine.ctx, dead.id);
    const sending = deliverer();
    // A hiccup at the first try does not kill it again.
    expect(await sending.drain()).toMatchObject({ sent: 0, failed: 1 });
    expect(await deliveriesOf(id)).toMatchObject([{ id: dead.id, state: "PENDING", attempts: 11, schedule_base: 10 }]);
    hooks.test.clock.advance(MINUTE_MS);
    expect(await sending.drain()).toMatchObject({ sent: 1, nextDueAt: null });
    expect(await deliveriesOf(id)).toMatchObject([
      { id: dead.id, state: "DELIVERED", attempts: 12, event_id: eventId },
    ]);
    expect(shop.received.map((got) => got.headers["webhook-id"])).toEqual([eventId, eventId]);
    expect((await attemptsOf(dead.id)).map((attempt) => attempt.number)).toEqual([11, 12]);
    expect(await auditOf(dead.id)).toEqual(["webhook_delivery.replayed"]);
  });

  it("R27: picked ones are sent once each; what is on its way or belongs to somebody else is not", async () => {
    const [mine, theirs] = [await partner(), await partner()];
    const shop = await receiver();
    const { id } = await endpoint(mine.ctx, shop.url);
    const foreign = await endpoint(theirs.ctx, shop.url);
    await announce(mine.id, 3);
    await announce(theirs.id, 1);
    const [first, second, third] = await deliveriesOf(id);
    const [other] = await deliveriesOf(foreign.id);
    if (!first || !second || !third || !other) throw new Error("nothing was owed");
    await hooks.query("update webhook_deliveries set state = 'FAILED', next_attempt_at = null where id = any($1)", [
      [first.id, second.id, other.id],
    ]);
    await expect(webhooks.replayDeliveries(mine.ctx, [first.id, other.id])).rejects.toMatchObject({
      code: "not_found",
    });
    await expect(
      webhooks.replayDeliveries(asApiKey(hooks.services, { partnerId: mine.id, scopes: ["webhooks:read"] }), [
        first.id,
      ]),
    ).rejects.toMatchObject({ code: "permission_denied" });
    expect(await webhooks.replayDeliveries(mine.ctx, [first.id, second.id, second.id, third.id])).toEqual({
      replayed: 2,
      skipped: 1,
    });
    expect(await deliverer().drain()).toMatchObject({ sent: 3 });
    expect(shop.received).toHaveLength(3);
    expect(await auditOf(first.id)).toEqual(["webhook_delivery.replayed"]);
    expect(await auditOf(third.id)).toEqual([]);
    expect(await deliveriesOf(foreign.id)).toMatchObject([{ state: "FAILED" }]);
  });

  it("R27: all that failed since a time are delivered once more, in the background, over many batches; nothing else is", async () => {
    const mine = await partner();
    const [shop, second] = [await receiver(), await receiver()];
    const { id } = await endpoint(mine.ctx, shop.url);
    const beside = await endpoint(mine.ctx, second.url);
    await announce(mine.id, 2);
    await failAll(id);
    hooks.test.clock.advance(HOUR_MS);
    const since = hooks.services.clock.now().toISOString();
    const arrived = await announce(mine.id, 2);
    await deliverer().drain();
    hooks.test.clock.advance(MINUTE_MS);
    await hooks.query(
      `insert into outbox_events (id, partner_id, mode, type, subject_kind, subject_id, sequence, payload, created_at)
       select 'evt_' || lpad(n::text, 26, '0'), $1, 'test', 'refund.succeeded', 'refund', 'ref_' || lpad(n::text, 26, '0'), 1, $3::jsonb, $2
       from generate_series(1, 1100) n`,
      [mine.id, hooks.services.clock.now(), JSON.stringify({ object: refundObject("ref_x") })],
    );
    await webhooks.relayAll(hooks.services);
    await failAll(id);
    await failAll(beside.id);
    hooks.test.clock.advance(MINUTE_MS);
    const before = shop.received.length;
    const underway = await announce(mine.id, 1);
    hooks.test.clock.advance(MINUTE_MS);

    const wanted = filter({ endpoint: id, created_from: since });
    expect(await webhooks.previewReplay(mine.ctx, wanted)).toEqual({ count: 1100, held: 0 });
    const replay = await webhooks.startReplay(mine.ctx, wanted);
    expect(replay).toMatchObject({ status: "running", expected: 1100, replayed: 0, endpoint: id });
    expect(hooks.test.nudges.at(-1)).toBe("replays");
    // What fails after it was asked for is not its business: a clock that has moved tells them apart.
    hooks.test.clock.advance(MINUTE_MS);
    const late = await announce(mine.id, 1);
    await failAll(id);
    expect(await workOff()).toBe(1100);
    expect(await workOff()).toBe(0);
    expect(await webhooks.getReplay(mine.ctx, replay.id)).toMatchObject({ status: "done", replayed: 1100, skipped: 0 });
    await expect.poll(async () => (await deliverer().drain()).nextDueAt).toBeNull();
    const again = shop.received.slice(before).map((got) => String(got.headers["webhook-id"]));
    expect(again).toHaveLength(1100);
    expect(new Set(again).size).toBe(1100);
    for (const eventId of [...arrived, ...underway, ...late]) expect(again).not.toContain(eventId);
    const states = new Map<string, number>();
    for (const { state } of await deliveriesOf(id)) states.set(state, (states.get(state) ?? 0) + 1);
    expect(Object.fromEntries(states)).toEqual({ DELIVERED: 1102, FAILED: 4 });
    expect(await auditOf(replay.id)).toEqual(["webhook_replay.started", "webhook_replay.finished"]);
  });

  it("R27: a crash between two batches, and two workers at once, send nothing twice and lose nothing", async () => {
    const mine = await partner();
    const shop = await receiver();
    const { id } = await endpoint(mine.ctx, shop.url);
    await hooks.query(
      `insert into outbox_events (id, partner_id, mode, type, subject_kind, subject_id, sequence, payload, created_at)
       select 'evt_' || lpad(n::text, 26, '0'), $1, 'test', 'refund.succeeded', 'refund', 'ref_' || lpad(n::text, 26, '0'), 1, $3::jsonb, $2
       from generate_series(5001, 6300) n`,
      [mine.id, hooks.services.clock.now(), JSON.stringify({ object: refundObject("ref_x") })],
    );
    await webhooks.relayAll(hooks.services);
    await failAll(id);
    const replay = await webhooks.startReplay(mine.ctx, filter({ endpoint: id }));
    // The transaction of a batch that breaks leaves nothing behind.
    const broken = {
      ...hooks.services,
      db: {
        ...hooks.services.db,
        transaction: <T>(work: Parameters<typeof hooks.services.db.transaction<T>>[0]) =>
          hooks.services.db.transaction<T>(async (tx) => {
            await work(tx);
            throw new Error("the process died");
          }),
      },
    };
    await expect(webhooks.continueReplays(broken)).rejects.toThrow("the process died");
    expect((await webhooks.getReplay(mine.ctx, replay.id)).replayed).toBe(0);
    await Promise.all([workOff(), workOff(), workOff()]);
    await workOff();
    expect(await webhooks.getReplay(mine.ctx, replay.id)).toMatchObject({ status: "done", replayed: 1300, skipped: 0 });
    await expect.poll(async () => (await deliverer().drain()).nextDueAt).toBeNull();
    expect(new Set(shop.received.map((got) => got.headers["webhook-id"])).size).toBe(1300);
    expect(shop.received).toHaveLength(1300);
  });

  it("R27: a range of time and types, over all endpoints of a Partner, delivered ones too; an endpoint that is off is skipped", async () => {
    const mine = await partner();
    const [on, off] = [await receiver(), await receiver()];
    const first = await endpoint(mine.ctx, on.url);
    const second = await endpoint(mine.ctx, off.url);
    await announce(mine.id, 2, "refund.failed");
    await announce(mine.id, 2, "refund.succeeded");
    expect(await deliverer().drain()).toMatchObject({ sent: 8 });
    const until = hooks.services.clock.now();
    hooks.test.clock.advance(HOUR_MS);
    await announce(mine.id, 1, "refund.failed");
    await deliverer().drain();
    await webhooks.updateEndpoint(mine.ctx, second.id, { status: "disabled" });
    hooks.test.clock.advance(HOUR_MS);
    const wanted = filter({
      statuses: ["delivered", "failed"],
      types: ["refund.failed"],
      created_from: new Date(until.getTime() - HOUR_MS).toISOString(),
      created_to: until.toISOString(),
    });
    expect(await webhooks.previewReplay(mine.ctx, wanted)).toEqual({ count: 4, held: 2 });
    const { id } = await webhooks.startReplay(mine.ctx, wanted);
    await workOff();
    expect(await webhooks.getReplay(mine.ctx, id)).toMatchObject({ status: "done", replayed: 2, skipped: 2 });
    await deliverer().drain();
    expect([on.received.length, off.received.length]).toEqual([7, 5]);
    expect((await deliveriesOf(first.id)).every((delivery) => delivery.state === "DELIVERED")).toBe(true);
    expect(await webhooks.listReplays(mine.ctx, {}, { limit: 10 })).toMatchObject({ total: 1, items: [{ id }] });
  });

  it("R27: nothing to send, an endpoint that is off, a foreign endpoint and a missing permission are refused", async () => {
    const [mine, theirs] = [await partner(), await partner()];
    const { id } = await endpoint(mine.ctx, "http://127.0.0.1:9/");
    await expect(webhooks.startReplay(mine.ctx, filter({ endpoint: id }))).rejects.toMatchObject({
      code: "state_conflict",
    });
    await announce(mine.id, 1);
    await webhooks.updateEndpoint(mine.ctx, id, { status: "disabled" });
    await expect(webhooks.startReplay(mine.ctx, filter({ endpoint: id }))).rejects.toMatchObject({
      code: "state_conflict",
    });
    for (const act of [webhooks.startReplay, webhooks.previewReplay]) {
      await expect(act(theirs.ctx, filter({ endpoint: id }))).rejects.toMatchObject({ code: "not_found" });
      await expect(act(theirs.ctx, filter({ partner: mine.id }))).rejects.toMatchObject({ code: "not_found" });
      await expect(act(asUser(hooks.services, "ACQUIRER_ADMIN"), filter({}))).rejects.toMatchObject({
        code: "validation_failed",
      });
      await expect(act(asUser(hooks.services, "READ_ONLY"), filter({ endpoint: id }))).rejects.toMatchObject({
        code: "permission_denied",
      });
    }
    expect((await webhooks.listReplays(theirs.ctx, {}, { limit: 10 })).items).toEqual([]);
  });
});
