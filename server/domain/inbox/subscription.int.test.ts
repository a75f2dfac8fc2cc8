import { createServer, type Server } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Services } from "@/server/context";
import { HOUR_MS, MINUTE_MS } from "@/server/core/time";
import { createKlarnaListener } from "@/server/ingress/klarna-webhooks";
import { makePartner } from "@/server/testing/builders";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import {
  checkSubscription,
  KEY_OVERLAP_MS,
  keepSubscription,
  listSigningKeys,
  processInbox,
  registerSigningKey,
  repairSubscription,
  retireSigningKey,
  rotateSigningKey,
} from "./service";

let test: TestServices;
let services: Services;
let server: Server;
let answers: number[] = [];

beforeAll(async () => {
  let listener: ReturnType<typeof createKlarnaListener> | undefined;
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      void listener?.({ headers: request.headers, rawBody: Buffer.concat(chunks) }).then((answer) => {
        answers.push(answer.status);
        response.writeHead(answer.status).end(answer.body);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  test = await testServices({ clock: "movable", environment: { PUBLIC_URL: `http://127.0.0.1:${port}` } });
  services = test.services;
  listener = createKlarnaListener(services);
});
afterEach(async () => {
  await test.simulator.control.clearFaults();
  await services.db.query({ text: "delete from klarna_signing_keys", values: [] });
  await services.db.query({ text: "delete from klarna_subscriptions", values: [] });
  await services.db.query({ text: "update alarms set cleared_at = now() where cleared_at is null", values: [] });
  await test.simulator.control.reset();
  answers = [];
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await test.close();
});

const admin = () => asUser(services, "ACQUIRER_ADMIN");
const audited = async (action: string) =>
  services.db.query<{ subject_id: string; before: unknown; after: unknown; way: string }>({
    text: "select subject_id, before, after, way from audit_entries where action = $1 order by position",
    values: [action],
  });
async function klarna(method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await fetch(`${test.simulator.url}/v2/notification${path}`, {
    method,
    headers: { authorization: `Basic ${test.simulator.apiKey}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
  const text = await answer.text();
  return text === "" ? null : JSON.parse(text);
}

const KeySchema = z.object({ signing_key_id: z.string() });
async function keysAtKlarna(): Promise<string[]> {
  const { signing_keys: keys } = z
    .object({ signing_keys: z.array(KeySchema) })
    .parse(await klarna("GET", "/signing-keys"));
  return keys.map((key) => key.signing_key_id);
}

describe("the subscription", () => {
  it("is missing, is made, and is in order then; the key's secret is encrypted", async () => {
    expect(await checkSubscription(admin())).toMatchObject({ verdict: "MISSING", held: [], differences: [] });
    const made = await repairSubscription(admin());
    expect(made.outcome).toBe("created");
    const view = await checkSubscription(admin());
    expect(view).toMatchObject({ verdict: "IN_ORDER", differences: [], foreignKeys: [] });
    expect(view.held).toMatchObject([{ relation: "ours", event_types: "partner.*, payment.*, settlement.*" }]);
    const [key] = await listSigningKeys(admin());
    expect(key).toMatchObject({ id: made.signingKeyId, isCurrent: true, source: "KLARNA", state: "ACTIVE" });
    expect(JSON.stringify(key)).not.toContain("secret");
    const [row] = await services.db.query<{ secret: string }>({
      text: "select secret from klarna_signing_keys",
      values: [],
    });
    expect(row?.secret).toMatch(/^v1\.test\./);
    expect(await audited("klarna_webhook.created")).toMatchObject([{ subject_id: made.webhookId, way: "SCREEN" }]);
    expect(await repairSubscription(admin())).toMatchObject({ outcome: "kept", changes: [] });
  });

  it("is repaired field by field after somebody changed it at Klarna, and says what it was in the audit", async () => {
    const { webhookId } = await repairSubscription(admin());
    await klarna("PATCH", `/webhooks/${encodeURIComponent(webhookId)}`, {
      url: "http://127.0.0.1:9/elsewhere",
      event_types: ["payment.*"],
      event_version: "v1",
      status: "DISABLED",
    });
    const view = await checkSubscription(admin());
    expect(view.verdict).toBe("DIFFERS");
    expect(view.differences.map((difference) => difference.field)).toEqual([
      "url",
      "event_types",
      "event_version",
      "status",
    ]);
    const repaired = await repairSubscription(admin());
    expect(repaired).toMatchObject({ outcome: "repaired", webhookId });
    expect(await checkSubscription(admin())).toMatchObject({ verdict: "IN_ORDER" });
    expect((await audited("klarna_webhook.repaired")).at(-1)).toMatchObject({
      before: { status: "DISABLED", event_version: "v1", event_types: "payment.*" },
      after: { status: "ENABLED", event_version: "v2" },
    });
  });

  it("removes a webhook at our address whose key nobody holds, and leaves those of others alone", async () => {
    const keyOf = async () => KeySchema.parse(await klarna("POST", "/signing-keys", {}));
    const url = `${services.env.PUBLIC_URL}/api/klarna/webhooks`;
    const fields = { event_types: ["payment.*"], event_version: "v2", status: "ENABLED" };
    await klarna("POST", "/webhooks", {
      ...fields,
      url: "http://127.0.0.1:9/theirs",
      signing_key_id: (await keyOf()).signing_key_id,
    });
    await repairSubscription(admin());
    await klarna("POST", "/webhooks", { ...fields, url, signing_key_id: (await keyOf()).signing_key_id });
    const view = await checkSubscription(admin());
    expect(view.verdict).toBe("DIFFERS");
    expect(view.foreignKeys).toHaveLength(2);
    await repairSubscription(admin());
    const after = await checkSubscription(admin());
    expect(after.verdict).toBe("IN_ORDER");
    expect(after.held.map((held) => held.relation).sort()).toEqual(["other", "ours"]);
  });

  it("is kept by the job in the same way, and an alarm stands while Klarna cannot be asked", async () => {
    expect(await keepSubscription(services, "test")).toBe("created");
    expect(await keepSubscription(services, "test")).toBe("kept");
    await test.simulator.control.fault({ operation: "list_webhooks", kind: "status_500", times: null });
    await expect(keepSubscription(services, "test")).rejects.toThrow(/no answer/);
    const open = async () =>
      services.db.query({
        text: "select 1 from alarms where kind = 'klarna_subscription' and cleared_at is null",
        values: [],
      });
    expect(await open()).toHaveLength(1);
    expect(await checkSubscription(admin())).toMatchObject({ verdict: "UNREACHABLE" });
    await test.simulator.control.clearFaults();
    expect(await keepSubscription(services, "test")).toBe("kept");
    expect(await open()).toHaveLength(0);
  });

  it("R9: a lost answer to the making of a key leaves one key at Klarna, and it is the one that we hold", async () => {
    await test.simulator.control.fault({ operation: "create_signing_key", kind: "cut_after", times: 4 });
    await expect(repairSubscription(admin())).rejects.toMatchObject({ code: "klarna_unavailable" });
    expect(await listSigningKeys(admin())).toEqual([]);
    await test.simulator.control.clearFaults();
    await repairSubscription(admin());
    const atKlarna = await keysAtKlarna();
    expect(atKlarna).toEqual((await listSigningKeys(admin())).map((key) => key.id));
  });

  it("is made once when two processes look at the same time", async () => {
    const outcomes = await Promise.allSettled([
      keepSubscription(services, "test"),
      repairSubscription(admin()),
      keepSubscription(services, "test"),
    ]);
    expect(outcomes.some((outcome) => outcome.status === "fulfilled")).toBe(true);
    await keepSubscription(services, "test");
    expect((await checkSubscription(admin())).held).toHaveLength(1);
    expect(await listSigningKeys(admin())).toHaveLength(1);
  });

  it("S1: may be seen by those who see the system, and changed by those who may", async () => {
    const reader = asUser(services, "READ_ONLY");
    expect((await checkSubscription(reader)).verdict).toBe("MISSING");
    for (const work of [
      repairSubscription(reader),
      rotateSigningKey(reader),
      registerSigningKey(reader, { id: "krn:key:1", secret: "0123456789abcdef" }),
      retireSigningKey(reader, "krn:key:1"),
      checkSubscription(asUser(services, "PARTNER_ADMIN", ["ptn_x"])),
      listSigningKeys(asUser(services, "PARTNER_ADMIN", ["ptn_x"])),
    ])
      await expect(work).rejects.toMatchObject({ code: "permission_denied" });
  });
});

describe("the rotation of a key", () => {
  async function receive(): Promise<number> {
    const partner = await makePartner(services);
    const before = answers.length;
    const fresh = await test.simulator.control.request(
      (await create(partner.account.id, partner.store.klarnaStoreId)).payment_request_id,
    );
    await test.simulator.control.play(fresh.payment_request_id, "open");
    await test.simulator.control.idle();
    return answers.slice(before).filter((status) => status === 200).length;
  }
  async function create(account: string, store: string): Promise<{ payment_request_id: string }> {
    const answer = await fetch(`${test.simulator.url}/v2/accounts/${encodeURIComponent(account)}/payment/authorize`, {
      method: "POST",
      headers: {
        authorization: `Basic ${test.simulator.apiKey}`,
        "content-type": "application/json",
        "klarna-idempotency-key": crypto.randomUUID(),
      },
      body: JSON.stringify({
        currency: "SEK",
        request_payment_transaction: { amount: 10_050, payment_transaction_reference: crypto.randomUUID() },
        step_up_config: {
          payment_request_reference: crypto.randomUUID(),
          customer_interaction_config: { method: "QR_CODE" },
        },
        point_of_checkout: { store_id: store },
        point_of_transaction: { type: "TERMINAL", terminal_reference: "T1" },
      }),
    });
    const body = z.object({ payment_request: z.object({ payment_request_id: z.string() }) }).parse(await answer.json());
    return body.payment_request;
  }

  it("S8: old and new are good while they overlap; the old is retired and refused after it, and gone at Klarna", async () => {
    const first = await repairSubscription(admin());
    expect(await receive()).toBeGreaterThan(0);
    const second = await rotateSigningKey(admin());
    expect(second.webhookId).toBe(first.webhookId);
    expect(second.signingKeyId).not.toBe(first.signingKeyId);
    const keys = () => listSigningKeys(admin());
    expect(await keys()).toMatchObject([
      { id: second.signingKeyId, isCurrent: true, retireAt: null },
      {
        id: first.signingKeyId,
        isCurrent: false,
        state: "ACTIVE",
        retireAt: new Date(test.clock.now().getTime() + KEY_OVERLAP_MS),
      },
    ]);
    expect(await receive(), "signed with the new key").toBeGreaterThan(0);
    // Within the overlap the job leaves the old key.
    test.clock.advance(KEY_OVERLAP_MS - MINUTE_MS);
    await keepSubscription(services, "test");
    expect((await keys()).filter((key) => key.state === "ACTIVE")).toHaveLength(2);
    test.clock.advance(2 * MINUTE_MS);
    await keepSubscription(services, "test");
    expect((await keys()).find((key) => key.id === first.signingKeyId)).toMatchObject({
      state: "RETIRED",
      retiredBy: "keep-subscriptions",
    });
    const atKlarna = await keysAtKlarna();
    expect(atKlarna).toEqual([second.signingKeyId]);
    expect(await audited("klarna_signing_key.retired")).toMatchObject([{ subject_id: first.signingKeyId, way: "JOB" }]);
  });

  it("goes on by itself when Klarna could not be told to use the new key; the old one is not retired while it signs", async () => {
    const first = await repairSubscription(admin());
    await test.simulator.control.fault({ operation: "update_webhook", kind: "status_500", times: null });
    await expect(rotateSigningKey(admin())).rejects.toMatchObject({ code: "klarna_unavailable" });
    test.clock.advance(KEY_OVERLAP_MS + HOUR_MS);
    await expect(keepSubscription(services, "test")).rejects.toThrow();
    expect((await listSigningKeys(admin())).map((key) => key.state)).toEqual(["ACTIVE", "ACTIVE"]);
    expect(await checkSubscription(admin())).toMatchObject({
      verdict: "DIFFERS",
      differences: [{ field: "signing_key_id", held: first.signingKeyId }],
    });
    await test.simulator.control.clearFaults();
    expect(await keepSubscription(services, "test")).toBe("repaired");
    expect((await listSigningKeys(admin())).map((key) => key.state)).toEqual(["ACTIVE", "RETIRED"]);
    await processInbox(services);
  });

  it("S8: an old key stays past its overlap while anything at Klarna is signed with it, and ends when nothing is", async () => {
    const first = await repairSubscription(admin());
    await rotateSigningKey(admin());
    const { webhook_id: another } = z.object({ webhook_id: z.string() }).parse(
      await klarna("POST", "/webhooks", {
        url: "http://127.0.0.1:9/another",
        event_types: ["payment.*"],
        event_version: "v2",
        status: "ENABLED",
        signing_key_id: first.signingKeyId,
      }),
    );
    const stateOfFirst = async () =>
      (await listSigningKeys(admin())).find((key) => key.id === first.signingKeyId)?.state;
    test.clock.advance(KEY_OVERLAP_MS + HOUR_MS);
    await keepSubscription(services, "test");
    expect(await stateOfFirst()).toBe("ACTIVE");
    expect(await keysAtKlarna()).toContain(first.signingKeyId);
    await klarna("DELETE", `/webhooks/${encodeURIComponent(another)}`);
    await keepSubscription(services, "test");
    expect(await stateOfFirst()).toBe("RETIRED");
  });

  it("takes a key by hand, once; retires it by hand; never the one in use", async () => {
    const { signingKeyId } = await repairSubscription(admin());
    const id = "krn:partner:global:notification:signing-key:by-hand";
    await registerSigningKey(admin(), { id, secret: "a-secret-of-the-portal" });
    await expect(registerSigningKey(admin(), { id, secret: "a-secret-of-the-portal" })).rejects.toMatchObject({
      code: "validation_failed",
    });
    await expect(retireSigningKey(admin(), signingKeyId)).rejects.toMatchObject({ code: "state_conflict" });
    await expect(retireSigningKey(asUser(services, "ACQUIRER_ADMIN", "all", "live"), id)).rejects.toMatchObject({
      code: "not_found",
    });
    expect((await checkSubscription(admin())).verdict).toBe("IN_ORDER");
    await retireSigningKey(admin(), id);
    expect((await listSigningKeys(admin())).find((key) => key.id === id)).toMatchObject({
      state: "RETIRED",
      source: "HAND",
    });
    const entries = JSON.stringify([
      ...(await audited("klarna_signing_key.registered")),
      ...(await audited("klarna_signing_key.created")),
    ]);
    expect(entries).toContain(id);
    expect(entries).not.toContain("a-secret-of-the-portal");
  });
});
