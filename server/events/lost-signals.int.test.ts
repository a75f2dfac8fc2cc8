import { createServer } from "node:http";
import type { Inngest } from "inngest";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startTestEngine } from "@/inngest/engine/testing";
import { processInbox } from "@/server/domain/inbox/process";
import { CreateEndpointSchema, ReplayFilterSchema } from "@/server/domain/webhooks/schema";
import {
  continueReplays,
  createEndpoint,
  deliverDue,
  relayAll,
  sendTestEvent,
  startReplay,
} from "@/server/domain/webhooks/service";
import { createRest } from "@/server/rest/run";
import { type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { asApiKey, type TestServices, testServices } from "@/server/testing/context";
import { testDatabase } from "@/server/testing/database";
import { deafenListeners } from "@/server/testing/database-faults";
import { receiveKlarnaWebhooks, type WebhookReceiver } from "@/server/testing/klarna-webhooks";
import { callRest, makeKey, restRequest } from "@/server/testing/rest";
import { sendSigned } from "@/server/testing/signed-event";
import type { Nudge } from "./nudge";
import { startWatch } from "./watch";

/*
 * Nobody hears anything: notifications are not listened to and signals go nowhere. Everything is found all the same, by
 * those who look. A second is the promise; the tests allow for a busy machine.
 */

const PROMISED_MS = 1_000;
const SLACK_MS = 1_500;

let test: TestServices;
let webhooks: WebhookReceiver;
let own: BuiltPartner;
let key: string;
let deaf: { remove(): void; ignored: () => number } | null = null;

beforeAll(async () => {
  test = await testServices();
  webhooks = await receiveKlarnaWebhooks(test.services, test.simulator);
  own = await makePartner(test.services);
  key = (await makeKey(test.services, own.partner.id)).key;
});
afterAll(async () => {
  await webhooks.close();
  await test.close();
});
afterEach(() => {
  deaf?.remove();
  deaf = null;
});

const sale = () => ({
  amount: 11_850,
  currency: "SEK",
  reference: unique("order"),
  store: { id: own.store.id },
  terminal: { id: own.terminal.id },
});

/** What the watch says is done as the background would do it. */
function watchAndWork(): { heard: Nudge[]; stop: () => Promise<void> } {
  const heard: Nudge[] = [];
  const working = new Set<Promise<unknown>>();
  const work: Partial<Record<Nudge, () => Promise<unknown>>> = {
    inbox: () => processInbox(test.services),
    outbox: () => relayAll(test.services),
    deliveries: () => deliverDue(test.services, { budgetMs: 1_000 }),
    replays: () => continueReplays(test.services),
  };
  const watch = startWatch({
    ...test.services,
    nudge: (what) => {
      heard.push(what);
      const done = (work[what]?.() ?? Promise.resolve()).finally(() => working.delete(done));
      working.add(done);
    },
  });
  return {
    heard,
    stop: async () => {
      await watch.stop();
      await Promise.all(working);
    },
  };
}

async function took(isSo: () => Promise<boolean> | boolean): Promise<number> {
  const startedMs = performance.now();
  while (!(await isSo())) {
    if (performance.now() - startedMs > 10_000) throw new Error("waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return performance.now() - startedMs;
}

const waits = async (table: string, where: string): Promise<number> =>
  (
    await test.services.db.query<{ count: number }>({
      text: `select count(*)::int as count from ${table} where ${where}`,
      values: [],
    })
  )[0]?.count ?? -1;

describe("R42: with every notification and signal lost", () => {
  it("R42: a stream tells of a change within a second", async () => {
    deaf = deafenListeners();
    const rest = createRest(test.services);
    const made = await callRest(rest, "POST", "/api/v1/payments", { key, body: sale() });
    const { id, klarna } = made.json as { id: string; klarna: { payment_request_id: string } };
    const gone = new AbortController();
    const { body } = await rest.handle(
      restRequest("GET", `/api/v1/payments/${id}/events`, { key, signal: gone.signal }),
    );
    if (body === null || typeof body === "string" || body instanceof Uint8Array) throw new Error("no stream");
    const parts = body[Symbol.asyncIterator]();
    const nextData = async (): Promise<string> => {
      for (;;) {
        const { value, done } = await parts.next();
        if (done) throw new Error("the stream ended");
        if (value.includes("data:")) return value;
      }
    };
    expect(await nextData()).toContain('"pending"');
    await expect.poll(() => deaf?.ignored() ?? 0).toBeGreaterThan(0);
    // The stream rests between two polls when the change comes.
    const heard = nextData();
    await test.simulator.control.play(klarna.payment_request_id, "open");
    await test.simulator.control.idle();
    await processInbox(test.services);
    const changedMs = performance.now();
    expect(await heard).toContain('"in_progress"');
    expect(performance.now() - changedMs).toBeLessThan(PROMISED_MS + SLACK_MS);
    gone.abort();
    await parts.return?.();
    await rest.close();
  });

  it("R42: an event from Klarna is worked off, and one for a Partner relayed", async () => {
    const rest = createRest(test.services);
    await callRest(rest, "POST", "/api/v1/payments", { key, body: sale() });
    await sendSigned(webhooks, { type: "payment.unheard.of", account: own.account.id, payload: {} });
    expect(await waits("inbox_events", "next_attempt_at is not null")).toBeGreaterThan(0);
    expect(await waits("outbox_events", "relayed_at is null")).toBeGreaterThan(0);
    const background = watchAndWork();
    expect(await took(async () => (await waits("inbox_events", "next_attempt_at <= now()")) === 0)).toBeLessThan(
      PROMISED_MS + SLACK_MS,
    );
    expect(await took(async () => (await waits("outbox_events", "relayed_at is null")) === 0)).toBeLessThan(
      PROMISED_MS + SLACK_MS,
    );
    await background.stop();
    // What earlier tests left may be due by now on a slow machine.
    const others = new Set(["payments", "deliveries"]);
    expect(new Set(background.heard.filter((what) => !others.has(what)))).toEqual(new Set(["inbox", "outbox"]));
    await rest.close();
  });

  it("R42: a test event reaches its endpoint, and when nothing waits nobody is woken", async () => {
    let received = 0;
    const receiver = createServer((request, response) => {
      received += 1;
      request.resume();
      response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const address = receiver.address();
    const url = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/hook`;
    const ctx = asApiKey(test.services, { partnerId: own.partner.id });
    const { endpoint } = await createEndpoint(ctx, CreateEndpointSchema.parse({ url, events: ["payment.*"] }));
    await relayAll(test.services);
    await sendTestEvent(ctx, endpoint.id);
    const background = watchAndWork();
    expect(await took(() => received > 0)).toBeLessThan(PROMISED_MS + SLACK_MS);
    await background.stop();

    const idle = watchAndWork();
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await idle.stop();
    expect(idle.heard.filter((what) => what !== "payments")).toEqual([]);
    receiver.closeAllConnections();
    receiver.close();
  });

  it("R42: a replay that nobody was told of begins", async () => {
    const ctx = asApiKey(test.services, { partnerId: own.partner.id });
    const { endpoint } = await createEndpoint(
      ctx,
      CreateEndpointSchema.parse({ url: "http://127.0.0.1:9/hook", events: ["payment.*"] }),
    );
    await sendTestEvent(ctx, endpoint.id);
    await test.services.db.query({
      text: "update webhook_deliveries set state = 'FAILED', next_attempt_at = null where endpoint_id = $1",
      values: [endpoint.id],
    });
    const replay = await startReplay(ctx, ReplayFilterSchema.parse({ endpoint: endpoint.id }));
    const running = () => waits("webhook_replays", `id = '${replay.id}' and state = 'RUNNING'`);
    expect(await running()).toBe(1);
    const background = watchAndWork();
    expect(await took(async () => (await running()) === 0)).toBeLessThan(PROMISED_MS + SLACK_MS);
    await background.stop();
    expect(background.heard).toContain("replays");
  });

  it("R42: the engine finds its jobs by looking", async () => {
    deaf = deafenListeners();
    const database = await testDatabase();
    const calls: number[] = [];
    const engine = await startTestEngine({
      databaseUrl: database.url,
      define: (inngest: Inngest) => [
        inngest.createFunction({ id: "note", triggers: [{ event: "test/note" }] }, async ({ step }) => {
          await step.run("note", () => calls.push(performance.now()));
        }),
      ],
      options: { pollIntervalMs: 500 },
    });
    try {
      await expect.poll(() => deaf?.ignored() ?? 0).toBeGreaterThan(0);
      await engine.inngest.send({ name: "test/note", data: {} });
      const [run] = await engine.ended("note");
      // A replay has no short cut: its job waits in the queue until somebody looks.
      const startedMs = performance.now();
      await engine.engine.replay(run?.id ?? "");
      await engine.ended("note", 2);
      expect(calls).toHaveLength(2);
      expect((calls[1] ?? 0) - startedMs).toBeLessThan(PROMISED_MS + SLACK_MS);
    } finally {
      await engine.close();
      await database.drop();
    }
  });
});
