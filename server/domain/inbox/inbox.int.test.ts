import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServiceContext, Services } from "@/server/context";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { CreatePaymentSchema } from "@/server/domain/payments/schema";
import { createPayment, getPayment } from "@/server/domain/payments/service";
import { type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import { receiveKlarnaWebhooks, type WebhookReceiver } from "@/server/testing/klarna-webhooks";
import { sendSigned } from "@/server/testing/signed-event";
import { getInboxEvent, getInboxSummary, listInbox, processInbox, replayInboxEvents } from "./service";

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

const operations = () => asUser(services, "ACQUIRER_OPERATIONS");
const create = () =>
  createPayment(
    ctx,
    CreatePaymentSchema.parse({
      amount: 12_345,
      currency: "SEK",
      reference: unique("order"),
      store: { id: partner.store.id },
      terminal: { id: partner.terminal.id },
    }),
  );

/** Sends an event and answers its row's id. */
async function receive(type: string, payload: Record<string, unknown> = {}): Promise<string> {
  const eventId = randomUUID();
  const answer = await sendSigned(webhooks, {
    type,
    account: partner.account.id,
    eventId,
    occurredAt: test.clock.now(),
    payload,
  });
  expect(answer.status).toBe(200);
  const { items } = await listInbox(operations(), { search: eventId }, { limit: 1 });
  return items[0]?.id ?? "";
}
const declined = async () => {
  const payment = await create();
  const id = await receive("payment.request.state-change.declined", {
    payment_request_id: payment.klarna.payment_request_id,
    payment_request_reference: payment.id,
    state: "DECLINED",
    klarna_network_session_token: `krn:network:us1:test:session-token:${randomUUID()}`,
    klarna_customer: { customer_profile: { email: "anna@example.com", given_name: "Anna" } },
  });
  return { id, payment };
};
const stateOf = async (id: string) => {
  const { state, note } = await getInboxEvent(operations(), id);
  return { state, note };
};

describe("an event from Klarna", () => {
  it("shows what it caused: entries of the audit and events for Partners, its own and no others", async () => {
    const { id, payment } = await declined();
    await processInbox(services);
    const event = await getInboxEvent(operations(), id);
    expect(event).toMatchObject({
      state: "PROCESSED",
      attempts: 1,
      paymentId: payment.id,
      partnerName: partner.partner.name,
      signingKeyId: webhooks.signingKey.id,
    });
    expect(event.effects.map((effect) => (effect.kind === "audit" ? effect.action : effect.type)).sort()).toEqual([
      "payment.declined",
      "payment.declined",
    ]);
    const again = await receive("payment.request.state-change.in-progress", {
      payment_request_id: payment.klarna.payment_request_id,
      state: "IN_PROGRESS",
    });
    await processInbox(services);
    expect(await getInboxEvent(operations(), again)).toMatchObject({ state: "IGNORED", effects: [] });
  });

  it("shows its body to those who may see raw messages, never a token or a name", async () => {
    const { id, payment } = await declined();
    const event = await getInboxEvent(operations(), id);
    expect(event).toMatchObject({
      hasBody: true,
      body: {
        metadata: { event_type: "payment.request.state-change.declined" },
        payload: { payment_request_reference: payment.id, state: "DECLINED", klarna_network_session_token: "•••" },
      },
    });
    const text = JSON.stringify(event);
    expect(text).not.toContain("session-token:");
    expect(text).not.toContain("anna@example.com");
    expect(text).not.toContain("Anna");
    expect(await getInboxEvent(asUser(services, "READ_ONLY"), id)).toMatchObject({ hasBody: false, body: null });
  });

  it("S1: is for the acquirer's people, in its own mode only", async () => {
    const { id } = await declined();
    const partnerAdmin = asUser(services, "PARTNER_ADMIN", [partner.partner.id]);
    for (const work of [
      listInbox(partnerAdmin, {}, { limit: 10 }),
      getInboxEvent(partnerAdmin, id),
      getInboxSummary(partnerAdmin),
      replayInboxEvents(partnerAdmin, { ids: [id] }),
      replayInboxEvents(asUser(services, "READ_ONLY"), { ids: [id] }),
    ])
      await expect(work).rejects.toMatchObject({ code: "permission_denied" });
    const live = asUser(services, "ACQUIRER_ADMIN", "all", "live");
    expect((await listInbox(live, {}, { limit: 10 })).items).toEqual([]);
    await expect(getInboxEvent(live, id)).rejects.toMatchObject({ code: "not_found" });
    await expect(replayInboxEvents(live, { ids: [id] })).rejects.toMatchObject({ code: "not_found" });
    expect((await replayInboxEvents(live, { filter: {} })).count).toBe(0);
  });

  it("is found by state, type, payment, key, time and any of its ids, page by page", async () => {
    const { id, payment } = await declined();
    await processInbox(services);
    // The simulator has told of the request's making, too.
    const find = async (filter: Parameters<typeof listInbox>[1]) =>
      (await listInbox(operations(), { type: "declined", ...filter }, { limit: 100 })).items.map((item) => item.id);
    const at = test.clock.now();
    expect(await find({ payment: payment.id })).toEqual([id]);
    expect(await find({ search: payment.klarna.payment_request_id ?? "" })).toEqual([id]);
    expect(await find({ payment: payment.id, state: ["PROCESSED"], type: "state-change.decl" })).toEqual([id]);
    expect(await find({ payment: payment.id, state: ["FAILED"] })).toEqual([]);
    expect(await find({ payment: payment.id, key: webhooks.signingKey.id.slice(-12) })).toEqual([id]);
    expect(await find({ payment: payment.id, key: "another-key" })).toEqual([]);
    expect(await find({ payment: payment.id, createdFrom: new Date(at.getTime() + 1).toISOString() })).toEqual([]);
    expect(await find({ payment: payment.id, createdFrom: at.toISOString() })).toEqual([id]);
    for (let count = 0; count < 5; count += 1) await receive("paging.event", {});
    const first = await listInbox(operations(), { type: "paging.event" }, { limit: 3 });
    const rest = await listInbox(operations(), { type: "paging.event" }, { limit: 3, cursor: first.nextCursor });
    expect(first.total).toBe(5);
    expect(new Set([...first.items, ...rest.items].map((item) => item.id)).size).toBe(5);
  });

  it("of a type that nothing acts on is kept, counted by type, and can be replayed once something does", async () => {
    for (let count = 0; count < 3; count += 1) await receive("identity.unheard-of", { what: "a new thing" });
    await receive("payment.token.state-change.revoked", {});
    await processInbox(services);
    const summary = await getInboxSummary(operations());
    expect(summary.unhandledTypes.slice(0, 5)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: "identity.unheard-of", count: 3 }),
        expect.objectContaining({ type: "payment.token.state-change.revoked", count: 1 }),
      ]),
    );
    expect(summary.types).toEqual(expect.arrayContaining([{ type: "identity.unheard-of", count: 3 }]));
    const { items } = await listInbox(operations(), { unhandled: true, type: "unheard" }, { limit: 10 });
    expect(items).toHaveLength(3);
    expect(items[0]).toMatchObject({ state: "IGNORED", isUnhandled: true });
  });
});

