import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServiceContext, Services } from "@/server/context";
import { DAY_MS, HOUR_MS } from "@/server/core/time";
import { checkInvariants } from "@/server/domain/invariants";
import { CreatePaymentSchema } from "@/server/domain/payments/schema";
import { createPayment, getPayment, refundPayment } from "@/server/domain/payments/service";
import { type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import { listSweeps, runSweep, sweepKlarna } from "./service";

let test: TestServices;
let services: Services;
let partner: BuiltPartner;
let ctx: ServiceContext;

beforeAll(async () => {
  test = await testServices({ clock: "movable" });
  services = test.services;
  partner = await makePartner(services);
  ctx = asApiKey(services, { partnerId: partner.partner.id });
});
afterAll(() => test.close());

async function pay(more: Record<string, unknown> = {}): Promise<string> {
  const payment = await createPayment(
    ctx,
    CreatePaymentSchema.parse({
      amount: 12_350,
      currency: "SEK",
      reference: unique("order"),
      store: { id: partner.store.id },
      terminal: { id: partner.terminal.id },
      expires_in: 172_800,
      ...more,
    }),
  );
  return payment.id;
}
async function requestOf(id: string): Promise<string> {
  const [request] = await test.simulator.control.requests({ payment_request_reference: id });
  if (!request) throw new Error("Klarna knows no such request");
  return request.payment_request_id;
}
const statusOf = async (id: string) => (await getPayment(ctx, id)).status;
const failureOf = async (id: string) => (await getPayment(ctx, id)).failure?.code;
async function pass(ms: number): Promise<void> {
  test.clock.advance(ms);
  await test.simulator.control.advance(ms);
}
const alarmsOf = async (id: string) =>
  (
    await services.db.query<{ kind: string }>({ text: "select kind from alarms where subject_id = $1", values: [id] })
  ).map((alarm) => alarm.kind);

describe("R20: every webhook lost for a day, and nobody looked", () => {
  it("repairs every payment in one sweep, however its wake-up stands", async () => {
    // No receiver is subscribed: nothing that Klarna sends arrives. No job runs either.
    const untouched = await pay();
    const expired = await pay({ expires_in: 600 });
    const declined = await pay();
    const entered = await pay();
    const lapsed = await pay();
    await test.simulator.control.play(await requestOf(declined), "decline");
    await test.simulator.control.play(await requestOf(entered), "open");
    await test.simulator.control.play(await requestOf(lapsed), "complete");

    // An authorize whose answer was lost, approved at Klarna.
    await test.simulator.control.fault({
      operation: "authorize",
      kind: "cut_after",
      account: partner.account.id,
      times: null,
    });
    const lost = await pay({ amount: 12_302 });
    await test.simulator.control.clearFaults();
    expect(await statusOf(lost)).toBe("processing");

    await pass(22 * HOUR_MS);
    const fresh = await pay();
    const late = await pay();
    const waiting = await pay();
    await pass(50 * 60_000);
    await test.simulator.control.play(await requestOf(fresh), "complete");
    await test.simulator.control.play(await requestOf(late), "decline");
    await pass(5 * 60_000);
    // Wake-ups are lost too, as after a restore from a backup.
    await services.db.query({
      text: "update payments set next_action_at = $1, version = version + 1 where next_action_at is not null",
      values: [new Date(test.clock.now().getTime() + 30 * DAY_MS)],
    });

    const run = await sweepKlarna(services, "test", "test");

    for (const id of [untouched, entered, expired]) expect(await statusOf(id)).toBe("expired");
    expect(await statusOf(waiting)).toBe("pending");
    expect(await statusOf(declined)).toBe("declined");
    expect(await statusOf(late)).toBe("declined");
    expect(await statusOf(fresh), "an approval of five minutes ago is finalized").toBe("completed");
    expect(await statusOf(lost), "an approval whose answer was lost is fetched with the same key").toBe("completed");
    expect([await statusOf(lapsed), await failureOf(lapsed)]).toEqual(["failed", "approval_lapsed"]);
    expect(await alarmsOf(lapsed)).toContain("approval_lapsed");
    expect(await test.simulator.control.transactions({ payment_transaction_reference: lapsed })).toHaveLength(0);
    expect(await test.simulator.control.transactions({ payment_transaction_reference: lost })).toHaveLength(1);
    const requests = run.results.find((result) => result.check === "payment_requests");
    expect(requests).toMatchObject({ looked: 9, failed: 0 });
    expect(requests?.repaired).toBeGreaterThanOrEqual(7);
    expect((await checkInvariants(services.db)).filter((result) => result.broken > 0)).toEqual([]);
  });

  it("an approval whose token the read does not give ends failed, approval_lapsed, with an alarm", async () => {
    const id = await pay();
    await test.simulator.control.account({ account_id: partner.account.id, switches: { read_shows_token: false } });
    await test.simulator.control.play(await requestOf(id), "complete");
    await pass(DAY_MS - HOUR_MS);
    await sweepKlarna(services, "test", "test");
    await test.simulator.control.account({ account_id: partner.account.id, switches: { read_shows_token: true } });
    expect([await statusOf(id), await failureOf(id)]).toEqual(["failed", "approval_lapsed"]);
    expect(await alarmsOf(id)).toContain("approval_lapsed");
  });
});

it("settles a refund whose answer was lost, with the same key, though its wake-up is far", async () => {
  const id = await pay({ amount: 12_402 });
  expect(await statusOf(id)).toBe("completed");
  await test.simulator.control.fault({
    operation: "refund",
    kind: "cut_after",
    account: partner.account.id,
    times: null,
  });
  await refundPayment(ctx, id, { amount: 400 });
  await test.simulator.control.clearFaults();
  const payment = async () => getPayment(ctx, id);
  expect((await payment()).amount_refunded).toBe(0);
  await pass(HOUR_MS);
  const run = await sweepKlarna(services, "test", "test");
  expect(run.results.find((result) => result.check === "operations")).toMatchObject({ looked: 1, repaired: 1 });
  expect((await payment()).amount_refunded).toBe(400);
  const [transaction] = await test.simulator.control.transactions({ payment_transaction_reference: id });
  expect(JSON.stringify(transaction)).toContain('"amount":400');
});

it("is kept with what each check found, by whom, and asked for by those who may", async () => {
  const operations = asUser(services, "ACQUIRER_OPERATIONS");
  const run = await runSweep(operations);
  const [latest] = await listSweeps(asUser(services, "READ_ONLY"));
  expect(latest).toMatchObject({ id: run.id, results: run.results, startedBy: operations.actor.id });
  expect(run.results.map((result) => result.check)).toEqual([
    "payment_requests",
    "operations",
    "late_approvals",
    "inbox",
  ]);
  await expect(runSweep(asUser(services, "READ_ONLY"))).rejects.toMatchObject({ code: "permission_denied" });
  expect(await listSweeps(asUser(services, "READ_ONLY", "all", "live"))).toEqual([]);
});
