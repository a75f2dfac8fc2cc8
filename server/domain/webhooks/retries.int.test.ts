import { describe, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { DAY_MS, HOUR_MS } from "@/server/core/time";
import { withWebhooks } from "@/server/testing/webhooks";
import * as webhooks from "./service";
import { appendEvent } from "./testing";

const hooks = withWebhooks();
const { receiver, deliverer, partner, endpoint, endpointRow, deliveriesOf, attemptsOf } = hooks;

describe("an endpoint that fails", () => {
  it("R24: Retry-After is honoured, a redirect is not followed, silence is a timeout", async () => {
    const mine = await partner();
    const [busy, moved, silent, inside] = [await receiver(), await receiver(), await receiver(), await receiver()];
    busy.answer((response) => response.writeHead(429, { "retry-after": "120" }).end());
    moved.answer((response) => response.writeHead(301, { location: inside.url }).end());
    silent.answer(() => undefined);
    const made = [
      await endpoint(mine.ctx, busy.url),
      await endpoint(mine.ctx, moved.url),
      await endpoint(mine.ctx, silent.url),
    ];
    await appendEvent(hooks.services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(hooks.services);
    const now = hooks.services.clock.now().getTime();
    expect(await deliverer({ timeoutMs: 1_000 }).drain()).toMatchObject({ sent: 0, failed: 3 });
    const rows = await Promise.all(made.map(async ({ id }) => (await deliveriesOf(id))[0]));
    expect(rows.map((row) => (row?.next_attempt_at?.getTime() ?? 0) - now)).toEqual([120_000, 5_000, 5_000]);
    const outcomes = await Promise.all(rows.map(async (row) => (await attemptsOf(row?.id ?? ""))[0]?.outcome));
    expect(outcomes).toEqual(["http_error", "redirect_refused", "timeout"]);
    expect(inside.received).toHaveLength(0);
  });

  it("R24: 410 switches the endpoint off at once, gives up what it is owed and raises one alarm", async () => {
    const mine = await partner();
    const shop = await receiver();
    shop.answer((response) => response.writeHead(410).end());
    const { id } = await endpoint(mine.ctx, shop.url);
    const subjectId = newId("refund");
    for (const sequence of [1, 2, 3]) await appendEvent(hooks.services, { partnerId: mine.id, subjectId, sequence });
    await webhooks.relayAll(hooks.services);
    await deliverer().drain();
    expect(shop.received).toHaveLength(1);
    expect(await webhooks.getEndpointRecord(mine.ctx, id)).toMatchObject({
      status: "disabled",
      disabled_reason: "gone",
    });
    expect((await deliveriesOf(id)).map((delivery) => delivery.state)).toEqual(["FAILED", "FAILED", "FAILED"]);
    expect(
      await hooks.services.db.query({
        text: "select kind, partner_id from alarms where subject_id = $1",
        values: [id],
      }),
    ).toEqual([{ kind: "webhook_endpoint_disabled", partner_id: mine.id }]);
    await expect(webhooks.sendTestEvent(mine.ctx, id)).rejects.toMatchObject({ code: "state_conflict" });
    expect(await webhooks.updateEndpoint(mine.ctx, id, { status: "enabled" })).toMatchObject({ status: "enabled" });
    expect(await webhooks.getEndpointRecord(mine.ctx, id)).toMatchObject({
      disabled_reason: null,
      consecutive_failures: 0,
    });
  });

  it("R24: an endpoint that has answered nothing but failures for five days is switched off; one success starts the count anew", async () => {
    const mine = await partner();
    const shop = await receiver();
    const { id } = await endpoint(mine.ctx, shop.url);
    const sending = deliverer();
    const send = async (status: number): Promise<void> => {
      shop.answer((response) => response.writeHead(status).end());
      await appendEvent(hooks.services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
      await webhooks.relayAll(hooks.services);
      await sending.drain();
    };
    await send(500);
    hooks.test.clock.advance(4 * DAY_MS);
    await send(200);
    await send(500);
    hooks.test.clock.advance(5 * DAY_MS - HOUR_MS);
    await send(500);
    expect(await endpointRow(id)).toMatchObject({ state: "ENABLED" });
    hooks.test.clock.advance(2 * HOUR_MS);
    await send(500);
    expect(await endpointRow(id)).toMatchObject({ state: "DISABLED", disabled_reason: "failing" });
    expect(
      await hooks.services.db.query({ text: "select kind from alarms where subject_id = $1", values: [id] }),
    ).toHaveLength(1);
  });
});
