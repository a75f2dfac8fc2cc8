import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { at, type Client, createClient, createReceiver, finalBody, type Json, resultOf, stepUpBody } from "./fixtures";

let client: Client;
beforeEach(async () => {
  client = await createClient();
});
afterEach(async () => {
  await client.close();
});

const ONDEMAND = { ondemand_service: { average_amount: 5000, currency: "EUR" } };
const SUBSCRIPTION = { subscriptions: [{ subscription_reference: "sub-1" }] };
const PRESENT = { scopes: ["payment:customer_present"], customer_token_reference: "c-1" };
const ABSENT = { scopes: ["payment:customer_not_present"] };

function web(amount: number | null, extra: Json = {}): Json {
  return {
    currency: "EUR",
    ...(amount === null ? {} : { request_payment_transaction: { amount } }),
    step_up_config: { payment_request_reference: "web-1", customer_interaction_config: { method: "HANDOVER" } },
    ...extra,
  };
}

async function save(from = client, token: Json = PRESENT, data: Json = ONDEMAND): Promise<string> {
  const answer = await from.authorize(web(null, { request_customer_token: token, supplementary_purchase_data: data }));
  const id = String(at(answer.body, "payment_request", "payment_request_id"));
  return String((await from.control.play(id, "complete")).customer_token);
}

const charged = (token: string, extra: Json = {}) => ({ headers: { "klarna-customer-token": token, ...extra } });
const path = (name: string) => `/v2/accounts/${client.accountId}/identity/customer-tokens/${name}`;

describe("making a customer token", () => {
  it("carries the token in the completed event, at the top and in its state_context", async () => {
    const receiver = await createReceiver();
    await client.control.webhook(receiver.url);
    const token = await save();
    await client.control.idle();
    await receiver.waitFor(3);
    const event: unknown = JSON.parse(receiver.received.find(({ type }) => type.endsWith("completed"))?.body ?? "{}");
    expect(at(event, "payload", "klarna_customer", "customer_token")).toBe(token);
    expect(at(event, "payload", "state_context", "klarna_customer", "customer_token")).toBe(token);
    expect(at(event, "payload", "amount")).toBeUndefined();
    await receiver.close();
  });

  it("asks the customer for consent, with no amount and no plan when nothing is bought", async () => {
    const answer = await client.authorize(
      web(null, { request_customer_token: PRESENT, supplementary_purchase_data: ONDEMAND }),
    );
    const id = String(at(answer.body, "payment_request", "payment_request_id"));
    const start = new URL((await client.control.request(id)).journey_url).pathname;
    const open = async (to: string) =>
      await (await client.simulator.fetch(new Request(`${client.simulator.url}${to}`))).text();
    const tap = async (step: string, form: Record<string, string>): Promise<string> => {
      const answered = await client.simulator.fetch(
        new Request(`${client.simulator.url}${start.replace(/start$/, step)}`, {
          method: "POST",
          body: new URLSearchParams(form),
        }),
      );
      return await open(answered.headers.get("location") ?? "");
    };
    expect(await open(start)).not.toContain("€");
    await tap("phone", { persona: "approved", phone: "+49017614284340" });
    const review = await tap("code", { code: "123456" });
    expect(review).toContain("Save Klarna for next time");
    expect(review).toContain("Agree and approve");
    expect(review).not.toContain("€");
    expect(await tap("decision", { decision: "approve" })).toContain("Klarna is saved");
    expect((await client.control.customerTokens()).map(({ phone }) => phone)).toEqual(["+49017614284340"]);
  });

  it("gives the token again with the final call that repeats the request, and refuses one that adds it", async () => {
    const asked = { request_customer_token: PRESENT, supplementary_purchase_data: ONDEMAND };
    const first = await client.authorize(web(5050, asked));
    const id = String(at(first.body, "payment_request", "payment_request_id"));
    const request = await client.control.play(id, "complete");
    const headers = { "klarna-network-session-token": String(request.klarna_network_session_token) };
    const final = await client.authorize(finalBody(5050, asked), { headers });
    expect(at(final.body, "customer_token_response", "customer_token", "customer_token")).toBe(request.customer_token);
    const other = await client.completed(5050);
    const added = await client.authorize(finalBody(5050, asked), {
      headers: { "klarna-network-session-token": other.token },
    });
    expect(added.status).toBe(400);
    expect(at(added.body, "validation_errors", 0, "parameter")).toBe("request_customer_token");
  });

  it("is declined without a way to ask the customer, and at once for the denied person", async () => {
    const { step_up_config: _stepUp, ...unasked } = web(null, {
      request_customer_token: PRESENT,
      supplementary_purchase_data: ONDEMAND,
    });
    expect(at((await client.authorize(unasked)).body, "customer_token_response", "result")).toBe("DECLINED");
    const denied = web(5050, {
      request_customer_token: PRESENT,
      supplementary_purchase_data: { ...ONDEMAND, customer: { email: "customer+denied@email.de" } },
    });
    const answer = await client.authorize(denied);
    expect(resultOf(answer)).toBe("DECLINED");
    expect(at(answer.body, "customer_token_response", "result")).toBe("DECLINED");
  });
});

