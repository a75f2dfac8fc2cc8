import { createServer } from "node:http";
import { createServer as createTcpServer, type Server } from "node:net";
import { describe, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { asUser } from "@/server/testing/context";
import { quickest } from "@/server/testing/equal-time";
import { withWebhooks } from "@/server/testing/webhooks";
import { createSender } from "./send";
import * as webhooks from "./service";
import { appendEvent } from "./testing";
import { type Resolve, urlPolicy } from "./url-guard";

/* S35: whoever adds endpoints learns nothing about our network from what becomes of them. */

const hooks = withWebhooks();
const { receiver, deliverer, partner, endpoint, deliveriesOf } = hooks;
const LIVE = urlPolicy("live", { WEBHOOK_ALLOW_PRIVATE_IN_TEST: true, isProduction: false });

async function listen(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  hooks.closeLater(() => new Promise((done) => server.close(() => done())));
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}

describe("S35: endpoints are no way to explore a network", () => {
  it("S35: refused by us, unknown, closed and silent look alike to a Partner, in every word and number; staff see which", async () => {
    const mine = await partner();
    const silent = await receiver();
    silent.answer(() => undefined);
    const resolve: Resolve = async (host) => {
      if (host === "refused.example.com") return [{ address: "169.254.169.254", family: 4 }];
      throw new Error("ENOTFOUND");
    };
    const urls = {
      address_refused: "http://refused.example.com:8080/",
      unknown: "http://unknown.example.com:8080/",
      closed: "http://127.0.0.1:9/",
      silent: silent.url,
    };
    const made = Object.fromEntries(
      await Promise.all(
        Object.entries(urls).map(async ([name, url]) => [name, await endpoint(mine.ctx, url)] as const),
      ),
    );
    await appendEvent(hooks.services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(hooks.services);
    await deliverer({ timeoutMs: 1_000, resolve }).drain();
    const ids = await Promise.all(Object.values(made).map(async ({ id }) => (await deliveriesOf(id))[0]?.id ?? "none"));
    const seen = await Promise.all(ids.map((id) => webhooks.getDelivery(mine.ctx, id)));
    const told = seen.map(
      ({ attempts_made, status, attempts, next_attempt_at, delivered_at, updated_at, failed_because }) => ({
        attempts_made,
        ...{ status, attempts, next_attempt_at, delivered_at, updated_at, failed_because },
      }),
    );
    for (const one of told) expect(one).toEqual(told[0]);
    expect(told[0]?.attempts_made).toEqual([
      {
        number: 1,
        status: null,
        outcome: "unreachable",
        answer: null,
        duration_ms: null,
        url: null,
        is_body_exact: null,
        created_at: hooks.services.clock.now().toISOString(),
      },
    ]);
    const partnerAdmin = asUser(hooks.services, "PARTNER_ADMIN", [mine.id]);
    expect((await webhooks.getDelivery(partnerAdmin, ids[0] ?? "")).attempts_made[0]?.outcome).toBe("unreachable");
    const staff = asUser(hooks.services, "ACQUIRER_OPERATIONS");
    const outcomes = await Promise.all(
      ids.map(async (id) => (await webhooks.getDelivery(staff, id)).attempts_made[0]?.outcome),
    );
    expect(outcomes).toEqual(["address_refused", "connection_failed", "connection_failed", "timeout"]);

    // The same in lists: how the last try ended.
    const lastOf = async (ctx: typeof staff) => {
      const { items } = await webhooks.listDeliveries(ctx, {}, { limit: 100 });
      return ids.map((id) => items.find((row) => row.id === id)?.last_outcome);
    };
    expect(await lastOf(staff)).toEqual(outcomes);
    expect(new Set(await lastOf(partnerAdmin))).toEqual(new Set(["unreachable"]));
    const event = seen[0]?.event.id ?? "";
    const ofEvent = async (ctx: typeof staff) =>
      (await webhooks.getEventRecord(ctx, event)).deliveries_made.map((row) => row.last_outcome).sort();
    expect(await ofEvent(staff)).toEqual([...outcomes].sort());
    expect(new Set(await ofEvent(partnerAdmin))).toEqual(new Set(["unreachable"]));
  });

  it("S35: in live mode open, closed and silent ports inside are not even connected to, and answered as fast as each other", async () => {
    let connections = 0;
    const open = await listen(createServer((_request, response) => response.end("internal body canary")));
    const silent = await listen(createTcpServer(() => undefined).on("connection", () => (connections += 1)));
    const closed = 9;
    const inside: Resolve = async () => [{ address: "127.0.0.1", family: 4 }];
    // As if every port could be called: only the address speaks against it.
    const sender = createSender({ ...LIVE, isHttpsOnly: false, ports: null }, { resolve: inside, timeoutMs: 2_000 });
    const spread = async (): Promise<number> => {
      const times: Record<string, number[]> = { open: [], silent: [], closed: [] };
      for (let round = 0; round < 30; round += 1) {
        for (const [name, port] of Object.entries({ open, silent, closed })) {
          const result = await sender.post({ url: `http://inside.example.com:${port}/`, headers: {}, body: "{}" });
          expect(result).toMatchObject({ outcome: "address_refused", status: null, answer: null });
          times[name]?.push(result.durationMs);
        }
      }
      const medians = Object.values(times).map((list) => list.sort((a, b) => a - b)[15] ?? 0);
      return Math.max(...medians) - Math.min(...medians);
    };
    // A connection that is tried and hangs would cost two seconds, one that is refused or served some milliseconds more than its neighbours.
    expect(await quickest(spread, 5)).toBeLessThan(5);
    await sender.close();
    expect(connections).toBe(0);
  });

  it("S33, S35: where a redirect leads is not asked, and what stands there is not told", async () => {
    const mine = await partner();
    const [moved, inside] = [await receiver(), await receiver()];
    inside.answer((response) => response.end("internal body canary"));
    moved.answer((response) => response.writeHead(302, { location: inside.url }).end("moved"));
    const { id } = await endpoint(mine.ctx, moved.url);
    await appendEvent(hooks.services, { partnerId: mine.id, subjectId: newId("refund"), sequence: 1 });
    await webhooks.relayAll(hooks.services);
    await deliverer().drain();
    const [delivery] = await deliveriesOf(id);
    const detail = await webhooks.getDelivery(mine.ctx, delivery?.id ?? "");
    expect(detail.attempts_made).toMatchObject([{ status: 302, outcome: "redirect_refused", answer: "moved" }]);
    expect(detail).toMatchObject({ last_status: 302, last_outcome: "redirect_refused", is_endpoint_deleted: false });
    expect(inside.received).toHaveLength(0);
    expect(JSON.stringify(detail)).not.toContain("canary");
    await webhooks.deleteEndpoint(mine.ctx, id);
    expect(await webhooks.getDelivery(mine.ctx, delivery?.id ?? "")).toMatchObject({ is_endpoint_deleted: true });
  });
});
