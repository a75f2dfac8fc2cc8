import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import type { Database, Row, Statement } from "@/server/db/client";
import { makePartner } from "@/server/testing/builders";
import { asApiKey, type TestServices, testServices } from "@/server/testing/context";
import { createDeliverer } from "./deliver";
import { CreateEndpointSchema } from "./schema";
import { createEndpoint, relayAll } from "./service";
import { appendEvent, type Receiver, startReceiver } from "./testing";

/* Workers that die in the middle of a delivery, without a last word, five hundred times. */

const DEATHS = Number(process.env.DRAINER_DEATHS ?? 500);
const MESSAGES = 60;
const LEASE_MS = 31_000;

let test: TestServices;
let services: Services;
let shop: Receiver;

beforeAll(async () => {
  test = await testServices({ simulator: false, clock: "movable" });
  services = test.services;
  shop = await startReceiver();
});
afterAll(async () => {
  await shop.close();
  await test.close();
});

/** Services of a worker that is dead as soon as this statement has run, or right before it: nothing it does comes through. */
function dyingAt(name: string, when: "before" | "after"): { services: Services; died: Promise<Row[]> } {
  let isDead = false;
  let tell: (rows: Row[]) => void = () => undefined;
  const died = new Promise<Row[]>((resolve) => {
    tell = resolve;
  });
  const never = new Promise<never>(() => undefined);
  const db: Database = {
    ...services.db,
    query: async <R extends Row>(statement: Statement): Promise<R[]> => {
      if (isDead) return never;
      const isHere = statement.name === name;
      if (isHere && when === "before") {
        isDead = true;
        tell([]);
        return never;
      }
      const rows = await services.db.query<R>(statement);
      if (!isHere) return rows;
      isDead = true;
      tell(rows);
      return never;
    },
  };
  return { services: { ...services, db }, died };
}

const states = async (): Promise<Record<string, number>> =>
  Object.fromEntries(
    (
      await services.db.query<{ state: string; n: number }>({
        text: "select state, count(*)::int as n from webhook_deliveries group by 1",
        values: [],
      })
    ).map((row) => [row.state, row.n]),
  );

describe("R41: the process that sends dies", () => {
  it(`R41: ${DEATHS} times between claim and sending, and as often after sending: each message arrives, none is lost, claims expire`, {
    timeout: 120_000,
  }, async () => {
    const { partner } = await makePartner(services);
    await createEndpoint(
      asApiKey(services, { partnerId: partner.id }),
      CreateEndpointSchema.parse({ url: shop.url, events: ["*"] }),
    );
    const ids: string[] = [];
    for (let n = 0; n < MESSAGES; n += 1)
      ids.push(await appendEvent(services, { partnerId: partner.id, subjectId: newId("refund"), sequence: 1 }));
    expect(await relayAll(services)).toBe(MESSAGES);

    let claimed = 0;
    for (let death = 0; death < DEATHS; death += 1) {
      const worker = dyingAt("webhooks_claim", "after");
      createDeliverer(worker.services).wake();
      const rows = await worker.died;
      expect(rows.length).toBeGreaterThan(0);
      claimed += rows.length;
      if (death % 50 === 0) {
        // What the dead one holds is nobody else's until its lease is over.
        const held = new Set(rows.map((row) => row.id));
        const next = dyingAt("webhooks_claim", "after");
        createDeliverer(next.services).wake();
        expect((await next.died).filter((row) => held.has(row.id))).toEqual([]);
      }
      test.clock.advance(LEASE_MS);
    }
    expect(claimed).toBeGreaterThanOrEqual(DEATHS);
    expect(shop.received).toHaveLength(0);
    expect(await states()).toEqual({ PENDING: MESSAGES });

    // As often after the receiver's 200, before our own mark: sent again, with the same id.
    for (let death = 0; death < DEATHS; death += 1) {
      const worker = dyingAt("webhooks_record", "before");
      createDeliverer(worker.services).wake();
      await worker.died;
      test.clock.advance(LEASE_MS);
    }
    expect(await states()).toEqual({ PENDING: MESSAGES });
    expect(shop.received.length).toBeGreaterThanOrEqual(DEATHS);

    const healthy = createDeliverer(services);
    await healthy.drain(30_000);
    await healthy.stop();
    expect(await states()).toEqual({ DELIVERED: MESSAGES });
    const arrived = new Set(shop.received.map((got) => got.json.id));
    expect(arrived).toEqual(new Set(ids));
    // A repeat is the same message with the time of its own sending.
    const timesOf = (id: string) =>
      shop.received.filter((got) => got.json.id === id).map((got) => got.headers["webhook-timestamp"]);
    const [most = []] = ids.map(timesOf).sort((left, right) => right.length - left.length);
    expect(most.length).toBeGreaterThan(1);
    // Two may share a second: what a dead one had on the wire can come out beside the next one's.
    expect(new Set(most).size).toBeGreaterThan(most.length / 2);
    const attempts = await services.db.query({ text: "select 1 from webhook_attempts", values: [] });
    expect(attempts).toHaveLength(MESSAGES);
  });
});
