import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CustomerAction } from "./customer";
import { at, type Client, createClient, createReceiver, finalBody } from "./fixtures";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let client: Client;
beforeEach(async () => {
  client = await createClient();
});
afterEach(async () => {
  await client.close();
});

const requestPath = (id: string) => `${client.base}/requests/${id}`;
const transactionPath = (id: string) => `${client.base}/transactions/${id}`;

describe("payment requests", () => {
  it("walks SUBMITTED, IN_PROGRESS, back on leaving, and COMPLETED with the token in the read", async () => {
    const id = await client.stepUp();
    expect((await client.control.play(id, "open")).state).toBe("IN_PROGRESS");
    expect((await client.control.play(id, "leave")).state).toBe("SUBMITTED");
    expect((await client.control.play(id, "complete")).state).toBe("COMPLETED");
    const read = await client.call("GET", requestPath(id));
    expect(at(read.body, "state_context", "klarna_network_session_token")).toMatch(/^krn:network:/);
    expect(at(read.body, "state_context", "payment_token")).toMatch(/^krn:payment:eu1:payment-token:/);
    await client.control.settings({ read_shows_token: false });
    const hidden = await client.call("GET", requestPath(id));
    expect(at(hidden.body, "state")).toBe("COMPLETED");
    expect(at(hidden.body, "state_context", "klarna_network_session_token")).toBeUndefined();
  });

  it.each([
    ["SUBMITTED", [], 200],
    ["IN_PROGRESS", ["open"], 200],
    ["COMPLETED before the final call", ["complete"], 200],
    ["DECLINED", ["decline"], 403],
    ["EXPIRED", ["expire"], 403],
  ] satisfies [string, CustomerAction[], number][])("answers a cancel in %s", async (_state, actions, status) => {
    const id = await client.stepUp();
    for (const action of actions) await client.control.play(id, action);
    const answer = await client.call("DELETE", requestPath(id));
    expect(answer.status).toBe(status);
    if (status === 200) expect(answer.body).toMatchObject({ state: "CANCELED", state_reason: "PARTNER_CANCELED" });
  });

  it("T6: refuses a cancel after the final call and an approval after a cancel", async () => {
    const { id, token } = await client.completed();
    await client.authorize(finalBody(5000), { headers: { "klarna-network-session-token": token } });
    expect((await client.call("DELETE", requestPath(id))).status).toBe(403);
    const other = await client.stepUp();
    await client.control.play(other, "open");
    await client.call("DELETE", requestPath(other));
    await expect(client.control.play(other, "complete")).rejects.toThrow("409");
  });

  it("expires after three hours on the account's clock, not before", async () => {
    const id = await client.stepUp();
    await client.control.advance(3 * HOUR_MS - 10_000, client.accountId);
    expect((await client.call("GET", requestPath(id))).body.state).toBe("SUBMITTED");
    await client.control.advance(20_000, client.accountId);
    expect((await client.call("GET", requestPath(id))).body.state).toBe("EXPIRED");
  });

  it("declines an amount ending in 03 in the journey and never finishes one ending in 04", async () => {
    const declined = await client.stepUp(5003);
    expect((await client.control.play(declined, "complete")).state).toBe("DECLINED");
    const open = await client.stepUp(5004);
    await expect(client.control.play(open, "complete")).rejects.toThrow("409");
    expect((await client.control.request(open)).state).toBe("IN_PROGRESS");
  });

  it("creates without authorize, and changes only before the customer enters", async () => {
    const created = await client.call("POST", `${client.base}/requests`, { currency: "EUR", amount: 900 });
    expect(created.status).toBe(201);
    const id = String(created.body.payment_request_id);
    expect((await client.call("PATCH", requestPath(id), { amount: 800 })).body.amount).toBe(800);
    await client.control.play(id, "open");
    expect((await client.call("PATCH", requestPath(id), { amount: 700 })).status).toBe(403);
  });
});

