import { describe, expect, it } from "vitest";
import { at, createClient } from "../fixtures";
import { CURRENCIES_USED, createBookkeeper, seeded, sum } from "./books";

const SEED = 20_260_301;
const OPERATIONS = 10_000;
const FAULT_SHARE = 0.15;
const HOUR_MS = 3_600_000;
const LIST = "/v2/distribution/settlements";

describe("settlements against a client's own books", () => {
  it(`captured minus refunded is what settlements pay plus fees and disputes, to the minor unit, after ${OPERATIONS} calls with faults (seed ${SEED})`, async () => {
    const client = await createClient();
    const random = seeded(SEED);
    const books = createBookkeeper(client, random, FAULT_SHARE);
    const { chance, whole, pick, transactions, disputes } = books;
    const second = await client.control.account({ name: "Blommor Stockholm", country: "SE" });
    await client.call("POST", "/_control/terms", { account: second.account_id, hold_policy: "NONE" });
    const accounts = [
      { base: client.base, taxPercent: 19 },
      { base: `/v2/accounts/${second.account_id}/payment`, taxPercent: 25 },
    ];

    while (books.counts().operations < OPERATIONS) {
      const dice = random();
      const account = pick(accounts) ?? accounts[0];
      const transaction = pick(transactions.slice(-400));
      const dispute = pick(disputes.slice(-60));
      if (transaction === undefined || dice < 0.35) {
        if (account !== undefined) await books.authorize(account);
      } else if (dice < 0.6) await books.capture(transaction);
      else if (dice < 0.78) await books.refund(transaction);
      else if (dice < 0.85) await books.release(transaction);
      else if (dice < 0.9) await books.dispute(transaction);
      else if (dispute !== undefined) await books.work(dispute);
      if (chance(0.004)) await client.control.advance(whole(1, 14) * HOUR_MS);
    }
    expect((await client.call("POST", "/_control/settlements", {})).status).toBe(201);

    // The settlements as the API tells them, faults still on.
    const settlements: unknown[] = [];
    const lines = new Map<string, unknown[]>();
    async function readAll(path: string, field: string): Promise<unknown[]> {
      const found: unknown[] = [];
      let cursor: unknown = null;
      do {
        const after = cursor === null ? "" : `&starting_after=${encodeURIComponent(String(cursor))}`;
        const page = await books.call("GET", `${path}?size=200${after}`, field);
        const items = page.body[field];
        found.push(...(Array.isArray(items) ? items : []));
        cursor = at(page.body, "pagination", "last_item");
      } while (cursor !== null);
      return found;
    }
    for (const settlement of (await readAll(LIST, "settlements")).reverse()) {
      const id = String(at(settlement, "settlement_id"));
      settlements.push(settlement);
      lines.set(id, await readAll(`${LIST}/${id}/transactions`, "transactions"));
    }
    expect(settlements.length).toBeGreaterThan(20);
    expect(books.counts().faults).toBeGreaterThan(OPERATIONS * FAULT_SHARE * 0.8);
    expect(disputes.length).toBeGreaterThan(100);

    const ids = [...lines.values()].flat().map((line) => at(line, "transaction_id"));
    expect(new Set(ids).size).toBe(ids.length);

    const simulated = await client.control.books();
    for (const currency of CURRENCIES_USED) {
      const own = await books.close(currency);
      const mine = settlements.filter((settlement) => at(settlement, "currency") === currency);
      const myLines = mine.flatMap((settlement) => lines.get(String(at(settlement, "settlement_id"))) ?? []);
      const of = (...types: string[]): number =>
        sum(
          myLines.filter((line) => types.includes(String(at(line, "type")))),
          (line) => Number(at(line, "amount")),
        );
      const tax = sum(myLines, (line) => Number(at(line, "tax_amount")));
      const idsOf = (type: string, field: string): string[] =>
        myLines.filter((line) => at(line, "type") === type).map((line) => String(at(line, field)));

      // Every movement stands in exactly one line.
      expect(idsOf("SALE", "payment_capture_id").sort()).toEqual([...own.captureIds].sort());
      expect(idsOf("RETURN", "payment_refund_id").sort()).toEqual([...own.refundIds].sort());
      expect(of("SALE")).toBe(own.captured);
      expect(of("RETURN")).toBe(-own.refunded);
      expect(of("FEE") + tax).toBe(-own.fees);
      expect(of("REVERSAL")).toBe(-own.lost);
      expect(of("HOLDBACK", "RELEASE")).toBe(-own.held);
      const rows = simulated.filter((row) => row.currency === currency);
      expect(sum(rows, (row) => row.captured)).toBe(own.captured);
      expect(sum(rows, (row) => row.refunded)).toBe(own.refunded);

      // Each settlement closes, and hands its balance to the next.
      let balance = 0;
      let paid = 0;
      for (const settlement of mine) {
        const net = sum(
          lines.get(String(at(settlement, "settlement_id"))) ?? [],
          (line) => Number(at(line, "amount")) + Number(at(line, "tax_amount")),
        );
        const payout = Number(at(settlement, "payout", "amount") ?? 0);
        expect(at(settlement, "totals", "opening_debt_balance_amount")).toBe(balance);
        expect(payout).toBe(Math.max(0, balance + net));
        balance = Math.min(0, balance + net);
        expect(at(settlement, "totals", "closing_debt_balance_amount")).toBe(balance);
        paid += payout;
      }
      expect(own.captured - own.refunded).toBe(paid + balance + own.fees + own.lost + own.held);
      expect(own.captured).toBeGreaterThan(0);
    }
    await client.close();
  });
});
