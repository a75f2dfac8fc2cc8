import { describe, expect, it } from "vitest";
import type { ServiceContext } from "@/server/context";
import { HOUR_MS } from "@/server/core/time";
import { startDraft } from "@/server/domain/payments/change";
import { findPayment } from "@/server/domain/payments/repository";
import { advanceDuePayments, cancelPayment, createPayment, getPayment } from "@/server/domain/payments/service";
import { classicHarness } from "@/server/testing/classic-harness";
import { applyDistribution } from "./distribution";

/* What is heard of a classic session while it runs: callbacks and reads that are lost, forged, doubled or late. */

const h = classicHarness();
const {
  alarmsOf,
  becomes,
  body,
  callsOf,
  distributed,
  eventsOf,
  expectEqualBooks,
  freshPartner,
  lose,
  ordersOf,
  passTime,
  sessionOf,
  sweepFor,
  sweepUntil,
} = h;

describe("callbacks", () => {
  async function targetOf(id: string): Promise<URL> {
    const session = (await h.classic.sessions(h.partner.account.id)).find((row) => row.merchant_reference2 === id);
    return new URL(session?.distribution?.status_update ?? "");
  }
  const versionOf = async (id: string) =>
    (
      await h.services.db.query<{ version: number }>({
        text: "select version from payments where id = $1",
        values: [id],
      })
    )[0]?.version;
  /** Waits until both callbacks that a code makes have come, so that nothing else moves the payment. */
  const heard = async (id: string) =>
    expect
      .poll(async () => (await h.classic.callbacks(await sessionOf(id))).map(({ status }) => status))
      .toEqual(["DELIVERED", "DELIVERED"]);
  const post = (url: URL, text = "{}") => fetch(url, { method: "POST", body: text });

  it("R20: all of them are lost: the poll finds what happened", async () => {
    await lose("classic_callback", "lost", null);
    const id = await distributed("qr");
    await h.classic.play(await sessionOf(id), "complete");
    await sweepFor(120, 10);
    expect((await getPayment(h.ctx, id)).status).toBe("completed");
    await expectEqualBooks(id);
  });

  it("where Klarna cannot call, it is given no address and asked each two seconds", async () => {
    const deaf: ServiceContext = { ...h.ctx, env: { ...h.ctx.env, KLARNA_CLASSIC_CALLBACKS: false } };
    const { id } = await createPayment(deaf, await body("qr"));
    const session = (await h.classic.sessions(h.partner.account.id)).find((row) => row.merchant_reference2 === id);
    expect(session?.distribution?.status_update).toBeNull();
    await sweepUntil(id, (_status, hasCode) => hasCode);
    await h.classic.play(await sessionOf(id), "complete");
    await sweepFor(3);
    expect((await getPayment(h.ctx, id)).status).toBe("completed");
    await expectEqualBooks(id);
  });

  /** Klarna confirms the cancel, and has placed the customer's order in the same moment. */
  const confirmTooEarly = (by: ServiceContext, sessionId: string): ServiceContext => ({
    ...by,
    klarna: {
      ...by.klarna,
      call: async (request, options) => {
        if (request.operation !== "classic_cancel") return by.klarna.call(request, options);
        await h.classic.play(sessionId, "complete");
        return { kind: "answered", status: 204, body: null, calls: [] };
      },
    },
  });

  it.each([
    ["where Klarna cannot call", false, 15],
    ["where its callback is lost", true, 3 * 60],
  ] as const)(
    "%s: an order of the moment of a confirmed cancel is found and undone",
    async (_, hasCallbacks, seconds) => {
      await freshPartner();
      if (hasCallbacks) await lose("classic_callback", "lost", null);
      const by: ServiceContext = { ...h.ctx, env: { ...h.ctx.env, KLARNA_CLASSIC_CALLBACKS: hasCallbacks } };
      const { id } = await createPayment(by, await body("qr"));
      await sweepUntil(id, (_status, hasCode) => hasCode);
      const canceled = await cancelPayment(confirmTooEarly(by, await sessionOf(id)), id);
      expect(canceled.status).toBe("canceled");
      expect(await ordersOf(id)).toMatchObject([{ status: "AUTHORIZED" }]);
      await sweepFor(seconds, 5);
      expect(await ordersOf(id)).toMatchObject([{ status: "CANCELLED", captured_amount: 0 }]);
      expect((await getPayment(h.ctx, id)).status).toBe("canceled");
      expect(await alarmsOf(id)).toEqual(["late_approval"]);
      await expectEqualBooks(id);
    },
  );

  it("a canceled session is read three times more, as long as that takes, and then never again", async () => {
    await freshPartner();
    const deaf: ServiceContext = { ...h.ctx, env: { ...h.ctx.env, KLARNA_CLASSIC_CALLBACKS: false } };
    const { id } = await createPayment(deaf, await body("qr"));
    await sweepUntil(id, (_status, hasCode) => hasCode);
    await cancelPayment(deaf, id);
    const reads = async () => (await callsOf("classic_read_distribution")).length;
    const before = await reads();
    await sweepFor(70, 5);
    expect((await reads()) - before).toBe(2);
    await lose("classic_read_distribution", "status_503", null);
    await sweepFor(11 * 60, 60);
    await h.control.clearFaults();
    const tried = await reads();
    await sweepFor(120, 60);
    expect((await reads()) - tried).toBe(1);
    await passTime(24 * HOUR_MS);
    await advanceDuePayments(h.services);
    expect((await reads()) - tried).toBe(1);
    expect(await alarmsOf(id)).toEqual([]);
    await expectEqualBooks(id);
  });

  it("R19: a wrong secret, none, two, or a payment that is not there: 401, and nothing is touched", async () => {
    const id = await distributed("qr");
    const right = await targetOf(id);
    await heard(id);
    const version = await versionOf(id);
    const variants = [
      (url: URL) => url.searchParams.set("secret", "0".repeat(43)),
      (url: URL) => url.searchParams.set("secret", ""),
      (url: URL) => url.searchParams.delete("secret"),
      (url: URL) => url.searchParams.append("secret", url.searchParams.get("secret") ?? ""),
      (url: URL) => {
        url.pathname = url.pathname.replace(/.$/, (last) => (last === "A" ? "B" : "A"));
      },
    ];
    for (const spoil of variants) {
      const url = new URL(right);
      spoil(url);
      expect((await post(url)).status).toBe(401);
    }
    expect(await versionOf(id)).toBe(version);
    await cancelPayment(h.ctx, id);
  });

  it("a forged body decides nothing: only what Klarna says when it is asked", async () => {
    const id = await distributed("qr");
    const forged = { session_id: await sessionOf(id), status: "COMPLETED", order_id: crypto.randomUUID() };
    expect((await post(await targetOf(id), JSON.stringify(forged))).status).toBe(200);
    await advanceDuePayments(h.services);
    expect((await getPayment(h.ctx, id)).status).toBe("pending");
    expect(await ordersOf(id)).toEqual([]);
    await cancelPayment(h.ctx, id);
    await expectEqualBooks(id);
  });

  it("R17: the callback of a paid sale a hundred times, in parallel and again later: one capture, one event", async () => {
    const id = await distributed("qr");
    await h.classic.play(await sessionOf(id), "complete");
    const url = await targetOf(id);
    const answers = await Promise.all(Array.from({ length: 100 }, () => post(url)));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
    await Promise.all([advanceDuePayments(h.services), advanceDuePayments(h.services), advanceDuePayments(h.services)]);
    await becomes(id, "completed");
    const version = await versionOf(id);
    expect((await post(url)).status).toBe(200);
    await advanceDuePayments(h.services);
    expect(await versionOf(id)).toBe(version);
    expect((await eventsOf(id)).filter((type) => type === "payment.completed")).toHaveLength(1);
    expect((await callsOf("order_capture")).filter((call) => JSON.stringify(call).includes(id))).toHaveLength(0);
    await expectEqualBooks(id);
  });

  it("R22: a receiver that is away hears it when Klarna tries again", async () => {
    const id = await distributed("qr");
    h.callbacks.hold();
    await h.classic.play(await sessionOf(id), "complete");
    const [last] = await h.classic.callbacks(await sessionOf(id));
    const refused = async () =>
      (await h.classic.callbacks(await sessionOf(id))).find((row) => row.callback_id === last?.callback_id)?.attempts;
    await expect.poll(refused).toHaveLength(1);
    h.callbacks.release();
    await h.classic.redeliver(last?.callback_id ?? "");
    await becomes(id, "completed");
    await expectEqualBooks(id);
  });
});

it("R21: a read that was begun earlier and answers later changes nothing", async () => {
  const id = await distributed("qr");
  await h.classic.play(await sessionOf(id), "open");
  await becomes(id, "in_progress");
  const payment = await findPayment(h.services.db, h.ctx.scope, id);
  if (payment === null) throw new Error("no payment");
  const draft = startDraft({ payment, operations: [], captures: [], refunds: [] });
  const found = { status: "DISTRIBUTED", payment_link: payment.klarnaQrTargetUrl ?? "" };
  const now = h.test.clock.now();
  const earlier = new Date(Date.parse(payment.classic?.readAt ?? "") - 1);
  expect(applyDistribution(draft, found, earlier, now)).toBe(false);
  expect(draft.after.state).toBe("IN_PROGRESS");
  expect(applyDistribution(draft, found, now, now)).toBe(true);
  expect(draft.after.state).toBe("PENDING");
  expect(applyDistribution(draft, { status: "SOMETHING_NEW" }, now, now)).toBe(false);
  await cancelPayment(h.ctx, id);
});
