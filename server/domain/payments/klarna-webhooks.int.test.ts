import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { processInbox } from "@/server/domain/inbox/service";
import { paymentHarness } from "@/server/testing/payments";
import { sendSigned } from "@/server/testing/signed-event";
import { cancelPayment } from "./service";

/* What Klarna's webhooks do to a payment: doubled, out of order, late, lost and about what is over. */

const h = paymentHarness();

/** Puts a copy of a transaction into the simulator's books under another payment's reference. */
async function cloneTransaction(fromPayment: string, toPayment: string): Promise<string> {
  const answer = await fetch(
    `${h.test.simulator.url}/_control/transactions?payment_transaction_reference=${fromPayment}`,
  );
  const { transactions } = z
    .object({ transactions: z.array(z.record(z.string(), z.unknown())) })
    .parse(await answer.json());
  const id = `krn:payment:eu1:transaction:${randomUUID()}`;
  const { remaining_amount: _, ...rest } = transactions[0] ?? {};
  const at = (value: unknown): number => new Date(String(value)).getTime();
  const copy = {
    ...rest,
    payment_transaction_id: id,
    payment_transaction_reference: toPayment,
    created_at: at(rest.created_at),
    updated_at: at(rest.updated_at),
    expires_at: at(rest.expires_at),
  };
  const imported = await fetch(`${h.test.simulator.url}/_control/import`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ transactions: [copy] }),
  });
  expect(imported.status, await imported.clone().text()).toBe(201);
  return id;
}

describe("Klarna's webhooks", () => {
  it("T2: twice and out of order lead to the same end, with one transaction", async () => {
    await h.freshPartner();
    for (const kind of ["doubled", "out_of_order", "late"] as const) {
      const id = await h.pending();
      await h.control.fault({
        operation: "webhook",
        kind,
        match: { payment_request_reference: id },
        delay_ms: 200,
        times: null,
      });
      const request = await h.requestOf(id);
      await h.control.play(request, "open");
      await h.control.play(request, "complete");
      await h.settleWebhooks();
      await h.sweepFor(20 * SECOND_MS);
      await h.settleWebhooks();
      expect((await h.read(id)).status, kind).toBe("completed");
      expect(await h.transactionsOf(id), kind).toHaveLength(1);
      await h.control.clearFaults();
    }
  });

  it("R20: with every webhook lost, reading finds a finished journey and finalizes it", async () => {
    await h.freshPartner();
    const id = await h.pending();
    await h.control.fault({
      operation: "webhook",
      kind: "lost",
      match: { payment_request_reference: id },
      times: null,
    });
    await h.control.play(await h.requestOf(id), "complete");
    await h.control.idle();
    expect((await h.read(id)).status).toBe("pending");
    await h.sweepFor(30 * SECOND_MS);
    expect((await h.read(id)).status).toBe("completed");
    expect(await h.transactionsOf(id)).toHaveLength(1);
  });

  it("R20: an approval whose webhook comes after the 60 minutes ends failed, approval_lapsed, with an alarm", async () => {
    await h.freshPartner();
    const id = await h.pending({ expires_in: 172_800 });
    await h.control.account({ account_id: h.partner.account.id, switches: { read_shows_token: false } });
    await h.control.fault({
      operation: "webhook",
      kind: "lost",
      match: { payment_request_reference: id },
      times: null,
    });
    await h.control.play(await h.requestOf(id), "complete");
    await h.sweepFor(65 * MINUTE_MS, 5 * MINUTE_MS);
    expect(await h.read(id)).toMatchObject({ status: "failed", failure: { code: "approval_lapsed" } });
    expect(await h.openAlarmsOf(id)).toContain("approval_lapsed");
    expect(await h.transactionsOf(id)).toHaveLength(0);
    expect(await h.journalOf(id)).toHaveLength(1);
  });

  it("T4: the completed webhook after the 60 minutes does not finalize", async () => {
    await h.freshPartner();
    const id = await h.pending({ expires_in: 172_800 });
    h.webhooks.hold();
    await h.control.play(await h.requestOf(id), "complete");
    await h.control.idle();
    h.webhooks.release();
    await h.passTime(61 * MINUTE_MS);
    await h.control.idle();
    const deliveries = await h.control.deliveries({ account: h.partner.account.id });
    for (const delivery of deliveries.filter((item) => JSON.stringify(item).includes("completed")))
      await h.control.redeliver(delivery.delivery_id);
    await h.settleWebhooks();
    expect(await h.read(id)).toMatchObject({ status: "failed", failure: { code: "approval_lapsed" } });
    expect(await h.transactionsOf(id)).toHaveLength(0);
  });

  it.each(["AUTHORIZED", "COMPLETED"] as const)(
    "an approval that shows up for a canceled payment (%s) is recorded, undone and alarmed; the status stays",
    async (state) => {
      await h.freshPartner();
      const id = await h.pending({ capture: state === "COMPLETED" ? "automatic" : "manual" });
      await cancelPayment(h.ctx, id);
      const eventsBefore = await h.eventsOf(id);
      // Klarna approves by itself what was canceled: a transaction appears under the payment's reference.
      const model = await h.create({ amount: 11_802, capture: state === "COMPLETED" ? "automatic" : "manual" });
      const transactionId = await cloneTransaction(model.id, id);
      await sendSigned(h.webhooks, {
        type: "payment.transaction.state-change.authorized",
        account: h.partner.account.id,
        payload: { payment_transaction_id: transactionId, payment_transaction_reference: id, state },
      });
      await processInbox(h.services);
      await h.sweepFor(30 * SECOND_MS);
      expect((await h.read(id)).status).toBe("canceled");
      const [row] = await h.services.db.query<{ late: string | null; state: string | null }>({
        text: "select late_transaction_id as late, late_approval_state as state from payments where id = $1",
        values: [id],
      });
      expect(row).toEqual({ late: transactionId, state: state === "COMPLETED" ? "REFUNDED" : "VOIDED" });
      expect(await h.openAlarmsOf(id)).toContain("late_approval");
      const [transaction] = (await h.transactionsOf(id)).filter(
        (item) => item.payment_transaction_id === transactionId,
      );
      if (state === "COMPLETED") expect(transaction?.refunded_amount).toBe(11_802);
      else expect(transaction?.state).toBe("CLOSED");
      expect(await h.eventsOf(id)).toEqual(eventsBefore);
    },
  );
});

