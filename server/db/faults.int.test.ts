import { createHmac } from "node:crypto";
import net from "node:net";
import { TRPCError } from "@trpc/server";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { isDatabaseUnavailable } from "@/server/core/database-errors";
import { newId } from "@/server/core/ids";
import { MINUTE_MS } from "@/server/core/time";
import { processInbox } from "@/server/domain/inbox/process";
import { checkInvariants } from "@/server/domain/invariants";
import { advanceDuePayments } from "@/server/domain/payments/service";
import { relayAll } from "@/server/domain/webhooks/service";
import { createGateway } from "@/server/gateway/gateway";
import { createRest, type Rest } from "@/server/rest/run";
import { type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { conflictsInOneOf, type DatabaseFault, injectDatabaseFaults } from "@/server/testing/database-faults";
import { receiveKlarnaWebhooks, type WebhookReceiver } from "@/server/testing/klarna-webhooks";
import { callRest, makeKey, type RestAnswer } from "@/server/testing/rest";
import { eventBody } from "@/server/testing/signed-event";
import { toAppError } from "@/server/trpc/init";
import { createDatabase } from "./client";

/*
 * The database at its worst: conflicts in every twentieth statement, no connections left, locks that nobody lets go, no
 * room on the disk. Callers hear "not now", nothing is half done, and the next call finds everything as it should be.
 */

let test: TestServices;
let rest: Rest;
let webhooks: WebhookReceiver;
let own: BuiltPartner;
let key: string;
let fault: DatabaseFault | null = null;

beforeAll(async () => {
  test = await testServices({ clock: "movable", connections: 8 });
  rest = createRest(test.services);
  webhooks = await receiveKlarnaWebhooks(test.services, test.simulator);
  own = await makePartner(test.services);
  key = (await makeKey(test.services, own.partner.id)).key;
});
afterAll(async () => {
  await webhooks.close();
  await rest.close();
  await test.close();
});
afterEach(async () => {
  fault?.remove();
  fault = null;
  await test.simulator.control.clearFaults();
  await settle();
  const broken = (await checkInvariants(test.services.db)).filter((result) => result.broken > 0);
  expect(broken, "INV").toEqual([]);
});

const sale = (overrides: Record<string, unknown> = {}) => ({
  amount: 11_850,
  currency: "SEK",
  reference: unique("order"),
  store: { id: own.store.id },
  terminal: { id: own.terminal.id },
  ...overrides,
});
type Sold = { id: string; status: string; klarna: { payment_request_id: string } };
const post = (path: string, body: unknown, idempotencyKey: string = newId("request")): Promise<RestAnswer> =>
  callRest(rest, "POST", path, { key, body, idempotencyKey });
const read = (path: string): Promise<RestAnswer> => callRest(rest, "GET", path, { key });
const sold = (answer: RestAnswer): Sold => answer.json as Sold;

async function settle(): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    await test.simulator.control.idle();
    await processInbox(test.services);
  }
}

async function count(table: string, where: string, values: unknown[]): Promise<number> {
  const [row] = await test.services.db.query<{ count: number }>({
    text: `select count(*)::int as count from ${table} where ${where}`,
    values,
  });
  return row?.count ?? -1;
}

async function passTime(ms: number): Promise<void> {
  test.clock.advance(ms);
  await test.simulator.control.advance(ms);
}

/** Does `work` until the payment reads as wanted; each answer is handed to `heard`. */
async function becomes(
  id: string,
  status: string,
  work: () => Promise<unknown>,
  heard: (answer: RestAnswer) => void = () => undefined,
): Promise<void> {
  await expect
    .poll(
      async () => {
        await work();
        const answer = await read(`/api/v1/payments/${id}`);
        heard(answer);
        return sold(answer).status;
      },
      { timeout: 60_000, interval: 50 },
    )
    .toBe(status);
}

/** As few tries as it takes until the same call with the same key is served. */
async function eventually(call: () => Promise<RestAnswer>): Promise<RestAnswer> {
  let last: RestAnswer | null = null;
  await expect
    .poll(
      async () => {
        last = await call();
        return last.status;
      },
      { timeout: 60_000, interval: 100 },
    )
    .toBeLessThan(400);
  if (!last) throw new Error("never called");
  return last;
}

