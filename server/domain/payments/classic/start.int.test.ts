import { beforeEach, describe, expect, it } from "vitest";
import type { ServiceContext } from "@/server/context";
import { HOUR_MS, SECOND_MS } from "@/server/core/time";
import { getClassicCredential, saveClassicCredential } from "@/server/domain/classic/service";
import type { CreatePaymentInput } from "@/server/domain/payments/schema";
import { advanceDuePayments, cancelPayment, createPayment, getPayment } from "@/server/domain/payments/service";
import { type ClassicLaunch, classicHarness } from "@/server/testing/classic-harness";
import { asUser } from "@/server/testing/context";

/* The start of a classic session: what Klarna is told, what it refuses, and what holds while its answer is not known. */

const h = classicHarness();
const {
  alarmsOf,
  becomes,
  body,
  callsOf,
  expectEqualBooks,
  freshPartner,
  letThrough,
  lose,
  ordersOf,
  passTime,
  sessionOf,
  started,
  sweepUntil,
} = h;
beforeEach(letThrough);

describe("the session says what Klarna must know", () => {
  it("store, terminal, customer, references and where to call", async () => {
    const id = await started("short_code", {
      short_code: "123456",
      line_items: [
        {
          name: "Roses",
          quantity: 3,
          unit_price: 5_000,
          total_amount: 14_000,
          total_tax_amount: 2_800,
          tax_rate: 2500,
        },
        { name: "Ribbon", quantity: 0.75, total_amount: 4_000, type: "service" },
      ],
      customer: {
        given_name: "Alva",
        email: "alva@example.com",
        address: { street_address: "Storgatan 1", postal_code: "11122", city: "Stockholm", country: "SE" },
      },
    });
    const session = (await h.classic.sessions(h.partner.account.id)).find((row) => row.merchant_reference2 === id);
    expect(session).toMatchObject({
      acquiring_channel: "IN_STORE",
      purchase_country: "SE",
      locale: "sv-SE",
      merchant_reference1: (await getPayment(h.ctx, id)).reference,
      order_tax_amount: 2_800,
      billing_address: { given_name: "Alva", email: "alva@example.com", street_address: "Storgatan 1", country: "SE" },
      distribution: { method: "one_qr", short_code: "123456" },
      attachment: { content_type: "application/vnd.klarna.internal.emd-v2+json" },
      order_lines: [
        { name: "Roses", quantity: 3, unit_price: 5_000, total_discount_amount: 1_000, total_amount: 14_000 },
        { name: "0.75 × Ribbon", quantity: 1, unit_price: 4_000, total_amount: 4_000, type: "digital" },
      ],
    });
    const emd = session?.attachment?.body ?? "";
    expect(emd).not.toContain("\n");
    expect(JSON.parse(emd)).toMatchObject({
      in_store_payment: [
        {
          store_info: {
            merchant_store_id: h.partner.store.reference,
            store_terminal_id: h.partner.terminal.reference,
            store_address: { street_address: "Drottninggatan 50", city: "Stockholm", country: "SE" },
          },
        },
      ],
    });
    expect(session?.distribution?.status_update).toMatch(
      new RegExp(`^${h.callbacks.url}/api/klarna/classic/${id}\\?secret=[0-9a-f]{43}$`),
    );
  });
});

describe("what Klarna refuses, as the till should take it", () => {
  const failed = async (overrides: Partial<CreatePaymentInput>, launch: ClassicLaunch = "qr") => {
    const payment = await createPayment(h.ctx, await body(launch, overrides));
    if (payment.status !== "failed") await becomes(payment.id, "failed");
    await expectEqualBooks(payment.id);
    return { id: payment.id, failure: (await getPayment(h.ctx, payment.id)).failure?.code };
  };

  it("BAD_REQUEST: a short code that Klarna does not know wants another code", async () => {
    expect((await failed({ short_code: "9999999" }, "short_code")).failure).toBe("short_code_refused");
  });
  it("BAD_REQUEST: data that Klarna cannot use wants to be corrected", async () => {
    expect((await failed({ currency: "EUR" })).failure).toBe("data_refused");
  });
  it("UNKNOWN: an error of Klarna's own is not tried again, and a person is told", async () => {
    const { id, failure } = await failed({ amount: 18_001 });
    expect(failure).toBe("klarna_error");
    expect(await alarmsOf(id)).toEqual(["classic_session_failed"]);
  });
  it("PERMISSION_DENIED: wrong credentials stop the till, tell a person, and stand on the Partner's record", async () => {
    await freshPartner("NA");
    const staff = asUser(h.services, "ACQUIRER_ADMIN");
    const known = await getClassicCredential(staff, h.partner.partner.id);
    await saveClassicCredential(staff, h.partner.partner.id, {
      region: "NA",
      username: known?.username ?? "",
      password: "not-the-password",
    });
    const { id, failure } = await failed({});
    expect(failure).toBe("klarna_not_permitted");
    expect(await alarmsOf(id)).toEqual(["classic_credentials_refused"]);
    expect((await getClassicCredential(staff, h.partner.partner.id))?.refusedAt).not.toBeNull();
    await freshPartner();
  });
  it("R15: a host that cannot be reached takes nothing: the payment is refused, and nothing is unknown", async () => {
    const nowhere: ServiceContext = {
      ...h.ctx,
      env: { ...h.ctx.env, KLARNA_CLASSIC_TEST_BASE_URL: "http://127.0.0.1:9" },
    };
    const input = await body("qr");
    await expect(createPayment(nowhere, input)).rejects.toMatchObject({ code: "klarna_unavailable" });
    const [row] = await h.services.db.query<{ state: string; failureCode: string }>({
      text: `select state, failure_code as "failureCode" from payments where reference = $1`,
      values: [input.reference],
    });
    expect(row).toEqual({ state: "FAILED", failureCode: "klarna_unavailable" });
  });
  it("a Partner without credentials is told before anything is written", async () => {
    await h.services.db.query({
      text: "delete from classic_credentials where partner_id = $1",
      values: [h.partner.partner.id],
    });
    const input = await body("qr");
    await expect(createPayment(h.ctx, input)).rejects.toMatchObject({ code: "partner_not_operational" });
    await freshPartner();
  });
});

