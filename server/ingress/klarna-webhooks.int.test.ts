import { createHmac, randomUUID } from "node:crypto";
import { request as httpRequest } from "node:http";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ServiceContext, Services } from "@/server/context";
import { HOUR_MS, SECOND_MS } from "@/server/core/time";
import { processInbox } from "@/server/domain/inbox/service";
import { checkInvariants } from "@/server/domain/invariants";
import { CreatePaymentSchema } from "@/server/domain/payments/schema";
import { advanceDuePayments, createPayment, getPayment } from "@/server/domain/payments/service";
import { createKlarnaListener } from "@/server/ingress/klarna-webhooks";
import { type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { asApiKey, type TestServices, testServices } from "@/server/testing/context";
import { receiveKlarnaWebhooks, storeSigningKey, type WebhookReceiver } from "@/server/testing/klarna-webhooks";
import { eventBody, sendSigned } from "@/server/testing/signed-event";

let test: TestServices;
let services: Services;
let webhooks: WebhookReceiver;
let partner: BuiltPartner;
let ctx: ServiceContext;

beforeAll(async () => {
  test = await testServices({ clock: "movable" });
  services = test.services;
  webhooks = await receiveKlarnaWebhooks(services, test.simulator);
  partner = await makePartner(services);
  ctx = asApiKey(services, { partnerId: partner.partner.id });
});
afterAll(async () => {
  await webhooks.close();
  await test.close();
});

async function inboxCount(): Promise<number> {
  const [row] = await services.db.query<{ count: number }>({
    text: "select count(*) as count from inbox_events",
    values: [],
  });
  return row?.count ?? 0;
}
const sign = (rawBody: Buffer, key: string): string => createHmac("sha256", key).update(rawBody).digest("hex");
const anyEvent = () =>
  eventBody({
    type: "payment.request.state-change.submitted",
    account: partner.account.id,
    payload: { payment_request_id: `krn:payment:eu1:request:${randomUUID()}`, state: "SUBMITTED" },
  });

async function pending() {
  const payment = await createPayment(
    ctx,
    CreatePaymentSchema.parse({
      amount: 12_345,
      currency: "SEK",
      reference: unique("order"),
      store: { id: partner.store.id },
      terminal: { id: partner.terminal.id },
    }),
  );
  expect(payment.status).toBe("pending");
  return payment;
}

/** Posts to the listener with these headers and expects 401 and no row. */
async function refused(headers: Record<string, string | string[] | undefined>, rawBody: Buffer): Promise<void> {
  const before = await inboxCount();
  expect((await webhooks.listener({ headers, rawBody })).status).toBe(401);
  expect(await inboxCount()).toBe(before);
}
const headersOf = (rawBody: Buffer, key = webhooks.signingKey): Record<string, string> => ({
  "klarna-signing-key-id": key.id,
  "klarna-signature": sign(rawBody, key.secret),
});
const newKey = (secret: string) => ({
  id: `krn:partner:global:notification:signing-key:${randomUUID()}`,
  mode: "test" as const,
  secret,
});

describe("the signature", () => {
  it("S8: a signature made with the wrong key is 401 and leaves no row", async () => {
    const rawBody = anyEvent();
    await refused({ ...headersOf(rawBody), "klarna-signature": sign(rawBody, "another") }, rawBody);
  });

  it("S8: an unknown key id is 401 and leaves no row", async () => {
    const rawBody = anyEvent();
    await refused({ ...headersOf(rawBody), "klarna-signing-key-id": "krn:unknown" }, rawBody);
  });

  it("S8: an altered body is 401 and leaves no row", async () => {
    const rawBody = anyEvent();
    await refused(headersOf(rawBody), Buffer.concat([rawBody.subarray(0, -1), Buffer.from("]")]));
    const other = Buffer.from(rawBody.toString("utf8").replace("SUBMITTED", "COMPLETED"));
    expect(other.equals(rawBody)).toBe(false);
    await refused(headersOf(rawBody), other);
  });

  it("S8: a body that was written anew, with the same meaning, is 401 and leaves no row", async () => {
    const rawBody = anyEvent();
    await refused(headersOf(rawBody), Buffer.from(JSON.stringify(JSON.parse(rawBody.toString("utf8")), null, 1)));
  });

  it("S8: a body with a letter written as a unicode escape is 401 and leaves no row", async () => {
    const rawBody = anyEvent();
    await refused(headersOf(rawBody), Buffer.from(rawBody.toString("utf8").replace("payment", "\\u0070ayment")));
  });

  it.each<[string, (good: string) => Record<string, string | string[] | undefined>]>([
    ["no headers", () => ({})],
    ["no signature", () => ({ "klarna-signing-key-id": webhooks.signingKey.id })],
    ["no key id", (good) => ({ "klarna-signature": good })],
    ["an empty signature", () => ({ "klarna-signing-key-id": webhooks.signingKey.id, "klarna-signature": "" })],
    ["a truncated signature", (good) => ({ ...withKey(), "klarna-signature": good.slice(0, 62) })],
    ["upper-case hex", (good) => ({ ...withKey(), "klarna-signature": good.toUpperCase() })],
    ["a padded signature", (good) => ({ ...withKey(), "klarna-signature": ` ${good}` })],
    ["a signature twice in one header", (good) => ({ ...withKey(), "klarna-signature": `${good}, ${good}` })],
    ["a list of signatures", (good) => ({ ...withKey(), "klarna-signature": [good, good] })],
    ["a key id that is too long", (good) => ({ "klarna-signing-key-id": "k".repeat(300), "klarna-signature": good })],
  ])("S8: %s is 401 and leaves no row", async (_, headers) => {
    const rawBody = anyEvent();
    await refused(headers(sign(rawBody, webhooks.signingKey.secret)), rawBody);
  });
  const withKey = () => ({ "klarna-signing-key-id": webhooks.signingKey.id });

  it("S8: duplicate headers on the wire are 401 and leave no row", async () => {
    const rawBody = anyEvent();
    const good = sign(rawBody, webhooks.signingKey.secret);
    const post = (signatures: readonly string[]): Promise<number> =>
      new Promise((resolve, reject) => {
        const headers = [
          "host",
          "127.0.0.1",
          "content-length",
          String(rawBody.length),
          "klarna-signing-key-id",
          webhooks.signingKey.id,
        ];
        const call = httpRequest(
          webhooks.url,
          { method: "POST", headers: [...headers, ...signatures.flatMap((value) => ["klarna-signature", value])] },
          (answer) => {
            answer.resume();
            resolve(answer.statusCode ?? 0);
          },
        );
        call.on("error", reject);
        call.end(rawBody);
      });
    const before = await inboxCount();
    expect(await post([good, good])).toBe(401);
    expect(await post([good, sign(rawBody, "another")])).toBe(401);
    expect(await inboxCount()).toBe(before);
    expect(await post([good])).toBe(200);
    expect(await inboxCount()).toBe(before + 1);
  });

  it("S8: the old key during a rotation is taken, and so is the new one, at once", async () => {
    const next = newKey("the-next-signing-key-of-klarna");
    const first = anyEvent();
    expect((await webhooks.listener({ headers: headersOf(first), rawBody: first })).status).toBe(200);
    await storeSigningKey(services, next);
    for (const key of [next, webhooks.signingKey]) {
      const rawBody = anyEvent();
      expect((await webhooks.listener({ headers: headersOf(rawBody, key), rawBody })).status).toBe(200);
    }
  });

  it("S8: a retired key is 401 and leaves no row", async () => {
    const old = newKey("a-key-that-has-had-its-time");
    await storeSigningKey(services, old);
    await services.db.query({
      text: "update klarna_signing_keys set state = 'RETIRED', retired_at = now() where id = $1",
      values: [old.id],
    });
    const rawBody = anyEvent();
    await refused(headersOf(rawBody, old), rawBody);
  });

  it("S8: forged key ids do not reach the database one for one, and a new key is still found", async () => {
    let asked = 0;
    const counting = createKlarnaListener({
      ...services,
      db: {
        ...services.db,
        query: (statement) => {
          if (statement.name === "inbox_key") asked += 1;
          return services.db.query(statement);
        },
      },
    });
    const rawBody = anyEvent();
    const forge = (id: string) =>
      counting({ headers: { ...headersOf(rawBody), "klarna-signing-key-id": id }, rawBody });
    const answers = await Promise.all([
      ...Array.from({ length: 300 }, () => forge("krn:forged")),
      ...Array.from({ length: 300 }, (_, index) => forge(`krn:forged:${index}`)),
    ]);
    expect(answers.every((answer) => answer.status === 401)).toBe(true);
    expect(asked).toBeLessThan(60);
    const next = newKey("a-key-made-while-somebody-forges");
    await storeSigningKey(services, next);
    await vi.waitFor(
      async () => {
        const fresh = anyEvent();
        expect((await counting({ headers: headersOf(fresh, next), rawBody: fresh })).status).toBe(200);
      },
      { timeout: 30_000, interval: 200 },
    );
  });

  it("S8: a live event on a test system is 401 and leaves no row", async () => {
    const before = await inboxCount();
    const answer = await sendSigned(webhooks, {
      type: "payment.request.state-change.completed",
      account: partner.account.id,
      payload: {},
      live: true,
    });
    expect(answer.status).toBe(401);
    expect(await inboxCount()).toBe(before);
  });

  it("notes when a key was last used, to the minute", async () => {
    const key = newKey("a-key-with-a-last-use");
    await storeSigningKey(services, key);
    const rawBody = anyEvent();
    expect((await webhooks.listener({ headers: headersOf(rawBody, key), rawBody })).status).toBe(200);
    const isNoted = async () => {
      const [row] = await services.db.query<{ at: Date | null }>({
        text: "select last_used_at as at from klarna_signing_keys where id = $1",
        values: [key.id],
      });
      expect(row?.at).toEqual(test.clock.now());
    };
    await vi.waitFor(isNoted, { timeout: 30_000 });
  });

  it("refuses a signed body that is no event, and one above 256 KiB", async () => {
    const post = (rawBody: Buffer) =>
      webhooks.listener({
        headers: {
          "klarna-signing-key-id": webhooks.signingKey.id,
          "klarna-signature": sign(rawBody, webhooks.signingKey.secret),
        },
        rawBody,
      });
    expect((await post(Buffer.from("not json"))).status).toBe(400);
    expect((await post(Buffer.from("[]"))).status).toBe(400);
    expect((await post(Buffer.from('{"metadata":{"event_id":"x"}}'))).status).toBe(400);
    expect((await post(Buffer.alloc(262_145, 32))).status).toBe(413);
  });

  it("one signed body that the database cannot keep is 400 by itself: those that come with it are stored", async () => {
    const post = (metadata: Record<string, unknown>, payload: Record<string, unknown> = {}) => {
      const event_id = randomUUID();
      const event = { event_id, event_type: "payment.x", occurred_at: "2026-11-21T10:00:00.000Z", live: false };
      const rawBody = Buffer.from(JSON.stringify({ metadata: { ...event, ...metadata }, payload }));
      return webhooks.listener({ headers: headersOf(rawBody), rawBody }).then(({ status }) => status);
    };
    const before = await inboxCount();
    const answers = await Promise.all([
      post({}),
      post({ event_id: "a\u0000b" }),
      post({ event_type: "payment.\u0000" }),
      // What only helps to find the event is left out instead.
      post({ subject_account_id: "krn\u0000" }, { payment_request_id: "\u0000" }),
      post({}),
    ]);
    expect(answers).toEqual([200, 400, 400, 200, 200]);
    expect(await inboxCount()).toBe(before + 3);
  });

  it("keeps the raw body encrypted: the token of a journey is not in the table", async () => {
    const token = `krn:network:us1:test:session-token:${randomUUID()}`;
    await sendSigned(webhooks, {
      type: "payment.request.state-change.completed",
      account: partner.account.id,
      payload: { payment_request_id: "krn:x", klarna_network_session_token: token },
    });
    const rows = await services.db.query<{ hit: boolean }>({
      text: "select position($1::bytea in raw_body) > 0 as hit from inbox_events",
      values: [Buffer.from(token)],
    });
    expect(rows.some((row) => row.hit)).toBe(false);
  });
});

describe("the inbox", () => {
  it("R17: a webhook delivered 1,000 times in parallel is one row, one effect, and 1,000 times 200", async () => {
    const payment = await pending();
    const eventId = randomUUID();
    const input = {
      type: "payment.request.state-change.in-progress",
      account: partner.account.id,
      eventId,
      payload: {
        payment_request_id: payment.klarna.payment_request_id,
        payment_request_reference: payment.id,
        state: "IN_PROGRESS",
      },
    };
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => sendSigned(webhooks, input)));
    expect(answers.every((answer) => answer.status === 200)).toBe(true);
    await Promise.all([processInbox(services), processInbox(services), processInbox(services)]);
    const rows = await services.db.query({
      text: "select id from inbox_events where event_id = $1",
      values: [eventId],
    });
    expect(rows).toHaveLength(1);
    const events = await services.db.query({
      text: "select id from outbox_events where subject_id = $1 and type = 'payment.in_progress'",
      values: [payment.id],
    });
    expect(events).toHaveLength(1);
  });

  it("R18: a webhook that comes before our own call has its answer is parked, then applied, even when the answer is lost", async () => {
    await test.simulator.control.fault({
      operation: "authorize",
      kind: "cut_after",
      account: partner.account.id,
      times: null,
    });
    const lost = await createPayment(
      ctx,
      CreatePaymentSchema.parse({
        amount: 12_346,
        currency: "SEK",
        reference: unique("order"),
        store: { id: partner.store.id },
        terminal: { id: partner.terminal.id },
      }),
    );
    expect(lost.status).toBe("processing");
    const [request] = await test.simulator.control.requests({ payment_request_reference: lost.id });
    if (!request) throw new Error("Klarna knows no request");
    await test.simulator.control.play(request.payment_request_id, "complete");
    await test.simulator.control.idle();
    await processInbox(services);
    await test.simulator.control.clearFaults();
    for (let turn = 0; turn < 6; turn += 1) {
      test.clock.advance(10 * SECOND_MS);
      await test.simulator.control.advance(10 * SECOND_MS);
      await advanceDuePayments(services);
      await processInbox(services);
    }
    expect((await getPayment(ctx, lost.id)).status).toBe("completed");
    expect(await test.simulator.control.transactions({ payment_transaction_reference: lost.id })).toHaveLength(1);
  });

  it("R18: a webhook that comes while our own call is running waits for its answer", async () => {
    const own = await makePartner(services);
    const as = asApiKey(services, { partnerId: own.partner.id });
    await test.simulator.control.fault({
      operation: "authorize",
      kind: "slow",
      // Longer than what follows takes on a busy machine, shorter than we wait for an answer.
      delay_ms: 5_000,
      account: own.account.id,
      times: 1,
    });
    const creating = createPayment(
      as,
      CreatePaymentSchema.parse({
        amount: 12_347,
        currency: "SEK",
        reference: unique("order"),
        store: { id: own.store.id },
        terminal: { id: own.terminal.id },
      }),
    );
    const seen = async () => {
      const [row] = await services.db.query<{ id: string; state: string; note: string | null }>({
        text: "select id, state, note from inbox_events where event_type like '%completed' order by received_at desc limit 1",
        values: [],
      });
      return row;
    };
    const isPaid = async () => {
      const [request] = await test.simulator.control.requests({ account: own.account.id });
      if (!request) throw new Error("not yet");
      await test.simulator.control.play(request.payment_request_id, "complete");
    };
    await vi.waitFor(isPaid, { timeout: 4_000, interval: 20 });
    await test.simulator.control.idle();
    await processInbox(services);
    expect(await seen()).toMatchObject({ state: "PARKED", note: "our own call has no answer yet" });
    const payment = await creating;
    test.clock.advance(2 * SECOND_MS);
    await processInbox(services);
    expect((await getPayment(as, payment.id)).status).toBe("completed");
  });

  it("R19: a webhook for an unknown payment is 200 and parked, and after an hour a person is told", async () => {
    const eventId = randomUUID();
    const answer = await sendSigned(webhooks, {
      type: "payment.request.state-change.completed",
      account: partner.account.id,
      eventId,
      payload: {
        payment_request_id: `krn:payment:eu1:request:${randomUUID()}`,
        payment_request_reference: "unknown",
        state: "COMPLETED",
      },
    });
    expect(answer.status).toBe(200);
    await processInbox(services);
    const state = async () =>
      (
        await services.db.query<{ id: string; state: string }>({
          text: "select id, state from inbox_events where event_id = $1",
          values: [eventId],
        })
      )[0];
    const row = await state();
    expect(row?.state).toBe("PARKED");
    test.clock.advance(HOUR_MS + SECOND_MS);
    await processInbox(services);
    const alarms = await services.db.query({
      text: "select 1 from alarms where kind = 'webhook_parked' and subject_id = $1",
      values: [row?.id],
    });
    expect(alarms).toHaveLength(1);
    expect((await state())?.state).toBe("PARKED");
  });

  it("S9: a replayed event, hours later, is 200 and changes nothing", async () => {
    const payment = await pending();
    const requestId = payment.klarna.payment_request_id ?? "";
    const input = {
      type: "payment.request.state-change.declined",
      account: partner.account.id,
      eventId: randomUUID(),
      occurredAt: test.clock.now(),
      payload: { payment_request_id: requestId, payment_request_reference: payment.id, state: "DECLINED" },
    };
    await sendSigned(webhooks, input);
    await processInbox(services);
    const once = await getPayment(ctx, payment.id);
    expect(once.status).toBe("declined");
    test.clock.advance(5 * HOUR_MS);
    expect((await sendSigned(webhooks, input)).status).toBe(200);
    await processInbox(services);
    expect(await getPayment(ctx, payment.id)).toEqual(once);
  });

  it("an event that names another account than the payment's is recorded as ignored", async () => {
    const payment = await pending();
    const other = await makePartner(services);
    await sendSigned(webhooks, {
      type: "payment.request.state-change.declined",
      account: other.account.id,
      payload: {
        payment_request_id: payment.klarna.payment_request_id,
        payment_request_reference: payment.id,
        state: "DECLINED",
      },
    });
    await processInbox(services);
    expect((await getPayment(ctx, payment.id)).status).toBe("pending");
  });
});