describe("charging a customer token", () => {
  it("approves a customer who is there up to the limit and asks above it", async () => {
    const token = await save();
    expect(resultOf(await client.authorize(web(50_000), charged(token)))).toBe("APPROVED");
    expect(resultOf(await client.authorize(web(50_050), charged(token)))).toBe("STEP_UP_REQUIRED");
    const { step_up_config: _stepUp, ...unasked } = web(50_050);
    expect(resultOf(await client.authorize(unasked, charged(token)))).toBe("DECLINED");
    await client.control.account({ account_id: client.accountId, switches: { token_charge_limit: 0 } });
    expect(resultOf(await client.authorize(web(100), charged(token)))).toBe("STEP_UP_REQUIRED");
  });

  it("never asks a customer who is not there", async () => {
    const token = await save(client, ABSENT, SUBSCRIPTION);
    const body = finalBody(90_050, { supplementary_purchase_data: SUBSCRIPTION });
    expect(resultOf(await client.authorize(body, charged(token)))).toBe("APPROVED");
    await client.control.customerToken(token, { persona: "denied" });
    const refused = await client.authorize(body, charged(token));
    expect(resultOf(refused)).toBe("DECLINED");
    expect(at(refused.body, "payment_request")).toBeUndefined();
  });

  it.each([
    ["unknown", "customer_token_unknown"],
    ["of another account", "customer_token_unknown"],
    ["suspended", "customer_token_suspended"],
    ["revoked", "customer_token_revoked"],
    ["of another scope", "customer_token_scope"],
  ])("declines a token that is %s", async (what, reason) => {
    let token = await save();
    if (what === "unknown") token = "krn:customer-token:eu1:nobody";
    if (what === "suspended") await client.control.customerToken(token, { status: "SUSPENDED" });
    if (what === "revoked") await client.call("POST", path("revoke"), undefined, charged(token));
    if (what === "of another scope") token = await save(client, ABSENT, SUBSCRIPTION);
    let to = `${client.base}/authorize`;
    if (what === "of another account") {
      const other = await client.control.account({ name: "Other" });
      to = `/v2/accounts/${other.account_id}/payment/authorize`;
    }
    const answer = await client.call("POST", to, web(5050), charged(token));
    expect(resultOf(answer)).toBe("DECLINED");
    expect(at(answer.body, "payment_transaction_response", "result_reason")).toBe(reason);
  });

  it("tells the end of a token by event, once", async () => {
    const receiver = await createReceiver();
    await client.control.webhook(receiver.url, ["payment.token.*"]);
    const token = await save();
    expect((await client.call("POST", path("revoke"), undefined, charged(token))).status).toBe(200);
    expect((await client.call("POST", path("revoke"), undefined, charged(token))).status).toBe(410);
    await client.control.idle();
    expect(receiver.types()).toEqual(["token.state-change.revoked"]);
    expect(at(JSON.parse(receiver.received[0]?.body ?? "{}"), "payload")).toMatchObject({
      customer_token: token,
      customer_token_reference: "c-1",
      status: "REVOKED",
      revoked_by: "PARTNER",
    });
    await receiver.close();
  });

  it("is known again after a restart", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "simulator-"));
    const first = await createClient({ dataDir });
    const token = await save(first);
    await first.close();
    const second = await createClient({ dataDir });
    const answer = await second.call("POST", `${first.base}/authorize`, web(5050), charged(token));
    expect(resultOf(answer)).toBe("APPROVED");
    await second.close();
    rmSync(dataDir, { recursive: true });
  });
});