describe("conflicts", () => {
  it("R39: with every twentieth statement refused as deadlock or serialization failure nobody hears of it, and all holds", async () => {
    fault = injectDatabaseFaults("tillgate-test", conflictsInOneOf(20));
    const statuses: number[] = [];
    const note = <T extends RestAnswer>(answer: T): T => {
      statuses.push(answer.status);
      return answer;
    };
    const one = async (index: number): Promise<string> => {
      const made = note(await post("/api/v1/payments", sale({ capture: index % 3 === 0 ? "manual" : "automatic" })));
      const { id, klarna } = sold(made);
      await test.simulator.control.play(klarna.payment_request_id, "complete");
      await becomes(id, index % 3 === 0 ? "authorized" : "completed", settle, (answer) => note(answer));
      note(await read("/api/v1/payments?limit=5"));
      if (index % 3 === 0) {
        note(await post(`/api/v1/payments/${id}/void`, {}));
        return id;
      }
      note(await post(`/api/v1/payments/${id}/refunds`, { amount: 1_000, reason: "Return" }));
      note(await read(`/api/v1/payments/${id}/refunds`));
      return id;
    };
    const ids = await Promise.all(Array.from({ length: 24 }, (_, index) => one(index)));
    await advanceDuePayments(test.services);
    await relayAll(test.services);
    expect(fault.injected()).toBeGreaterThan(fault.seen() / 40);
    expect(fault.injected()).toBeGreaterThan(30);
    fault.remove();

    expect(statuses.filter((status) => status >= 400)).toEqual([]);
    const ends = await Promise.all(ids.map(async (id) => sold(await read(`/api/v1/payments/${id}`)).status));
    expect(ends).toEqual(ids.map((_, index) => (index % 3 === 0 ? "voided" : "completed")));
    for (const id of ids) {
      const booked = await test.simulator.control.transactions({ payment_transaction_reference: id });
      expect(booked).toHaveLength(1);
    }
    expect(await count("outbox_events", "relayed_at is null", [])).toBe(0);
  });

  it("R39: two transactions that really deadlock both commit", async () => {
    const { db } = test.services;
    await db.query({ text: "create table pair (id int primary key, n int not null)", values: [] });
    await db.query({ text: "insert into pair values (1, 0), (2, 0)", values: [] });
    let attempts = 0;
    let waiting = 0;
    let open: () => void = () => undefined;
    const both = new Promise<void>((resolve) => {
      open = resolve;
    });
    const bump = (first: number, second: number): Promise<void> =>
      db.transaction(async (tx) => {
        attempts += 1;
        await tx.query({ text: "update pair set n = n + 1 where id = $1", values: [first] });
        waiting += 1;
        if (waiting === 2) open();
        await both;
        await tx.query({ text: "update pair set n = n + 1 where id = $1", values: [second] });
      });
    await Promise.all([bump(1, 2), bump(2, 1)]);
    expect(await db.query({ text: "select n from pair order by id", values: [] })).toEqual([{ n: 2 }, { n: 2 }]);
    expect(attempts).toBe(3);
  });

  it("R39: reads through Prisma are repeated too", async () => {
    let left = 4;
    fault = injectDatabaseFaults("tillgate-test-prisma", () => (left-- > 0 ? "40001" : null));
    expect(await test.services.db.prisma.partner.count({ where: { id: own.partner.id } })).toBe(1);
    expect(fault.injected()).toBe(4);
  });
});

