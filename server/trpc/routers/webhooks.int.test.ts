import { afterAll, beforeAll, expect, it } from "vitest";
import type { Role } from "@/server/auth/permissions";
import { newId } from "@/server/core/ids";
import { relayAll } from "@/server/domain/webhooks/service";
import { appendEvent } from "@/server/domain/webhooks/testing";
import { type BuiltPartner, makePartner } from "@/server/testing/builders";
import { sessionAs, type TestServices, testServices } from "@/server/testing/context";
import { createCallerFactory, router } from "../init";
import { webhooksRouter } from "./webhooks";

/* What the webhook screens ask, as the people who look at them. */

const createCaller = createCallerFactory(router({ webhooks: webhooksRouter }));
let test: TestServices;
let ours: BuiltPartner;
let theirs: BuiltPartner;

beforeAll(async () => {
  test = await testServices({ simulator: false });
  ours = await makePartner(test.services);
  theirs = await makePartner(test.services);
});
afterAll(() => test.close());

function callerAs(role: Role | null, partners: "all" | string[] = "all") {
  const session = role === null ? null : sessionAs(test.services, role, partners);
  return createCaller({
    services: test.services,
    session,
    mode: "test",
    requestId: newId("request"),
    isOwnOrigin: true,
  }).webhooks;
}

it("staff add an endpoint for a Partner, see its health, its deliveries by state, its events, and replay what failed", async () => {
  const staff = callerAs("ACQUIRER_OPERATIONS");
  const made = await staff.endpoints.create({ url: "http://127.0.0.1:9/", events: ["*"], partner: ours.partner.id });
  const { id } = made.endpoint;
  const event = await appendEvent(test.services, {
    partnerId: ours.partner.id,
    subjectId: newId("refund"),
    sequence: 1,
  });
  await relayAll(test.services);
  expect((await staff.endpoints.list({ filter: { partner: ours.partner.id } })).items).toMatchObject([
    { id, health: { pending: 1, failed: 0, success_rate_24h: null }, previous_secret_until: null },
  ]);
  expect(await staff.deliveries.counts({ filter: { endpoint: id } })).toEqual({ pending: 1, delivered: 0, failed: 0 });
  const { items } = await staff.deliveries.list({ filter: { endpoint: id, status: ["pending"] } });
  expect(items).toMatchObject([{ event: { id: event } }]);
  await test.services.db.query({
    text: "update webhook_deliveries set state = 'FAILED', next_attempt_at = null where id = $1",
    values: [items[0]?.id],
  });
  expect(await staff.replays.preview({ endpoint: id })).toEqual({ count: 1, held: 0 });
  const replay = await staff.replays.start({ endpoint: id });
  expect(await staff.replays.get({ id: replay.id })).toMatchObject({ status: "running", expected: 1 });
  expect((await staff.replays.list({ endpoint: id })).items).toMatchObject([{ id: replay.id }]);
  expect(await staff.deliveries.replayMany({ ids: [items[0]?.id ?? ""] })).toEqual({ replayed: 1, skipped: 0 });
  expect(await staff.deliveries.get({ id: items[0]?.id ?? "" })).toMatchObject({
    status: "pending",
    request: { method: "POST", body: { id: event } },
  });
  expect((await staff.events.list({ filter: { object: "ref_none" } })).items).toEqual([]);
  expect((await staff.events.list({ filter: { partner: ours.partner.id } })).items).toMatchObject([
    { id: event, deliveries: { pending: 1, delivered: 0, failed: 0 } },
  ]);
  expect(await staff.events.get({ id: event })).toMatchObject({ id: event, deliveries_made: [{ id: items[0]?.id }] });
  const inState = async (status: "enabled" | "failing" | "disabled") =>
    (await staff.endpoints.list({ filter: { partner: ours.partner.id, status: [status] } })).items.map(
      (item) => item.id,
    );
  expect([await inState("enabled"), await inState("failing"), await inState("disabled")]).toEqual([[id], [], []]);
  await test.services.db.query({
    text: "update webhook_endpoints set failing_since = now() where id = $1",
    values: [id],
  });
  expect([await inState("enabled"), await inState("failing"), await inState("disabled")]).toEqual([[], [id], []]);
  await staff.endpoints.update({ id, status: "disabled" });
  expect([await inState("enabled"), await inState("failing"), await inState("disabled")]).toEqual([[], [], [id]]);
  expect((await staff.endpoints.rotateSecret({ id })).secret).toMatch(/^whsec_/);
  expect((await staff.endpoints.get({ id })).previous_secret_until).not.toBeNull();
});

it("people of another Partner, and those without the permission, get nothing of it", async () => {
  const staff = callerAs("ACQUIRER_OPERATIONS");
  const made = await staff.endpoints.create({ url: "http://127.0.0.1:9/", events: ["*"], partner: ours.partner.id });
  const { id } = made.endpoint;
  const other = callerAs("PARTNER_ADMIN", [theirs.partner.id]);
  expect((await other.endpoints.list({})).items).toEqual([]);
  expect((await other.deliveries.list({})).items).toEqual([]);
  expect((await other.events.list({})).items).toEqual([]);
  expect((await other.replays.list({})).items).toEqual([]);
  const [delivery] = (await staff.deliveries.list({})).items;
  const [event] = (await staff.events.list({})).items;
  const missing = { code: "NOT_FOUND" };
  await expect(other.endpoints.get({ id })).rejects.toMatchObject(missing);
  await expect(other.replays.preview({ endpoint: id })).rejects.toMatchObject(missing);
  await expect(other.replays.start({ endpoint: id })).rejects.toMatchObject(missing);
  await expect(other.deliveries.get({ id: delivery?.id ?? "" })).rejects.toMatchObject(missing);
  await expect(other.deliveries.replayMany({ ids: [delivery?.id ?? ""] })).rejects.toMatchObject(missing);
  await expect(other.events.get({ id: event?.id ?? "" })).rejects.toMatchObject(missing);
  const reader = callerAs("READ_ONLY");
  expect((await reader.endpoints.get({ id })).id).toBe(id);
  const refused = { code: "FORBIDDEN" };
  await expect(reader.replays.start({ endpoint: id })).rejects.toMatchObject(refused);
  await expect(reader.deliveries.replayMany({ ids: [delivery?.id ?? ""] })).rejects.toMatchObject(refused);
  await expect(callerAs("PARTNER_STAFF", [ours.partner.id]).events.list({})).rejects.toMatchObject(refused);
  await expect(callerAs(null).events.list({})).rejects.toMatchObject({ code: "UNAUTHORIZED" });
});
