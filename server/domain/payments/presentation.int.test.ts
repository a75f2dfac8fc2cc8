import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import type { ServiceContext } from "@/server/context";
import { MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { createRest, type Rest } from "@/server/rest/run";
import { type BuiltPartner, makePartner } from "@/server/testing/builders";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import { callRest, makeKey } from "@/server/testing/rest";
import { listPaymentMethods, type PaymentMethodsQuery } from "./presentation";

/* What may be offered to a customer, asked at the simulator and counted there. */

let test: TestServices;
let rest: Rest;
let partner: BuiltPartner;
let ctx: ServiceContext;
let key: string;

beforeAll(async () => {
  test = await testServices({ clock: "movable", environment: { KLARNA_TIMEOUT_MS: "800" } });
  rest = createRest(test.services);
});
afterEach(() => test.simulator.control.clearFaults());
afterAll(async () => {
  await rest.close();
  await test.close();
});

async function freshPartner(): Promise<void> {
  partner = await makePartner(test.services);
  ctx = asApiKey(test.services, { partnerId: partner.partner.id });
  key = (await makeKey(test.services, partner.partner.id)).key;
}
const ask = async (query: Partial<PaymentMethodsQuery> = {}, as = ctx) => {
  const [method, ...more] = await listPaymentMethods(as, { currency: "SEK", amount: 11_800, ...query });
  expect(more).toEqual([]);
  if (!method) throw new Error("no method");
  return method;
};
async function asked(account = partner.account.id): Promise<{ presentation: number; interoperability: number }> {
  const calls = await test.simulator.control.calls({ account });
  const count = (operation: string) => calls.filter((call) => call.operation === operation).length;
  return { presentation: count("presentation"), interoperability: count("read_interoperability") };
}
async function sessionToken(journey: "KLARNA_EXPRESS_CHECKOUT" | "SIGN_IN_WITH_KLARNA"): Promise<string> {
  const answer = await fetch(`${test.simulator.url}/v2/accounts/${partner.account.id}/interoperability/test-tokens`, {
    method: "POST",
    headers: {
      authorization: `Basic ${test.simulator.apiKey}`,
      "content-type": "application/json",
      "klarna-idempotency-key": randomUUID(),
    },
    body: JSON.stringify({ customer_journey: journey }),
  });
  return z.object({ klarna_network_session_token: z.string() }).parse(await answer.json()).klarna_network_session_token;
}

describe("what Klarna says", () => {
  it("comes with its own words in the language asked for, its pictures and the option to send back", async () => {
    await freshPartner();
    const german = await ask({ currency: "EUR", locale: "de-DE", country: "DE" });
    expect(german).toMatchObject({
      available: true,
      reason: null,
      instruction: "show",
      customer_action: "required",
      texts: { header: "Mit Klarna bezahlen", badge: "Käuferschutz", button: "Mit Klarna bezahlen" },
      images: { alt: "Klarna" },
    });
    expect(german.payment_option_id).toMatch(/^krn:/);
    expect(german.texts.message).toContain("Handy");
    for (const url of [german.texts.terms_url, german.images.badge, german.images.square, german.images.rectangle])
      expect(url).toMatch(/^https?:\/\//);
    expect(Date.parse(german.expires_at) - test.clock.now().getTime()).toBeLessThanOrEqual(2 * MINUTE_MS);
    expect((await ask({ locale: "sv-SE" })).texts.header).toBe("Betala med Klarna");
  });

  it("in its older and its newer names alike", async () => {
    await freshPartner();
    for (const names of ["legacy", "current", "both"] as const) {
      await test.simulator.control.account({ account_id: partner.account.id, switches: { names } });
      expect((await ask({ amount: 100 + names.length })).texts.header, names).toBe("Betala med Klarna");
    }
  });

  it.each([
    ["a country that Klarna does not serve", { country: "BR" }],
    ["a currency that it does not take", { currency: "JPY" }],
    ["an amount above its limit", { amount: 2_000_000 }],
  ] as const)("%s: not available here, nothing to show", async (_name, query) => {
    await freshPartner();
    await test.simulator.control.account({ account_id: partner.account.id, switches: { amount_max: 1_000_000 } });
    expect(await ask(query)).toMatchObject({
      available: false,
      reason: "not_available_here",
      instruction: "hide",
      payment_option_id: null,
      texts: { header: null },
    });
  });

  it.each(["networkSessionToken", "interoperabilityToken"] as const)(
    "with the customer's session token (%s): known ones are preselected, finished journeys only need a confirmation",
    async (name) => {
      await freshPartner();
      expect(await ask({ [name]: await sessionToken("SIGN_IN_WITH_KLARNA") })).toMatchObject({
        available: true,
        instruction: "preselect",
        customer_action: "required",
      });
      expect(await ask({ [name]: await sessionToken("KLARNA_EXPRESS_CHECKOUT") })).toMatchObject({
        available: true,
        instruction: "show_only",
        customer_action: "confirm_now",
      });
    },
  );

  it("the store's country counts where none is named; a store or terminal that is not the Partner's own is unknown", async () => {
    await freshPartner();
    const abroad = await makePartner(test.services, { country: "BR" });
    const as = asApiKey(test.services, { partnerId: abroad.partner.id });
    expect((await ask({}, as)).available).toBe(true);
    for (const place of [{ terminal: abroad.terminal.reference }, { store: abroad.store.id }])
      expect((await ask(place, as)).reason).toBe("not_available_here");
    const foreign = await makePartner(test.services);
    await expect(ask({ store: foreign.store.id })).rejects.toMatchObject({ code: "store_not_found" });
    await expect(ask({ terminal: foreign.terminal.id })).rejects.toMatchObject({ code: "terminal_not_found" });
    await expect(ask({ store: partner.store.id, terminal: "none" })).rejects.toMatchObject({
      code: "terminal_not_found",
    });
  });
});

describe("kept shortly", () => {
  it("twenty who ask the same at once make one question, kept for two minutes", async () => {
    await freshPartner();
    await Promise.all(Array.from({ length: 20 }, () => ask()));
    await ask();
    expect(await asked()).toEqual({ presentation: 1, interoperability: 1 });
    test.clock.advance(2 * MINUTE_MS + 1);
    await ask();
    expect(await asked()).toEqual({ presentation: 2, interoperability: 2 });
  });

  it("never for another amount, currency, country, language, intent, Partner or customer", async () => {
    await freshPartner();
    const first = partner.account.id;
    const variants: Partial<PaymentMethodsQuery>[] = [
      {},
      { amount: 11_801 },
      { currency: "EUR" },
      { country: "FI" },
      { locale: "fi-FI" },
      { intent: "subscribe" },
    ];
    for (const query of variants) await ask(query);
    for (const query of variants) await ask(query);
    expect((await asked(first)).presentation).toBe(variants.length);
    const [one, two] = [await sessionToken("SIGN_IN_WITH_KLARNA"), await sessionToken("SIGN_IN_WITH_KLARNA")];
    for (const networkSessionToken of [one, two, one]) await ask({ networkSessionToken });
    expect((await asked(first)).presentation).toBe(variants.length + 3);
    await freshPartner();
    await ask();
    expect((await asked()).presentation).toBe(1);
    expect((await asked(first)).presentation).toBe(variants.length + 3);
  });
});

describe("when Klarna is ill", () => {
  it.each(["status_500", "cut_before", "malformed", "html_502", "wrong_schema"] as const)(
    "%s: temporarily unavailable, said for seconds only, never an error",
    async (kind) => {
      await freshPartner();
      await test.simulator.control.fault({ operation: "presentation", kind, account: partner.account.id, times: null });
      const answer = await callRest(rest, "GET", "/api/v1/payment-methods?currency=SEK&amount=11800", { key });
      expect(answer.status, answer.text).toBe(200);
      expect(answer.json).toMatchObject({
        data: [{ available: false, reason: "temporarily_unavailable", instruction: "hide" }],
      });
      await test.simulator.control.clearFaults();
      test.clock.advance(6 * SECOND_MS);
      // A breaker that opened lets a probe through after two seconds of real time.
      await vi.waitFor(
        async () => {
          test.clock.advance(6 * SECOND_MS);
          expect((await ask()).available).toBe(true);
        },
        { timeout: 30_000, interval: 200 },
      );
    },
  );

  it("only the older question unanswered: Klarna is shown all the same", async () => {
    await freshPartner();
    const fault = { operation: "read_interoperability", account: partner.account.id, times: null } as const;
    await test.simulator.control.fault({ ...fault, kind: "status_500" });
    expect(await ask()).toMatchObject({ available: true, reason: null, instruction: "show" });
  });
});

describe("the call", () => {
  it("takes the token in the header of either name, and refuses what is none", async () => {
    await freshPartner();
    const token = await sessionToken("KLARNA_EXPRESS_CHECKOUT");
    for (const name of ["Klarna-Network-Session-Token", "Klarna-Interoperability-Token"]) {
      const headers = { [name.toLowerCase()]: token };
      const answer = await callRest(rest, "GET", "/api/v1/payment-methods?currency=SEK", { key, headers });
      expect(answer.json, name).toMatchObject({ data: [{ customer_action: "confirm_now" }] });
      const bad = await callRest(rest, "GET", "/api/v1/payment-methods?currency=SEK", {
        key,
        headers: { [name.toLowerCase()]: "two words" },
      });
      expect([bad.status, bad.json]).toMatchObject([400, { code: "validation_failed" }]);
    }
    const unknown = await callRest(rest, "GET", "/api/v1/payment-methods?currency=SEK&colour=red", { key });
    expect(unknown.status).toBe(400);
  });

  it("S2: a person asks for Partners of the own scope only", async () => {
    await freshPartner();
    const other = await makePartner(test.services);
    const person = asUser(test.services, "PARTNER_STAFF", [partner.partner.id]);
    const query = { currency: "SEK" };
    expect(await listPaymentMethods(person, query, { partnerId: partner.partner.id })).toHaveLength(1);
    await expect(listPaymentMethods(person, query, { partnerId: other.partner.id })).rejects.toMatchObject({
      code: "not_found",
    });
    await expect(listPaymentMethods(person, query)).rejects.toMatchObject({ code: "permission_denied" });
  });
});
