import { createHmac } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { at, type Client, createClient, createReceiver, finalBody, stepUpBody } from "./fixtures";
import { doesTypeMatch } from "./webhook-delivery";

let client: Client;
let receiver: Awaited<ReturnType<typeof createReceiver>>;
let signingKey: string;
let webhookId: string;

beforeEach(async () => {
  client = await createClient();
  receiver = await createReceiver();
  const webhook = await client.control.webhook(receiver.url);
  signingKey = webhook.signing_key;
  webhookId = webhook.webhook_id;
});
afterEach(async () => {
  await client.close();
  await receiver.close();
});

describe("delivery", () => {
  it("signs the raw body in lower-case hex and says which key", async () => {
    await client.stepUp();
    await receiver.waitFor(1);
    const [event] = receiver.received;
    const expected = createHmac("sha256", signingKey)
      .update(event?.body ?? "")
      .digest("hex");
    expect(event?.headers["klarna-signature"]).toBe(expected);
    expect(event?.headers["klarna-signing-key-id"]).toMatch(/signing-key/);
    const body: unknown = JSON.parse(event?.body ?? "{}");
    expect(at(body, "metadata", "event_type")).toBe("payment.request.state-change.submitted");
    expect(at(body, "metadata", "subject_account_id")).toBe(client.accountId);
    expect(at(body, "metadata", "live")).toBe(false);
  });

  it("sends the events of a payment in their order, with the token in both places", async () => {
    const { token } = await client.completed();
    await client.control.idle();
    await client.authorize(finalBody(5000, {}, "NOW"), { headers: { "klarna-network-session-token": token } });
    await receiver.waitFor(6);
    await client.control.idle();
    expect(receiver.types().slice(0, 3)).toEqual([
      "request.state-change.submitted",
      "request.state-change.in-progress",
      "request.state-change.completed",
    ]);
    expect(receiver.types().slice(3)).toEqual([
      "transaction.state-change.authorized",
      "transaction.captured",
      "transaction.state-change.completed",
    ]);
    const completed: unknown = JSON.parse(receiver.received[2]?.body ?? "{}");
    expect(at(completed, "payload", "klarna_network_session_token")).toBe(token);
    expect(at(completed, "payload", "state_context", "klarna_network_session_token")).toBe(token);
    expect(at(completed, "payload", "payment_token")).toMatch(/payment-token/);
  });

  it("repeats after 10 s, 2 min, 15 min, 3 h, 6 h and 12 h, then gives up", async () => {
    receiver.answerNext(500, 404, 302);
    receiver.answerAlways(503);
    await client.stepUp();
    await receiver.waitFor(1);
    const stepsMs = [10_000, 120_000, 900_000, 10_800_000, 21_600_000, 43_200_000];
    for (const [index, stepMs] of stepsMs.entries()) {
      await client.control.idle();
      await client.control.advance(stepMs - 5_000);
      await client.control.idle();
      const submitted = () => receiver.types().filter((type) => type === "request.state-change.submitted");
      expect(submitted()).toHaveLength(index + 1);
      await client.control.advance(5_000);
      await client.control.idle();
      expect(submitted()).toHaveLength(index + 2);
    }
    const [delivery] = await client.control.deliveries({ event_type: "payment.request.state-change.submitted" });
    expect(delivery?.status).toBe("FAILED");
    expect(delivery?.attempts).toHaveLength(7);
    receiver.answerAlways(204);
    await client.control.redeliver(delivery?.delivery_id ?? "");
    await client.control.idle();
    expect((await client.control.deliveries({ status: "FAILED" })).length).toBe(0);
  });

  it("keeps the event id over retries", async () => {
    receiver.answerNext(500);
    await client.stepUp();
    await receiver.waitFor(1);
    await client.control.idle();
    await client.control.advance(10_000);
    await receiver.waitFor(2);
    expect(receiver.received[0]?.id).toBe(receiver.received[1]?.id);
    expect(receiver.received[0]?.body).toBe(receiver.received[1]?.body);
  });
});

