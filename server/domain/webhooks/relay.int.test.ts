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
      ].map((rows) => rows.length),
    ).toEqual([3, 2, 1, 0]);
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
});