describe("payment transactions", () => {
  it("T13: captures in part, releases the rest, refunds in part and in full", async () => {
    const id = await client.authorized(5000);
    const capture = await client.call("POST", `${transactionPath(id)}/captures`, { amount: 3000 });
    expect(capture.status).toBe(201);
    expect(at(capture.body, "payment_transaction", "state")).toBe("AUTHORIZED");
    const released = await client.call("POST", `${transactionPath(id)}/void`, {});
    expect(at(released.body, "payment_transaction", "state")).toBe("COMPLETED");
    const captureId = String(capture.body.payment_capture_id);
    expect(
      (await client.call("POST", `${transactionPath(id)}/captures/${captureId}/refunds`, { amount: 1000 })).status,
    ).toBe(201);
    expect((await client.call("POST", `${transactionPath(id)}/refunds`, { amount: 2001 })).status).toBe(400);
    expect((await client.call("POST", `${transactionPath(id)}/refunds`, {})).body.amount).toBe(2000);
    expect((await client.call("POST", `${transactionPath(id)}/refunds`, {})).status).toBe(403);
    expect(await client.control.books(client.accountId)).toEqual([
      {
        account_id: client.accountId,
        currency: "EUR",
        transactions: 1,
        authorized: 5000,
        captured: 3000,
        refunded: 3000,
        voided: 2000,
        remaining: 0,
      },
    ]);
  });

  it("closes on a void of everything; then nothing is allowed", async () => {
    const id = await client.authorized();
    expect(at((await client.call("POST", `${transactionPath(id)}/void`)).body, "payment_transaction", "state")).toBe(
      "CLOSED",
    );
    for (const operation of ["captures", "refunds", "void", "reauthorize"]) {
      expect((await client.call("POST", `${transactionPath(id)}/${operation}`, {})).status).toBe(403);
    }
  });

  it("waits for its money where Klarna does not guarantee it, and tells when that comes", async () => {
    await client.control.account({ account_id: client.accountId, switches: { payment_funding: "NON_GUARANTEED" } });
    const receiver = await createReceiver();
    await client.control.webhook(receiver.url, ["payment.transaction.funding-state-change.*"]);
    const id = await client.authorized();
    const funding = async () => (await client.call("GET", transactionPath(id))).body.payment_funding;
    expect(await funding()).toEqual({ type: "NON_GUARANTEED", state: "PENDING" });
    const come = () => client.call("POST", `/_control/transactions/${id}/funding`, { state: "FUNDED" });
    expect((await come()).status).toBe(200);
    expect((await come()).status).toBe(409);
    expect(await funding()).toEqual({ type: "NON_GUARANTEED", state: "FUNDED" });
    await receiver.waitFor(1);
    expect(receiver.types()).toEqual(["transaction.funding-state-change.funded"]);
    await receiver.close();
  });

  it("keeps customer, delivery and tracking for the read", async () => {
    await client.control.fault({ operation: "authorize", kind: "approve" });
    const address = { street_address: "Kantstr. 1", postal_code: "10623", city: "Berlin", country: "DE" };
    const data = {
      line_items: [{ name: "Vase", quantity: 1, total_amount: 5000 }],
      customer: { given_name: "Anna", family_name: "Blum", phone: "+49 (0)30 123-456", address },
      shipping: [{ shipping_reference: "s-1", recipient: { given_name: "Anna" }, address }],
    };
    const answer = await client.authorize(finalBody(5000, { supplementary_purchase_data: data }));
    const id = String(at(answer.body, "payment_transaction_response", "payment_transaction", "payment_transaction_id"));
    const tracked = [
      { shipping_reference: "s-1", tracking_number: "JJD01", tracking_url: "https://parcels.example/1" },
    ];
    await client.call("POST", `${transactionPath(id)}/captures`, {
      supplementary_purchase_data: { shipping: tracked },
    });
    const read = await client.call("GET", transactionPath(id));
    expect(read.body.supplementary_purchase_data).toEqual(data);
    expect(at(read.body, "payment_captures", 0, "shipping")).toEqual(tracked);
  });

  it("T13: refuses the 201st capture", async () => {
    const id = await client.authorized(5000);
    for (let count = 0; count < 200; count += 1) {
      expect((await client.call("POST", `${transactionPath(id)}/captures`, { amount: 1 })).status).toBe(201);
    }
    expect((await client.call("POST", `${transactionPath(id)}/captures`, { amount: 1 })).status).toBe(403);
  });

  it("expires after its period, can be reauthorized within seven days, and closes after them", async () => {
    const id = await client.authorized();
    await client.control.advance(28 * DAY_MS + 1_000);
    expect((await client.call("GET", transactionPath(id))).body.state).toBe("EXPIRED");
    expect((await client.call("POST", `${transactionPath(id)}/captures`, {})).status).toBe(403);
    expect((await client.call("POST", `${transactionPath(id)}/reauthorize`, {})).body.state).toBe("AUTHORIZED");
    await client.control.advance(35 * DAY_MS + 2_000);
    expect((await client.call("GET", transactionPath(id))).body.state).toBe("CLOSED");
  });
});

describe("presentation", () => {
  it("speaks the asked language and hides itself for a currency it does not serve", async () => {
    const read = (query: string) => client.call("GET", `${client.base}/presentation`, undefined, { query });
    const german = await read("?currency=EUR&amount=5000&locale=de-DE");
    expect(german.body.instruction).toBe("SHOW_KLARNA");
    expect(at(german.body, "payment_option", "header", "text")).toBe("Mit Klarna bezahlen");
    expect(at((await read("?currency=SEK&locale=sv-SE")).body, "payment_option", "payment_button", "text")).toBe(
      "Betala med Klarna",
    );
    expect((await read("?currency=JPY")).body.instruction).toBe("HIDE_KLARNA");
    expect((await read("")).status).toBe(400);
  });
});