describe("Express checkout", () => {
  const testToken = async (journey: string, extra: Json = {}): Promise<string> => {
    const answer = await client.call("POST", `/v2/accounts/${client.accountId}/interoperability/test-tokens`, {
      customer_journey: journey,
      ...extra,
    });
    return String(answer.body.klarna_network_session_token);
  };

  it("authorizes a test session once, with any amount; the same call again gives the same answer", async () => {
    const headers = { "klarna-network-session-token": await testToken("KLARNA_EXPRESS_CHECKOUT") };
    const first = await client.authorize(web(7750), { headers });
    expect(resultOf(first)).toBe("APPROVED");
    expect((await client.authorize(web(7750), { headers })).text).toBe(first.text);
    expect((await client.authorize(web(7751), { headers })).status).toBe(400);
    expect(await client.control.transactions()).toHaveLength(1);
  });

  it("binds a test session to an amount where one is given", async () => {
    const token = await testToken("KLARNA_EXPRESS_CHECKOUT", { amount: 7750, currency: "EUR" });
    expect((await client.authorize(web(7700), { headers: { "klarna-network-session-token": token } })).status).toBe(
      400,
    );
  });

  it("preselects a customer who has signed in, and goes on as if there were no token when it comes to paying", async () => {
    const headers = { "klarna-network-session-token": await testToken("SIGN_IN_WITH_KLARNA") };
    const shown = await client.call("GET", `${client.base}/presentation`, undefined, {
      query: "?currency=EUR",
      headers,
    });
    expect(shown.body.instruction).toBe("PRESELECT_KLARNA");
    expect(resultOf(await client.authorize(web(5050), { headers }))).toBe("STEP_UP_REQUIRED");
  });

  it("shows only Klarna until the session is authorized or too old", async () => {
    const show = async (token: string) => {
      const answer = await client.call("GET", `${client.base}/presentation`, undefined, {
        query: "?currency=EUR&amount=5000",
        headers: { "klarna-interoperability-token": token },
      });
      return [answer.body.instruction, answer.body.payment_status];
    };
    const used = await client.completed();
    const old = await client.completed();
    const pending = ["SHOW_ONLY_KLARNA", "PENDING_PARTNER_AUTHORIZATION"];
    expect(await show(used.token)).toEqual(pending);
    await client.authorize(finalBody(5000), { headers: { "klarna-network-session-token": used.token } });
    expect(await show(used.token)).toEqual(["SHOW_KLARNA", "REQUIRES_CUSTOMER_ACTION"]);
    expect(await show(old.token)).toEqual(pending);
    await client.control.advance(3_601_000);
    expect(await show(old.token)).toEqual(["SHOW_KLARNA", "REQUIRES_CUSTOMER_ACTION"]);
  });
});

