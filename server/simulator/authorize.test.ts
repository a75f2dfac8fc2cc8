import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { at, type Client, createClient, finalBody, resultOf, stepUpBody } from "./fixtures";

const HOUR_MS = 3_600_000;

let client: Client;
beforeEach(async () => {
  client = await createClient();
});
afterEach(async () => {
  await client.close();
});

const session = (token: string) => ({ headers: { "klarna-network-session-token": token } });

describe("first authorize", () => {
  it("answers STEP_UP_REQUIRED with the request, its journey and its QR code", async () => {
    const answer = await client.authorize(stepUpBody(11800));
    expect(answer.status).toBe(200);
    expect(resultOf(answer)).toBe("STEP_UP_REQUIRED");
    expect(at(answer.body, "payment_request", "state")).toBe("SUBMITTED");
    const interaction = at(answer.body, "payment_request", "state_context", "customer_interaction");
    expect(at(interaction, "qr_code", "target_url")).toMatch(/\/eu\/requests\/[0-9a-f-]{36}\/start$/);
    expect(at(interaction, "qr_code", "image_url")).toMatch(/\/qr\/[0-9a-f-]{36}\.png$/);
    expect(at(interaction, "payment_request_url")).toBe(at(interaction, "qr_code", "target_url"));
  });

  it("takes the account with raw and with encoded colons", async () => {
    const encoded = client.accountId.replaceAll(":", "%3A");
    const answer = await client.call("POST", `/v2/accounts/${encoded}/payment/authorize`, stepUpBody(5000));
    expect(answer.status).toBe(200);
  });

  it("takes the in-store objects inside step_up_config as well", async () => {
    const answer = await client.authorize({
      ...finalBody(5000),
      step_up_config: {
        payment_request_reference: "nested",
        customer_interaction_config: { method: "qr_code" },
        point_of_checkout: { store_reference: "STORE-17" },
        point_of_transaction: { type: "TERMINAL", terminal_reference: "T-1" },
      },
    });
    expect(resultOf(answer)).toBe("STEP_UP_REQUIRED");
  });

  it.each([
    ["01", 5001, "DECLINED"],
    ["02", 5002, "APPROVED"],
    ["03", 5003, "STEP_UP_REQUIRED"],
  ])("decides an amount ending in %s at once", async (_digits, amount, result) => {
    expect(resultOf(await client.authorize(stepUpBody(amount)))).toBe(result);
  });

  it("declines when no step-up is offered and nothing else applies", async () => {
    expect(resultOf(await client.authorize(finalBody(5000)))).toBe("DECLINED");
  });

  it("declines the denied person by e-mail and by phone", async () => {
    const email = stepUpBody(5000, {
      supplementary_purchase_data: { customer: { email: "customer+denied@email.de" } },
    });
    const phone = stepUpBody(5000, { supplementary_purchase_data: { customer: { phone: "+49 0176 10927312" } } });
    expect(resultOf(await client.authorize(email))).toBe("DECLINED");
    expect(resultOf(await client.authorize(phone))).toBe("DECLINED");
  });

  it("lets a forced result win over everything but the input checks", async () => {
    await client.control.fault({ operation: "authorize", kind: "decline" });
    expect((await client.authorize(stepUpBody(0))).status).toBe(400);
    await client.control.clearFaults();
    await client.control.fault({ operation: "authorize", kind: "decline" });
    expect(resultOf(await client.authorize(stepUpBody(5002)))).toBe("DECLINED");
  });

  it("ignores an unknown session token and goes on as if there were none", async () => {
    expect(resultOf(await client.authorize(stepUpBody(5000), session("krn:network:eu1:test:session-token:x")))).toBe(
      "STEP_UP_REQUIRED",
    );
  });

  it("captures at once with capture NOW and names the capture in both places", async () => {
    const answer = await client.authorize(
      stepUpBody(5002, { request_payment_transaction: { amount: 5002, capture: "NOW" } }),
    );
    const response = at(answer.body, "payment_transaction_response");
    expect(at(response, "payment_transaction", "state")).toBe("COMPLETED");
    expect(at(response, "payment_capture_id")).toMatch(/:capture:1$/);
    expect(at(response, "payment_transaction", "payment_captures", 0, "payment_capture_id")).toBe(
      at(response, "payment_capture_id"),
    );
    expect(at(response, "payment_transaction", "payment_funding")).toEqual({ type: "GUARANTEED", state: "FUNDED" });
  });

  it("T9: refuses an unknown store reference unless the account accepts unknown stores", async () => {
    const body = stepUpBody(5000, { point_of_checkout: { store_reference: "NOWHERE" } });
    const refused = await client.authorize(body);
    expect(refused.status).toBe(400);
    expect(at(refused.body, "validation_errors", 0, "parameter")).toBe("point_of_checkout.store_reference");
    await client.control.account({ account_id: client.accountId, switches: { accept_unknown_stores: true } });
    expect((await client.authorize(body)).status).toBe(200);
  });

  it("T10: onboards an inline store once", async () => {
    const store = { type: "PHYSICAL_STORE", store_reference: "NEW-1", address: { country: "DE" } };
    await client.authorize(stepUpBody(5000, { point_of_checkout: { store } }));
    await client.authorize(stepUpBody(5000, { point_of_checkout: { store } }));
    expect((await client.authorize(stepUpBody(5000, { point_of_checkout: { store_reference: "NEW-1" } }))).status).toBe(
      200,
    );
    const { stores } = await client.control.account({ account_id: client.accountId });
    expect(stores.filter((entry) => entry.store_reference === "NEW-1")).toHaveLength(1);
  });

  it.each([
    ["an amount of zero", { request_payment_transaction: { amount: 0 } }, "request_payment_transaction.amount"],
    [
      "an amount above the limit",
      { request_payment_transaction: { amount: 2_147_483_648 } },
      "request_payment_transaction.amount",
    ],
    ["a fraction", { request_payment_transaction: { amount: 10.5 } }, "request_payment_transaction.amount"],
    ["a currency that does not exist", { currency: "JPY" }, "currency"],
    ["a missing currency", { currency: undefined }, "currency"],
    [
      "line items that do not add up",
      { supplementary_purchase_data: { line_items: [{ name: "Rose", quantity: 1, total_amount: 4999 }] } },
      "request_payment_transaction.amount",
    ],
    [
      "a phone number with letters",
      { supplementary_purchase_data: { customer: { phone: "call me" } } },
      "supplementary_purchase_data.customer.phone",
    ],
    [
      "an address in the US without its state",
      { supplementary_purchase_data: { customer: { address: { postal_code: "10024", country: "US" } } } },
      "supplementary_purchase_data.customer.address.region",
    ],
    [
      "a postal code of 11 characters",
      { supplementary_purchase_data: { shipping: [{ address: { postal_code: "12345678901" } }] } },
      "supplementary_purchase_data.shipping.0.address.postal_code",
    ],
    [
      "two ways to name the store",
      { point_of_checkout: { store_reference: "STORE-17", store_id: "x" } },
      "point_of_checkout",
    ],
    ["no store at all", { point_of_checkout: undefined }, "point_of_checkout"],
    [
      "a terminal without reference",
      { point_of_transaction: { type: "TERMINAL" } },
      "point_of_transaction.terminal_reference",
    ],
    [
      "a reference of 256 characters",
      { request_payment_transaction: { amount: 5000, payment_transaction_reference: "x".repeat(256) } },
      "request_payment_transaction.payment_transaction_reference",
    ],
  ])("refuses %s and names the parameter", async (_what, change, parameter) => {
    const answer = await client.authorize(stepUpBody(5000, change));
    expect(answer.status).toBe(400);
    expect(answer.body.error_code).toBe("VALIDATION_ERROR");
    expect(at(answer.body, "validation_errors", 0, "parameter")).toBe(parameter);
    expect(await client.control.requests()).toHaveLength(0);
  });
});

