import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { at, type Client, createClient, createReceiver, type Json } from "../fixtures";

const DAY_MS = 86_400_000;
const LIST = "/v2/distribution/settlements";

let client: Client;
beforeEach(async () => {
  client = await createClient();
});
afterEach(async () => {
  await client.close();
});

async function captured(amount: number): Promise<string> {
  const id = await client.authorized(amount);
  const answer = await client.call("POST", `${client.base}/transactions/${id}/captures`, { amount });
  expect(answer.status).toBe(201);
  return id;
}

async function settle(body: Json = {}): Promise<unknown[]> {
  const answer = await client.call("POST", "/_control/settlements", body);
  expect(answer.status).toBe(201);
  const made = at(answer.body, "settlements");
  return Array.isArray(made) ? made : [];
}

const refund = (id: string, amount: number) =>
  client.call("POST", `${client.base}/transactions/${id}/refunds`, { amount });

describe("settlements", () => {
  it("pays captures minus refunds minus fees with their tax, as lines that say what they are for", async () => {
    const id = await captured(10_000);
    await refund(id, 2_500);
    const [settlement] = await settle();
    // 2.99 % of 100.00 is 2.99, and 0.35 fixed; 19 % tax on each, rounded one by one.
    expect(at(settlement, "totals")).toMatchObject({
      sale_amount: 10_000,
      return_amount: -2_500,
      fee_amount: -334,
      tax_amount: -64,
      settlement_amount: 7_102,
    });
    const lines = await client.call("GET", `${LIST}/${String(at(settlement, "settlement_id"))}/transactions`);
    const found = at(lines.body, "transactions");
    expect(Array.isArray(found) ? found.map((line) => [at(line, "detailed_type"), at(line, "amount")]) : []).toEqual([
      ["PURCHASE", 10_000],
      ["PURCHASE_FEE_PERCENTAGE", -299],
      ["PURCHASE_FEE_FIXED", -35],
      ["PURCHASE_RETURN", -2_500],
    ]);
    for (const line of Array.isArray(found) ? found : []) expect(at(line, "payment_transaction_id")).toBe(id);
    expect(at(found, 3, "payment_refund_id")).toBe(`${id}:refund:1`);
  });

  it("carries a negative balance over and pays out only what is left above it", async () => {
    const id = await captured(10_000);
    await settle();
    await refund(id, 10_000);
    const [negative] = await settle();
    expect(at(negative, "payout")).toBeUndefined();
    expect(at(negative, "totals", "closing_debt_balance_amount")).toBe(-10_000);
    const noPayout = await client.call("GET", `${LIST}/${String(at(negative, "settlement_id"))}/payout`);
    expect(noPayout.status).toBe(404);
    await captured(12_000);
    const [next] = await settle();
    const fees = Number(at(next, "totals", "fee_amount")) + Number(at(next, "totals", "tax_amount"));
    expect(at(next, "totals", "opening_debt_balance_amount")).toBe(-10_000);
    expect(at(next, "payout", "amount")).toBe(12_000 + fees - 10_000);
    expect(at(next, "totals", "closing_debt_balance_amount")).toBe(0);
  });

  it("makes one settlement and one payout per currency, each on its acquiring account", async () => {
    await captured(10_000);
    await client.control.fault({ operation: "authorize", kind: "approve" });
    const answer = await client.authorize({
      currency: "GBP",
      request_payment_transaction: { amount: 5_000, capture: "NOW" },
    });
    expect(at(answer.body, "payment_transaction_response", "result")).toBe("APPROVED");
    const made = await settle();
    expect(made.map((settlement) => at(settlement, "currency")).sort()).toEqual(["EUR", "GBP"]);
    expect(new Set(made.map((settlement) => at(settlement, "payment_reference"))).size).toBe(2);
    expect(new Set(made.map((settlement) => at(settlement, "payment_acquiring_account_id"))).size).toBe(2);
  });

  it("settles each day at midnight UTC on the simulator's clock, once, and pays a day later", async () => {
    await captured(10_000);
    await client.control.advance(DAY_MS);
    const first = await client.call("GET", LIST);
    expect(at(first.body, "pagination", "total")).toBe(1);
    expect(String(at(first.body, "settlements", 0, "period_end"))).toMatch(/T00:00:00\.000Z$/);
    const payout = `${LIST}/${String(at(first.body, "settlements", 0, "settlement_id"))}/payout`;
    expect(at((await client.call("GET", payout)).body, "status")).toBe("PENDING");
    await client.control.advance(2 * DAY_MS);
    expect(at((await client.call("GET", payout)).body, "status")).toBe("PAID");
    expect(at((await client.call("GET", LIST)).body, "pagination", "total")).toBe(1);
  });

  it("makes one settlement per day of a history when asked to", async () => {
    const id = await captured(10_000);
    await client.control.advance(DAY_MS * 0.5, client.accountId);
    await client.control.advance(3 * DAY_MS, client.accountId);
    await refund(id, 1_000);
    const made = await settle({ daily: true, until: new Date(Date.now() + 5 * DAY_MS).toISOString() });
    expect(made.length).toBe(2);
    expect(at(made[0], "totals", "sale_amount")).toBe(10_000);
    expect(at(made[1], "totals", "return_amount")).toBe(-1_000);
  });

  it("settles nothing twice and makes no empty settlement", async () => {
    await captured(10_000);
    expect((await settle()).length).toBe(1);
    expect((await settle()).length).toBe(0);
  });

  it("pages the lines without a gap or a repetition, and the CSV has the same lines", async () => {
    for (let turn = 0; turn < 5; turn += 1) await captured(1_000 + turn * 20);
    const [settlement] = await settle();
    const path = `${LIST}/${String(at(settlement, "settlement_id"))}`;
    const seen: unknown[] = [];
    let query = "?size=4";
    for (;;) {
      const page = await client.call("GET", `${path}/transactions${query}`);
      const lines = at(page.body, "transactions");
      seen.push(...(Array.isArray(lines) ? lines : []));
      const cursor = at(page.body, "pagination", "last_item");
      if (cursor === null) break;
      query = `?size=4&starting_after=${encodeURIComponent(String(cursor))}`;
    }
    expect(seen.length).toBe(15);
    expect(new Set(seen.map((line) => at(line, "transaction_id"))).size).toBe(15);
    const csv = await client.call("GET", `${path}/csv`);
    expect(csv.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    const [header, body] = csv.text.split("\r\n\r\n");
    expect(header?.split("\r\n").length).toBe(2);
    const rows = (body ?? "").trimEnd().split("\r\n").slice(1);
    expect(rows.map((line) => line.split(";")[0])).toEqual(seen.map((line) => at(line, "transaction_id")));
    const only = await client.call("GET", `${path}/transactions/csv`);
    expect(only.text).toBe(body);
    const summary = await client.call("GET", `${path}/summary/csv`);
    expect(`${summary.text}\r\n${only.text}`).toBe(csv.text);
  });

  it("sends settlement.report.created with links that answer", async () => {
    const receiver = await createReceiver();
    await client.control.webhook(receiver.url, ["settlement.*"]);
    await captured(10_000);
    const [settlement] = await settle();
    await receiver.waitFor(1);
    const event: unknown = JSON.parse(receiver.received[0]?.body ?? "{}");
    expect(at(event, "metadata", "event_type")).toBe("settlement.report.created");
    expect(at(event, "payload", "settlement_id")).toBe(at(settlement, "settlement_id"));
    for (const link of Object.values(Object(at(event, "payload", "links")))) {
      const { pathname } = new URL(String(link));
      expect((await client.call("GET", pathname)).status).toBe(200);
    }
    await receiver.close();
  });

  it("makes a PDF whose table of objects is right", async () => {
    await captured(10_000);
    const [settlement] = await settle();
    const pdf = await client.call("GET", `${LIST}/${String(at(settlement, "settlement_id"))}/pdf`);
    const start = Number(/startxref\n(\d+)/.exec(pdf.text)?.[1]);
    expect(pdf.text.slice(start, start + 4)).toBe("xref");
    const offsets = [...pdf.text.slice(start).matchAll(/^(\d{10}) 00000 n/gm)].map((found) => Number(found[1]));
    expect(offsets.length).toBe(7);
    for (const [index, offset] of offsets.entries()) {
      expect(pdf.text.slice(offset).startsWith(`${index + 1} 0 obj`)).toBe(true);
    }
  });

  it("takes corrections by hand, and other prices from then on", async () => {
    await client.call("POST", "/_control/terms", {
      account: client.accountId,
      fee_basis_points: 100,
      fee_fixed: 0,
      tax_basis_points: 0,
    });
    await captured(10_000);
    const adjusted = await client.call("POST", "/_control/adjustments", {
      account: client.accountId,
      currency: "EUR",
      amount: -55,
      comment: "by hand",
    });
    expect(adjusted.status).toBe(201);
    const [settlement] = await settle();
    expect(at(settlement, "totals", "correction_amount")).toBe(-55);
    expect(at(settlement, "payout", "amount")).toBe(10_000 - 100 - 55);
  });

  it("tells what is owed before it is settled", async () => {
    await captured(10_000);
    const before = await client.call("GET", "/_control/balances");
    expect(at(before.body, "balances", 0)).toMatchObject({ currency: "EUR", unsettled_lines: 3, paid_out: 0 });
    await settle();
    const after = await client.call("GET", "/_control/balances");
    expect(at(after.body, "balances", 0, "unsettled")).toBe(0);
    expect(at(after.body, "balances", 0, "paid_out")).toBe(at(before.body, "balances", 0, "unsettled"));
  });

  it("has the same settlements after a restart, settles nothing again, and forgets on reset", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "simulator-"));
    const first = await createClient({ dataDir });
    await first.control.fault({ operation: "authorize", kind: "approve" });
    await first.authorize({ currency: "EUR", request_payment_transaction: { amount: 5_000, capture: "NOW" } });
    await first.call("POST", "/_control/settlements", {});
    const before = await first.call("GET", LIST);
    await first.close();
    const second = await createClient({ dataDir });
    const after = await second.call("GET", LIST);
    expect(at(after.body, "settlements", 0, "totals")).toEqual(at(before.body, "settlements", 0, "totals"));
    expect(at((await second.call("POST", "/_control/settlements", {})).body, "settlements")).toEqual([]);
    await second.control.reset();
    expect(at((await second.call("GET", LIST)).body, "pagination", "total")).toBe(0);
    await second.close();
    rmSync(dataDir, { recursive: true });
  });
});