describe("the denied person", () => {
  const denied = (email: string) => stepUpBody(5050, { supplementary_purchase_data: { customer: { email } } });

  it("is declined for the reason that the e-mail asks for", async () => {
    const answer = await client.authorize(denied("customer+reject_reason_under_age@email.us"));
    expect(at(answer.body, "payment_transaction_response")).toEqual({ result: "DECLINED", result_reason: "under_age" });
  });

  it("may enter the journey and is declined there, where the account is set so", async () => {
    await client.control.settings({ denied_person: "in_journey" });
    const answer = await client.authorize(denied("customer+de+denied@klarna.com"));
    expect(resultOf(answer)).toBe("STEP_UP_REQUIRED");
    const id = String(at(answer.body, "payment_request", "payment_request_id"));
    expect((await client.control.play(id, "complete")).state).toBe("DECLINED");
  });
});

describe("a forced result", () => {
  it.each([
    ["store", { store_reference: "STORE-17" }],
    ["amount", { amount: 5050 }],
    ["e-mail", { email: "anna@example.com" }],
  ])("can be set for one %s", async (_what, match) => {
    const body = (email: string, amount = 5050, store = "STORE-17") =>
      stepUpBody(amount, {
        point_of_checkout: { store_reference: store },
        supplementary_purchase_data: { customer: { email } },
      });
    await client.control.account({ account_id: client.accountId, stores: [{ store_reference: "STORE-18" }] });
    await client.control.fault({ operation: "authorize", kind: "decline", match, times: null });
    expect(resultOf(await client.authorize(body("anna@example.com")))).toBe("DECLINED");
    expect(resultOf(await client.authorize(body("bert@example.com", 6060, "STORE-18")))).toBe("STEP_UP_REQUIRED");
  });

  it("can be a step-up where a saved customer would be approved", async () => {
    const token = await save();
    await client.control.fault({ operation: "authorize", kind: "step_up" });
    expect(resultOf(await client.authorize(web(5050), charged(token)))).toBe("STEP_UP_REQUIRED");
    expect(resultOf(await client.authorize(web(5050), charged(token)))).toBe("APPROVED");
  });
});

describe("names of the generations", () => {
  const names = (value: "legacy" | "current" | "both") => client.control.settings({ names: value });

  it("takes only the headers of the generation that it speaks", async () => {
    const { token, id } = await client.completed();
    const { payment_token } = await client.control.request(id);
    const headers = {
      "klarna-network-session-token": token,
      "klarna-payment-token": String(payment_token),
      "klarna-interoperability-token": token,
    };
    const final = (name: keyof typeof headers) =>
      client.authorize(finalBody(5000), { headers: { [name]: headers[name] } });
    await names("current");
    expect(resultOf(await final("klarna-payment-token"))).toBe("DECLINED");
    expect(resultOf(await final("klarna-network-session-token"))).toBe("APPROVED");
    await names("legacy");
    expect(resultOf(await final("klarna-network-session-token"))).toBe("DECLINED");
    expect(resultOf(await final("klarna-payment-token"))).toBe("APPROVED");
    expect(resultOf(await final("klarna-interoperability-token"))).toBe("APPROVED");
  });

  it("expires requests after 48 hours in the older one and after 3 in the newest, or as set", async () => {
    const hours = async () => {
      const request = (await client.authorize(stepUpBody(5000))).body.payment_request;
      return (
        (Date.parse(String(at(request, "expires_at"))) - Date.parse(String(at(request, "created_at")))) / 3_600_000
      );
    };
    expect(await hours()).toBe(3);
    await names("current");
    expect(await hours()).toBe(3);
    await names("legacy");
    expect(await hours()).toBe(48);
    await client.control.settings({ request_expiry_ms: 1_800_000 });
    expect(await hours()).toBe(0.5);
  });

  it("tells error_type in the older ones and leaves it out in the newest", async () => {
    const type = async () => (await client.authorize(stepUpBody(0))).body.error_type;
    expect(await type()).toBe("INPUT_ERROR");
    await names("legacy");
    expect(await type()).toBe("INPUT_ERROR");
    await names("current");
    expect(await type()).toBeUndefined();
  });
});