describe("final authorize", () => {
  it.each(["klarna-network-session-token", "klarna-payment-token", "klarna-interoperability-token"])(
    "approves with the token in %s",
    async (header) => {
      const { token } = await client.completed();
      const answer = await client.authorize(finalBody(5000), { headers: { [header]: token } });
      expect(resultOf(answer)).toBe("APPROVED");
    },
  );

  it("accepts the older payment token too", async () => {
    const { id } = await client.completed();
    const { payment_token } = await client.control.request(id);
    const answer = await client.authorize(finalBody(5000), {
      headers: { "klarna-payment-token": String(payment_token) },
    });
    expect(resultOf(answer)).toBe("APPROVED");
  });

  it("gives the stored result again for a used token and refuses another amount or currency", async () => {
    const { token } = await client.completed();
    const first = await client.authorize(finalBody(5000), session(token));
    const again = await client.authorize(finalBody(5000), session(token));
    expect(again.text).toBe(first.text);
    const other = await client.authorize(finalBody(4000), session(token));
    expect(other.status).toBe(400);
    expect(at(other.body, "validation_errors", 0, "parameter")).toBe("request_payment_transaction.amount");
    expect((await client.authorize(finalBody(5000, { currency: "SEK" }), session(token))).status).toBe(400);
    expect(await client.control.transactions()).toHaveLength(1);
  });

  it("answers 409 to the second of two calls with one token", async () => {
    const { token } = await client.completed();
    await client.control.fault({ operation: "authorize_final", kind: "slow", delay_ms: 50 });
    const answers = await Promise.all([
      client.authorize(finalBody(5000), session(token)),
      client.authorize(finalBody(5000), session(token)),
    ]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409]);
    expect(await client.control.transactions()).toHaveLength(1);
  });

  it("T4: is forbidden 60 minutes after completion, on the account's own clock", async () => {
    const early = await client.completed();
    const late = await client.completed();
    await client.control.advance(HOUR_MS - 5_000, client.accountId);
    expect(resultOf(await client.authorize(finalBody(5000), session(early.token)))).toBe("APPROVED");
    await client.control.advance(10_000, client.accountId);
    const answer = await client.authorize(finalBody(5000), session(late.token));
    expect(answer.status).toBe(403);
    expect(answer.body.error_code).toBe("OPERATION_FORBIDDEN");
    expect(resultOf(await client.authorize(finalBody(5000), session(early.token)))).toBe("APPROVED");
  });

  it("can be declined or stepped up again", async () => {
    const declined = await client.completed();
    await client.control.fault({ operation: "authorize_final", kind: "decline" });
    expect(resultOf(await client.authorize(finalBody(5000), session(declined.token)))).toBe("DECLINED");
    const again = await client.completed();
    await client.control.fault({ operation: "authorize_final", kind: "step_up_again" });
    const answer = await client.authorize(finalBody(5000), session(again.token));
    expect(resultOf(answer)).toBe("STEP_UP_REQUIRED");
    expect(at(answer.body, "payment_request", "payment_request_id")).not.toBe(again.id);
    expect(await client.control.transactions()).toHaveLength(0);
  });

  it("is forbidden for a request that was cancelled after completion", async () => {
    const { id, token } = await client.completed();
    expect((await client.call("DELETE", `${client.base}/requests/${id}`)).status).toBe(200);
    expect((await client.authorize(finalBody(5000), session(token))).status).toBe(403);
  });

  it("does not accept the token of another account", async () => {
    const { token } = await client.completed();
    const other = await client.control.account({ name: "Other" });
    const answer = await client.call(
      "POST",
      `/v2/accounts/${other.account_id}/payment/authorize`,
      finalBody(5000),
      session(token),
    );
    expect(resultOf(answer)).toBe("DECLINED");
  });
});