describe("a replay", () => {
  it("of one event runs it again, changes nothing twice, and stands in the audit with how it stood before", async () => {
    const { id, payment } = await declined();
    await processInbox(services);
    const once = await getPayment(ctx, payment.id);
    test.clock.advance(MINUTE_MS);
    expect(await replayInboxEvents(operations(), { ids: [id] })).toEqual({ count: 1, hasMore: false });
    expect(test.nudges).toContain("inbox");
    expect(await stateOf(id)).toEqual({ state: "RECEIVED", note: null });
    await processInbox(services);
    expect(await getPayment(ctx, payment.id)).toEqual(once);
    const event = await getInboxEvent(operations(), id);
    expect(event).toMatchObject({ state: "IGNORED", replays: 1, attempts: 1, paymentId: payment.id });
    expect(event.replayedBy).toMatchObject([{ before: { state: "PROCESSED" } }]);
    expect(event.effects).not.toEqual([]);
  });

  it("of one that was set aside lets it find its payment, and starts its three days anew", async () => {
    const payment = await create();
    const id = await receive("payment.request.state-change.declined", {
      payment_request_id: `krn:payment:eu1:request:${randomUUID()}`,
      state: "DECLINED",
    });
    await processInbox(services);
    test.clock.advance(3 * DAY_MS);
    await processInbox(services);
    expect(await stateOf(id)).toEqual({ state: "FAILED", note: "no payment is known for it yet, for three days" });
    await replayInboxEvents(operations(), { ids: [id] });
    await processInbox(services);
    expect(await stateOf(id)).toMatchObject({ state: "PARKED" });
    await services.db.query({
      text: "update payments set klarna_payment_request_id = (select payment_request_id from inbox_events where id = $2), version = version + 1 where id = $1",
      values: [payment.id, id],
    });
    test.clock.advance(2 * SECOND_MS);
    await processInbox(services);
    expect(await stateOf(id)).toMatchObject({ state: "PROCESSED" });
  });

  it("R19: one that faults each time is tried again, a person is told after an hour, and the alarm ends once it works", async () => {
    const { id } = await declined();
    const secrets = {
      ...services.secrets,
      unsealBytes: () => {
        throw new Error("cannot be opened");
      },
    };
    const alarms = () =>
      services.db.query({
        text: "select message from alarms where kind = 'webhook_parked' and subject_id = $1 and cleared_at is null",
        values: [id],
      });
    await processInbox({ ...services, secrets });
    expect(await stateOf(id)).toEqual({ state: "PARKED", note: "processing failed" });
    expect(await alarms()).toEqual([]);
    test.clock.advance(HOUR_MS);
    await processInbox({ ...services, secrets });
    expect(await stateOf(id)).toEqual({ state: "PARKED", note: "processing failed" });
    expect(await alarms()).toHaveLength(1);
    test.clock.advance(HOUR_MS);
    await processInbox(services);
    expect(await stateOf(id)).toMatchObject({ state: "PROCESSED" });
    expect(await alarms()).toEqual([]);
  });

  it("R19: of all that failed or are parked since a time takes those and no others, and clears what is found", async () => {
    const since = test.clock.advance(HOUR_MS);
    expect(since).toBeUndefined();
    const from = test.clock.now().toISOString();
    const unknown = () =>
      receive("payment.request.state-change.completed", {
        payment_request_id: `krn:payment:eu1:request:${randomUUID()}`,
        state: "COMPLETED",
      });
    const parked = [await unknown(), await unknown()];
    const fine = await declined();
    await processInbox(services);
    await services.db.query({
      text: "update inbox_events set state = 'FAILED', next_attempt_at = null where id = $1",
      values: [parked[0]],
    });
    const result = await replayInboxEvents(operations(), {
      filter: { state: ["FAILED", "PARKED"], createdFrom: from },
    });
    expect(result).toEqual({ count: 2, hasMore: false });
    expect(await stateOf(parked[0] ?? "")).toMatchObject({ state: "RECEIVED" });
    expect(await stateOf(fine.id)).toMatchObject({ state: "PROCESSED" });
    const audited = await services.db.query({
      text: "select 1 from audit_entries where action = 'inbox_event.replayed' and subject_id = any($1)",
      values: [parked],
    });
    expect(audited).toHaveLength(2);
  });

  it("of many by filter is one entry of the audit with its count", async () => {
    const type = `bulk.${randomUUID().slice(0, 8)}`;
    await Promise.all(
      Array.from({ length: 120 }, () => sendSigned(webhooks, { type, account: partner.account.id, payload: {} })),
    );
    await processInbox(services);
    expect(await replayInboxEvents(operations(), { filter: { type } })).toEqual({ count: 120, hasMore: false });
    const [entry] = await services.db.query<{ after: unknown }>({
      text: "select after from audit_entries where action = 'inbox_events.replayed' order by position desc limit 1",
      values: [],
    });
    expect(entry?.after).toMatchObject({ quantity: 120, type });
    await processInbox(services);
  });
});

it("R19: the alarm of a parked event is cleared by itself when the payment turns up", async () => {
  const payment = await create();
  const id = await receive("payment.request.state-change.declined", {
    payment_request_id: `krn:payment:eu1:request:${randomUUID()}`,
    state: "DECLINED",
  });
  await processInbox(services);
  test.clock.advance(HOUR_MS + SECOND_MS);
  await processInbox(services);
  const open = () =>
    services.db.query({
      text: "select 1 from alarms where kind = 'webhook_parked' and subject_id = $1 and cleared_at is null",
      values: [id],
    });
  expect(await open()).toHaveLength(1);
  await services.db.query({
    text: "update payments set klarna_payment_request_id = (select payment_request_id from inbox_events where id = $2), version = version + 1 where id = $1",
    values: [payment.id, id],
  });
  test.clock.advance(31 * MINUTE_MS);
  await processInbox(services);
  expect(await open()).toHaveLength(0);
});
