import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import { SECOND_MS } from "@/server/core/time";
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

type Mortal = {
  services: Services;
  /** Resolves with the death; brings what was claimed by the statement that it died after. */
  died: Promise<Row[]>;
  /** Waits until the database has ended what the dead one had asked of it. */
  settled(): Promise<unknown>;
  /** The deliveries that it knew it held, and so has begun to send. */
  held: string[];
};

/** A worker that is dead as soon as this statement has run, or right before it: nothing it asks for comes back to it any more. */
function dyingAt(name: string, when: "before" | "after"): Mortal {
  let isDead = false;
  let tell: (rows: Row[]) => void = () => undefined;
  const died = new Promise<Row[]>((resolve) => {
    tell = resolve;
  });
  const never = new Promise<never>(() => undefined);
  const asked: Promise<unknown>[] = [];
  const held: string[] = [];
  const die = (rows: Row[]): Promise<never> => {
    isDead = true;
    tell(rows);
    return never;
  };
  const db: Database = {
    ...services.db,
    query: async <R extends Row>(statement: Statement): Promise<R[]> => {
      if (isDead) return never;
      const isHere = statement.name === name;
      if (isHere && when === "before") return die([]);
      const answer = services.db.query<R>(statement);
      asked.push(answer);
      const rows = await answer;
      if (isDead) return never;
      if (isHere) return die(rows);
      if (statement.name === "webhooks_claim") held.push(...rows.map((row) => String(row["id"])));
      return rows;
    },
  };
  return { services: { ...services, db }, died, settled: () => Promise.allSettled(asked), held };
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

/** Unix seconds, as receivers read them. */
const seconds = (): number => Math.floor(test.clock.now().getTime() / SECOND_MS);

describe("R41: the process that sends dies", () => {
  it(`R25, R41: ${DEATHS} times between claim and sending, and as often after sending: each message arrives, none is lost, claims expire, a repeat is signed anew`, async () => {
    const { partner } = await makePartner(services);
    const { secret } = await createEndpoint(
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
    const sentAt: number[] = [];
    for (let death = 0; death < DEATHS; death += 1) {
      const worker = dyingAt("webhooks_record", "before");
      createDeliverer(worker.services).wake();
      await worker.died;
      await worker.settled();
      // Time goes on when all that this one had on the wire is there: what comes from now on is another one's.
      sentAt.push(...worker.held.map(seconds));
      await expect.poll(() => shop.received.length, { interval: 1 }).toBe(sentAt.length);
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
    sentAt.push(...ids.map(seconds));

    // A repeat is the same message, byte for byte, with the time of its own sending and a signature over that time.
    expect(shop.received.map((got) => Number(got.headers["webhook-timestamp"]))).toEqual(sentAt);
    const key = Buffer.from(secret.replace("whsec_", ""), "base64");
    for (const { headers, body, json } of shop.received) {
      const signed = `${json.id}.${headers["webhook-timestamp"]}.${body}`;
      expect(headers["webhook-id"]).toBe(json.id);
      expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
    }
    expect(new Set(shop.received.map((got) => got.body)).size).toBe(MESSAGES);
    const sendings = shop.received.map((got) => `${got.json.id} ${got.headers["webhook-timestamp"]}`);
    expect(new Set(sendings).size).toBe(sendings.length);
    const attempts = await services.db.query({ text: "select 1 from webhook_attempts", values: [] });
    expect(attempts).toHaveLength(MESSAGES);
  });
});