describe("misbehaviour on the way", () => {
  const count = (type: string) => receiver.types().filter((entry) => entry === type).length;
  const completedType = "request.state-change.completed";

  it("05: loses the completed event once and brings it after the first retry step", async () => {
    const id = await client.stepUp(5005);
    await client.control.play(id, "complete");
    await client.control.idle();
    expect(count(completedType)).toBe(0);
    await client.control.advance(10_000);
    await client.control.idle();
    expect(count(completedType)).toBe(1);
  });

  it("06: sends the completed event twice under one id", async () => {
    const id = await client.stepUp(5006);
    await client.control.play(id, "complete");
    await client.control.idle();
    expect(count(completedType)).toBe(2);
    const ids = receiver.received.filter((entry) => entry.type === completedType).map((entry) => entry.id);
    expect(new Set(ids).size).toBe(1);
  });

  it("07: sends completed before in-progress", async () => {
    const id = await client.stepUp(5007);
    await client.control.play(id, "complete");
    await receiver.waitFor(3);
    expect(receiver.types()).toEqual([
      "request.state-change.submitted",
      completedType,
      "request.state-change.in-progress",
    ]);
  });

  it("loses, delays and badly signs by armed fault, for one reference only", async () => {
    const body = stepUpBody(5000);
    const reference = String(at(body, "step_up_config", "payment_request_reference"));
    const match = { payment_request_reference: reference, event_type: "payment.request.state-change.submitted" };
    await client.control.fault({ operation: "webhook", kind: "lost", match });
    await client.authorize(body);
    await client.stepUp();
    await client.control.idle();
    expect(receiver.received).toHaveLength(1);
    expect(await client.control.deliveries({ status: "LOST" })).toHaveLength(1);

    await client.control.fault({ operation: "webhook", kind: "bad_signature" });
    await client.stepUp();
    await client.control.idle();
    const forged = receiver.received[1];
    expect(forged?.headers["klarna-signature"]).not.toBe(
      createHmac("sha256", signingKey)
        .update(forged?.body ?? "")
        .digest("hex"),
    );

    await client.control.fault({ operation: "webhook", kind: "late", delay_ms: 60_000 });
    await client.stepUp();
    await client.control.idle();
    expect(receiver.received).toHaveLength(2);
    await client.control.advance(60_000);
    await client.control.idle();
    expect(receiver.received).toHaveLength(3);
  });
});

describe("management", () => {
  it("matches wildcards by part", () => {
    expect(doesTypeMatch("payment.*", "payment.request.state-change.completed")).toBe(true);
    expect(doesTypeMatch("payment.request.*", "payment.transaction.captured")).toBe(false);
    expect(doesTypeMatch("*", "anything.at.all")).toBe(true);
    expect(doesTypeMatch("payment.request.state-change.completed", "payment.request.state-change.expired")).toBe(false);
  });

  it("shows a signing key's secret once and refuses to delete a key in use", async () => {
    const created = await client.call("POST", "/v2/notification/signing-keys", {});
    expect(created.body.signing_key).toBeDefined();
    const listed = await client.call("GET", "/v2/notification/signing-keys");
    expect(listed.text).not.toContain(String(created.body.signing_key));
    const { body } = await client.call("GET", `/v2/notification/webhooks/${webhookId}`);
    expect((await client.call("DELETE", `/v2/notification/signing-keys/${String(body.signing_key_id)}`)).status).toBe(
      403,
    );
    expect(
      (await client.call("DELETE", `/v2/notification/signing-keys/${String(created.body.signing_key_id)}`)).status,
    ).toBe(204);
  });

  it("refuses a second webhook of the same configuration, and http to other machines", async () => {
    const { body } = await client.call("GET", `/v2/notification/webhooks/${webhookId}`);
    const same = {
      url: body.url,
      event_types: body.event_types,
      event_version: "v2",
      signing_key_id: body.signing_key_id,
    };
    expect((await client.call("POST", "/v2/notification/webhooks", same)).status).toBe(409);
    const remote = { ...same, url: "http://shop.example/hook" };
    expect((await client.call("POST", "/v2/notification/webhooks", remote)).status).toBe(400);
    await client.control.settings({ webhook_targets: "klarna" });
    const local = { ...same, url: "http://127.0.0.1:1/hook" };
    expect((await client.call("POST", "/v2/notification/webhooks", local)).status).toBe(400);
    const good = { ...same, url: "https://shop.example:8443/hook" };
    expect((await client.call("POST", "/v2/notification/webhooks", good)).status).toBe(201);
  });

  it("sends samples, changes, disables and deletes", async () => {
    const path = `/v2/notification/webhooks/${webhookId}`;
    await client.call("POST", `${path}/simulate`, {
      event_type: "payment.request.state-change.submitted",
      event_version: "v2",
    });
    await receiver.waitFor(1);
    expect((await client.call("PATCH", path, { status: "DISABLED" })).body.status).toBe("DISABLED");
    await client.stepUp();
    await client.control.idle();
    expect(receiver.received).toHaveLength(1);
    expect((await client.call("DELETE", path)).status).toBe(204);
    expect((await client.call("GET", path)).status).toBe(404);
  });
});
