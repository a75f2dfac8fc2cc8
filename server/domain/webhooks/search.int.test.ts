import { expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { withWebhooks } from "@/server/testing/webhooks";
import * as webhooks from "./service";
import { appendEvent } from "./testing";

const hooks = withWebhooks();
const { partner, endpoint } = hooks;
const page = { limit: 10 };

it("endpoints, deliveries and events are found by every id that they carry, and by nobody else", async () => {
  const [mine, other] = [await partner(), await partner()];
  const made = await endpoint(mine.ctx, "http://127.0.0.1:9/shop-Hooks");
  await endpoint(mine.ctx, "http://127.0.0.1:9/elsewhere");
  const subject = newId("refund");
  await appendEvent(hooks.services, { partnerId: mine.id, subjectId: subject, sequence: 1 });
  await webhooks.relayAll(hooks.services);

  for (const search of [made.id, "shop-hooks"]) {
    const found = await webhooks.listEndpointRecords(mine.ctx, { search }, page);
    expect(found.items.map((item) => item.id)).toEqual([made.id]);
  }
  const [event] = (await webhooks.listEventRecords(mine.ctx, { search: subject }, page)).items;
  expect(event).toMatchObject({ subject });
  const byEndpoint = await webhooks.listDeliveries(mine.ctx, { search: made.id }, page);
  expect(byEndpoint.items).toHaveLength(1);
  for (const search of [event?.id ?? "", byEndpoint.items[0]?.id ?? "", subject]) {
    const found = await webhooks.listDeliveries(mine.ctx, { search }, page);
    expect(found.items.map((item) => item.id)).toContain(byEndpoint.items[0]?.id);
    expect((await webhooks.listDeliveries(other.ctx, { search }, page)).items).toEqual([]);
  }
  expect((await webhooks.listEventRecords(other.ctx, { search: subject }, page)).items).toEqual([]);
});