describe("no room", () => {
  const isRefused = (answer: RestAnswer): void => {
    expect([answer.status, (answer.json as { code: string }).code]).toEqual([503, "unavailable"]);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    expect(answer.text).not.toMatch(/injected|statement|disk/);
  };

  it.each([
    ["53100", "disk full"],
    ["53200", "out of memory"],
    ["55P03", "a lock not had in time"],
    ["57014", "a statement that took too long"],
    ["57P01", "the server shutting down"],
  ])(
    "R40: %s (%s) when a payment is written is 503 with Retry-After, leaves nothing, and the same call works later",
    async (state) => {
      const body = sale();
      const idempotencyKey = newId("request");
      const callsBefore = (await test.simulator.control.calls({ account: own.account.id })).length;
      fault = injectDatabaseFaults("tillgate-test", (text) => (/insert into|update /i.test(text) ? state : null));
      isRefused(await post("/api/v1/payments", body, idempotencyKey));
      isRefused(await post("/api/v1/payments", body, idempotencyKey));
      fault.remove();
      expect(await count("payments", "reference = $1", [body.reference])).toBe(0);
      expect(await count("idempotent_answers", "key = $1", [idempotencyKey])).toBe(0);
      expect(await test.simulator.control.calls({ account: own.account.id })).toHaveLength(callsBefore);
      expect((await post("/api/v1/payments", body, idempotencyKey)).status).toBe(201);
    },
  );

  it("R40: a disk that fills up while Klarna answers loses nothing: one payment, one call's effect, the answer by the same key", async () => {
    const body = sale({ amount: 11_802 });
    const idempotencyKey = newId("request");
    let isFull = false;
    fault = injectDatabaseFaults("tillgate-test", (text) => {
      if (isFull && /insert into|update /i.test(text)) return "53100";
      if (/insert into payments/i.test(text) || /klarna_operations/i.test(text)) isFull = true;
      return null;
    });
    const refused = await post("/api/v1/payments", body, idempotencyKey);
    expect([202, 503]).toContain(refused.status);
    expect(fault.injected()).toBeGreaterThan(0);
    fault.remove();
    expect(await count("payments", "reference = $1", [body.reference])).toBe(1);
    const [made] = await test.services.db.query<{ id: string }>({
      text: "select id from payments where reference = $1",
      values: [body.reference],
    });
    await passTime(MINUTE_MS);
    await becomes(made?.id ?? "", "completed", () => advanceDuePayments(test.services));
    const answer = await eventually(() => post("/api/v1/payments", body, idempotencyKey));
    expect(sold(answer).status).toBe("completed");
    const booked = await test.simulator.control.transactions({ payment_transaction_reference: sold(answer).id });
    expect(booked).toHaveLength(1);
  });

  it("R40: Klarna's webhook that cannot be stored is 503, so that Klarna sends it again; then it is stored once", async () => {
    const gateway = createGateway(test.services);
    const port = await gateway.listen(0, "127.0.0.1");
    const eventId = newId("request");
    const rawBody = eventBody({ type: "payment.unheard.of", account: own.account.id, payload: {}, eventId });
    const send = (): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}/api/klarna/webhooks`, {
        method: "POST",
        headers: {
          "klarna-signing-key-id": webhooks.signingKey.id,
          "klarna-signature": createHmac("sha256", webhooks.signingKey.secret).update(rawBody).digest("hex"),
        },
        body: new Uint8Array(rawBody),
      });
    try {
      fault = injectDatabaseFaults("tillgate-test", (text) => (/inbox_events/.test(text) ? "53100" : null));
      const refused = await send();
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
      fault.remove();
      expect(await count("inbox_events", "event_id = $1", [eventId])).toBe(0);
      expect((await send()).status).toBe(200);
      expect(await count("inbox_events", "event_id = $1", [eventId])).toBe(1);
    } finally {
      await gateway.close();
    }
  });

  it("R40: a row that somebody locks and keeps is 503 for who needs it, others go on, and it works once it is free", async () => {
    const made = await post("/api/v1/payments", sale({ amount: 11_802 }));
    const { id } = sold(made);
    const { DATABASE_URL } = test.services.env;
    const impatientDb = createDatabase(DATABASE_URL, { name: "test-impatient", lockMs: 200 });
    const impatient = createRest({ ...test.services, db: impatientDb });
    let free: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      free = resolve;
    });
    let isLocked: () => void = () => undefined;
    const locked = new Promise<void>((resolve) => {
      isLocked = resolve;
    });
    const holder = test.services.db.transaction(async (tx) => {
      await tx.query({ text: "select id from payments where id = $1 for update", values: [id] });
      isLocked();
      await held;
    });
    await locked;
    const idempotencyKey = newId("request");
    const refund = () =>
      callRest(impatient, "POST", `/api/v1/payments/${id}/refunds`, {
        key,
        body: { amount: 500, reason: "Return" },
        idempotencyKey,
      });
    try {
      isRefused(await refund());
      expect(await count("refunds", "payment_id = $1", [id])).toBe(0);
      expect((await callRest(impatient, "GET", `/api/v1/payments/${id}`, { key })).status).toBe(200);
    } finally {
      free();
      await holder;
    }
    expect((await eventually(refund)).status).toBe(201);
    expect(await count("refunds", "payment_id = $1", [id])).toBe(1);
    await impatient.close();
    await impatientDb.close();
  });

  it("R40: a pool that is used up answers 503 within the time to wait for a connection, then serves again", async () => {
    const small = {
      ...test.services,
      db: createDatabase(test.services.env.DATABASE_URL, { name: "test-small", connections: 1, waitMs: 1_000 }),
    };
    const alone = createRest(small);
    let free: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      free = resolve;
    });
    let isTaken: () => void = () => undefined;
    const taken = new Promise<void>((resolve) => {
      isTaken = resolve;
    });
    const holder = small.db.transaction(async (tx) => {
      await tx.query({ text: "select 1", values: [] });
      isTaken();
      await held;
    });
    await Promise.race([taken, holder]);
    const call = () => callRest(alone, "POST", "/api/v1/payments", { key, body: sale() });
    for (const answer of await Promise.all([call(), call(), call()])) isRefused(answer);
    free();
    await holder;
    expect((await call()).status).toBe(201);
    await alone.close();
    await small.db.close();
  });

  it("R40: a server that takes no more connections is 503, and serves again when it does", async () => {
    const target = new URL(test.services.env.DATABASE_URL);
    let isFull = true;
    // Stands before PostgreSQL and says what it says when max_connections is reached.
    const front = net.createServer((socket) => {
      socket.on("error", () => undefined);
      if (isFull) {
        socket.once("data", () => socket.end(tooManyConnections()));
        return;
      }
      const server = net.connect(Number(target.port), target.hostname);
      server.on("error", () => socket.destroy());
      socket.on("close", () => server.destroy());
      server.on("close", () => socket.destroy());
      socket.pipe(server).pipe(socket);
    });
    await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
    const address = front.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const url = new URL(target);
    url.hostname = "127.0.0.1";
    url.port = String(address.port);
    const refused = { ...test.services, db: createDatabase(url.href, { name: "test-refused" }) };
    const front503 = createRest(refused);
    isRefused(await callRest(front503, "POST", "/api/v1/payments", { key, body: sale() }));
    isRefused(await callRest(front503, "GET", "/api/v1/payments", { key }));
    isFull = false;
    expect((await callRest(front503, "POST", "/api/v1/payments", { key, body: sale() })).status).toBe(201);
    expect((await callRest(front503, "GET", "/api/v1/payments", { key })).status).toBe(200);
    await front503.close();
    await refused.db.close();
    front.close();
  });

  it("R40: a connection that is cut between two statements of a transaction undoes that transaction, and nothing else ends", async () => {
    const { db } = test.services;
    await db.query({ text: "create table half (id int primary key)", values: [] });
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on("uncaughtException", note);
    try {
      const cut = db.transaction(async (tx) => {
        await tx.query({ text: "insert into half values (1)", values: [] });
        const [own] = await tx.query<{ pid: number }>({ text: "select pg_backend_pid() as pid", values: [] });
        await db.query({ text: "select pg_terminate_backend($1)", values: [own?.pid] });
        // The news comes while no statement runs: nobody's answer carries it.
        await expect.poll(() => count("pg_stat_activity", "pid = $1", [own?.pid])).toBe(0);
        await new Promise((resolve) => setImmediate(resolve));
        await tx.query({ text: "insert into half values (2)", values: [] });
      });
      expect(await cut.then(() => "committed", isDatabaseUnavailable)).toBe(true);
      expect(uncaught).toEqual([]);
      expect(await count("half", "true", [])).toBe(0);
      expect(await db.transaction((tx) => tx.query({ text: "select 1 as one", values: [] }))).toEqual([{ one: 1 }]);
    } finally {
      process.off("uncaughtException", note);
    }
  });

  it("R40: the dashboard's way hears of it as unavailable too, not as an inner error", async () => {
    fault = injectDatabaseFaults("tillgate-test-prisma", () => "53100");
    const error: unknown = await test.services.db.prisma.partner.count().catch((thrown: unknown) => thrown);
    expect(toAppError(error)).toMatchObject({ code: "unavailable", status: 503 });
    expect(toAppError(new TRPCError({ code: "INTERNAL_SERVER_ERROR", cause: error })).code).toBe("unavailable");
    fault.remove();
    expect(await test.services.db.prisma.partner.count()).toBeGreaterThan(0);
  });

  it("R40: an event that cannot be worked off now is worked off later", async () => {
    const made = await post("/api/v1/payments", sale());
    const { id, klarna } = sold(made);
    await test.simulator.control.play(klarna.payment_request_id, "complete");
    await test.simulator.control.idle();
    fault = injectDatabaseFaults("tillgate-test", (text) =>
      /update payments|into captures/i.test(text) ? "53100" : null,
    );
    await processInbox(test.services).catch(() => undefined);
    expect(fault.injected()).toBeGreaterThan(0);
    fault.remove();
    await passTime(MINUTE_MS);
    await becomes(id, "completed", () => processInbox(test.services));
  });
});

/** ErrorResponse of PostgreSQL's protocol: severity, SQLSTATE 53300, message. */
function tooManyConnections(): Buffer {
  const fields = Buffer.from("SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0", "utf8");
  const head = Buffer.alloc(5);
  head.write("E", 0);
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}