// --- Order ------------------------------------------------------------------------------------------------------------------

const STATES = ["submitted", "in-progress", "submitted", "in-progress", "declined"] as const;

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, index) =>
    permutations([...items.slice(0, index), ...items.slice(index + 1)]).map((rest) => [item, ...rest]),
  );
}

async function replay(order: readonly { kind: string; at: number; eventId: string }[]): Promise<string> {
  const payment = await pending();
  const start = test.clock.now().getTime();
  for (const event of order) {
    await sendSigned(webhooks, {
      type: `payment.request.state-change.${event.kind}`,
      account: partner.account.id,
      eventId: `${payment.id}-${event.eventId}`,
      occurredAt: new Date(start + event.at * SECOND_MS),
      payload: {
        payment_request_id: payment.klarna.payment_request_id,
        payment_request_reference: payment.id,
        state: event.kind.replace("-", "_").toUpperCase(),
      },
    });
    await processInbox(services);
  }
  return (await getPayment(ctx, payment.id)).status;
}

describe("events in any order", () => {
  // Our clock stands still while Klarna's goes on: these events come after all that Klarna has said by itself.
  beforeAll(() => test.clock.advance(HOUR_MS));

  it("R16, R21: all 120 orders of five events, each event twice, end in the same state", async () => {
    const events = STATES.map((kind, index) => ({ kind, at: index + 1, eventId: String(index) }));
    const ends = new Set<string>();
    for (const order of permutations(events)) ends.add(await replay([...order, ...order]));
    expect([...ends]).toEqual(["declined"]);
  });

  it("R16, R21: for states that are not final the newest by Klarna's clock wins, whatever comes last", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("submitted", "in-progress"), { minLength: 1, maxLength: 6 }),
        fc.integer(),
        async (kinds, seed) => {
          const events = kinds.map((kind, index) => ({ kind, at: index + 1, eventId: String(index) }));
          const shuffled = [...events].sort(
            (left, right) => ((left.at * 7919 + seed) % 101) - ((right.at * 7919 + seed) % 101),
          );
          expect(await replay([...shuffled, ...shuffled])).toBe(
            kinds.at(-1) === "in-progress" ? "in_progress" : "pending",
          );
        },
      ),
      { numRuns: 25 },
    );
    expect((await checkInvariants(services.db)).filter((result) => result.broken > 0)).toEqual([]);
  });
});