it.each(["paid", "approved late"])(
  "a second transaction of a payment (%s) is none of its money, and a person is told",
  async (how) => {
    await h.freshPartner();
    const model = await h.create({ capture: "manual" });
    const tell = async (id: string) => {
      const transaction = await cloneTransaction(model.id, id);
      await sendSigned(h.webhooks, {
        type: "payment.transaction.state-change.authorized",
        account: h.partner.account.id,
        payload: { payment_transaction_id: transaction, payment_transaction_reference: id, state: "AUTHORIZED" },
      });
      await processInbox(h.services);
      await h.sweepFor(20 * SECOND_MS);
    };
    const id = how === "paid" ? await h.completed() : await h.pending();
    if (how === "approved late") {
      await cancelPayment(h.ctx, id);
      await tell(id);
    }
    const before = await h.read(id);
    expect(await h.openAlarmsOf(id)).not.toContain("books_differ");
    await tell(id);
    expect(await h.openAlarmsOf(id)).toContain("books_differ");
    const { updated_at: _at, ...after } = await h.read(id);
    expect(before).toMatchObject(after);
  },
);

describe("money that is not guaranteed", () => {
  it("is told as pending, and as funded even when Klarna's event about it is lost", async () => {
    await h.freshPartner();
    await h.control.account({
      account_id: h.partner.account.id,
      switches: { payment_funding: "NON_GUARANTEED" },
    });
    const sale = await h.create({ amount: 10_002 });
    expect(sale).toMatchObject({ status: "completed", funding: { type: "non_guaranteed", state: "pending" } });
    await h.control.fault({
      operation: "webhook",
      kind: "lost",
      account: h.partner.account.id,
      times: null,
    });
    const url = `${h.test.simulator.url}/_control/transactions/${encodeURIComponent(sale.klarna.payment_transaction_id ?? "")}/funding`;
    const told = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ state: "FUNDED" }),
    });
    expect(told.ok, await told.text()).toBe(true);
    await h.sweepFor(40 * MINUTE_MS, 10 * MINUTE_MS);
    expect((await h.read(sale.id)).funding).toEqual({ type: "non_guaranteed", state: "funded" });
    expect(await h.eventsOf(sale.id)).toEqual(["payment.completed", "payment.funded"]);
  });
});
