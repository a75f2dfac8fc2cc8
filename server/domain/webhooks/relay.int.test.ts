import { describe, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { withWebhooks } from "@/server/testing/webhooks";
import * as webhooks from "./service";
import { appendEvent } from "./testing";

const hooks = withWebhooks();
const { partner, endpoint, deliveriesOf } = hooks;

describe("relay", () => {
  it("each endpoint is owed exactly what it subscribed to, of its Partner and mode", async () => {
    const [mine, theirs] = [await partner(), await partner()];
    const all = await endpoint(mine.ctx, "http://127.0.0.1:9/");
    const family = await endpoint(mine.ctx, "http://127.0.0.1:9/", { events: ["payment.*"] });
    const one = await endpoint(mine.ctx, "http://127.0.0.1:9/", { events: ["refund.failed", "payment.completed"] });
    const other = await endpoint(theirs.ctx, "http://127.0.0.1:9/");
    const off = await endpoint(mine.ctx, "http://127.0.0.1:9/");
    await webhooks.updateEndpoint(mine.ctx, off.id, { status: "disabled" });
    const subject = newId("payment");
    await appendEvent(hooks.services, { partnerId: mine.id, type: "payment.pending", subjectId: subject, sequence: 1 });
    await appendEvent(hooks.services, {
      partnerId: mine.id,
      type: "payment.completed",
      subjectId: subject,
      sequence: 2,
    });
    await appendEvent(hooks.services, {
      partnerId: mine.id,
      type: "refund.succeeded",
      subjectId: newId("refund"),
      sequence: 1,
    });
    expect(await webhooks.relayAll(hooks.services)).toBe(6);
    expect(await webhooks.relayAll(hooks.services)).toBe(0);
    expect(
      [
        await deliveriesOf(all.id),
        await deliveriesOf(family.id),
        await deliveriesOf(one.id),
        await deliveriesOf(other.id),
        await deliveriesOf(off.id),
      ].map((rows) => rows.length),
    ).toEqual([3, 2, 1, 0, 0]);
    for (const { id } of await deliveriesOf(all.id)) expect(id).toMatch(/^whd_[0-9A-HJKMNP-TV-Z]{26}$/);
  });

  it("R41: many relays at once make each delivery once and lose none", async () => {
    const mine = await partner();
    const { id } = await endpoint(mine.ctx, "http://127.0.0.1:9/");
    for (let subject = 0; subject < 30; subject += 1) {
      const subjectId = newId("payment");
      for (let sequence = 1; sequence <= 3; sequence += 1)
        await appendEvent(hooks.services, { partnerId: mine.id, subjectId, sequence });
    }
    const relayed = await Promise.all(
      Array.from({ length: 8 }, () => webhooks.relayOutbox(hooks.services, { limit: 20 })),
    );
    expect(relayed.every(({ events }) => events <= 20)).toBe(true);
    await webhooks.relayAll(hooks.services);
    const made = await deliveriesOf(id);
    expect(made).toHaveLength(90);
    expect(new Set(made.map((delivery) => delivery.id)).size).toBe(90);
    expect(
      await hooks.services.db.query({ text: "select 1 from outbox_events where relayed_at is null", values: [] }),
    ).toEqual([]);
  });

  it("what was owed at the moment at which its endpoint was switched off is given up, not pending for ever", async () => {
    const mine = await partner();
    const [gone, kept] = [
      await endpoint(mine.ctx, "http://127.0.0.1:9/"),
      await endpoint(mine.ctx, "http://127.0.0.1:9/"),
    ];
    await appendEvent(hooks.services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
    let relaying: Promise<unknown> = Promise.resolve();
    await hooks.services.db.transaction(async (tx) => {
      await tx.query({ text: "select 1 from webhook_endpoints where id = $1 for update", values: [gone.id] });
      relaying = webhooks.relayAll(hooks.services);
      // It has read that the endpoint is on, and waits for this row.
      const isWaiting = () =>
        hooks.query(
          "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%insert into webhook_deliveries%'",
        );
      while ((await isWaiting()).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      await tx.query({
        text: "update webhook_endpoints set deleted_at = now(), state = 'DISABLED', disabled_reason = 'deleted' where id = $1",
        values: [gone.id],
      });
    });
    await relaying;
    expect(await deliveriesOf(gone.id)).toMatchObject([{ state: "PENDING" }]);
    expect(await webhooks.giveUpStranded(hooks.services)).toBe(1);
    expect(await deliveriesOf(gone.id)).toMatchObject([{ state: "FAILED", next_attempt_at: null }]);
    expect(await deliveriesOf(kept.id)).toMatchObject([{ state: "PENDING" }]);
    expect(await webhooks.giveUpStranded(hooks.services)).toBe(0);
  });
});