describe("the start has no definite answer", () => {
  const LOST = [
    ["R9", "cut_after", "EU"],
    ["R9", "cut_before", "EU"],
    ["R9", "cut_halfway", "NA"],
    ["R10", "status_500_after", "NA"],
    ["R10", "malformed", "OC"],
    ["R10", "html_502", "OC"],
  ] as const;
  it.each(LOST)(
    "%s: %s: unknown at first, then found with the same key: one session, one order",
    async (_, kind, region) => {
      await freshPartner(region);
      await lose("classic_create_session", kind, 4);
      const payment = await createPayment(h.ctx, await body("qr"));
      expect(payment).toMatchObject({ status: "processing", qr: null });
      await h.control.clearFaults();
      await letThrough();
      await becomes(payment.id, "pending");
      await sweepUntil(payment.id, (_status, hasCode) => hasCode);
      const calls = await callsOf("classic_create_session");
      expect(new Set(calls.map((call) => call.idempotency_key)).size).toBe(1);
      expect(await h.classic.sessions(h.partner.account.id)).toHaveLength(1);
      await h.classic.play(await sessionOf(payment.id), "complete");
      await becomes(payment.id, "completed");
      await expectEqualBooks(payment.id);
    },
  );

  it("a distribution that is not there at once is waited for; one that never comes ends the payment", async () => {
    await freshPartner("EU");
    const id = await started("qr");
    await h.services.db.query({
      text: `update payments set version = version + 1, classic = jsonb_set(classic, '{resultPath}', '"/iss/v1/distributions/none"') where id = $1`,
      values: [id],
    });
    await passTime(5 * SECOND_MS);
    await advanceDuePayments(h.services);
    expect((await getPayment(h.ctx, id)).status).toBe("pending");
    await passTime(60 * SECOND_MS);
    await advanceDuePayments(h.services);
    expect(await getPayment(h.ctx, id)).toMatchObject({ status: "failed", failure: { code: "request_lost" } });
    await expectEqualBooks(id);
  });

  it("R10: an answer that says nothing is unknown, never a failure", async () => {
    await freshPartner("NA");
    await lose("classic_create_session", "wrong_schema", 1);
    const payment = await createPayment(h.ctx, await body("qr"));
    expect(payment.status).toBe("processing");
    await becomes(payment.id, "pending");
    expect(await h.classic.sessions(h.partner.account.id)).toHaveLength(1);
    await cancelPayment(h.ctx, payment.id);
    await expectEqualBooks(payment.id);
  });

  it("R8, R18: Klarna's callback overtakes the lost answer and wakes the payment, which asks with the same key", async () => {
    await freshPartner("OC");
    await lose("classic_create_session", "cut_after", 4);
    h.callbacks.hold();
    const { id } = await createPayment(h.ctx, await body("qr"));
    h.callbacks.release();
    await h.control.clearFaults();
    const url = (await h.classic.sessions(h.partner.account.id))[0]?.distribution?.status_update ?? "";
    expect((await fetch(url, { method: "POST", body: "{}" })).status).toBe(200);
    await advanceDuePayments(h.services);
    expect((await getPayment(h.ctx, id)).status).toBe("pending");
    expect(await h.classic.sessions(h.partner.account.id)).toHaveLength(1);
    await cancelPayment(h.ctx, id);
    await expectEqualBooks(id);
  });

  it("R11: never found: a day later no call with the old key is made any more, and a person is told", async () => {
    await freshPartner("EU");
    await lose("classic_create_session", "cut_before", null);
    const { id } = await createPayment(h.ctx, await body("qr"));
    await passTime(24 * HOUR_MS);
    const before = (await callsOf("classic_create_session")).length;
    await advanceDuePayments(h.services);
    expect((await callsOf("classic_create_session")).length).toBe(before);
    expect((await getPayment(h.ctx, id)).status).toBe("processing");
    expect(await alarmsOf(id)).toContain("outcome_unknown");
    expect(await ordersOf(id)).toEqual([]);
    await h.control.clearFaults();
    await freshPartner();
  });
});
