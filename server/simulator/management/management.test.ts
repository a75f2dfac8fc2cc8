import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { request as requestTls } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Answer, at, type Client, createClient, createReceiver, isJson, type Json, stepUpBody } from "../fixtures";
import { ACQUIRING_ACCOUNTS, PAYMENT_PROFILES, PRICE_PLANS } from "./catalogue";
import { createSigningRequest } from "./certificates";

const DAY_MS = 86_400_000;
const ADDRESS = { street_address: "Torstrasse 12", postal_code: "10119", city: "Berlin", country: "DE" };
const KEYS = "/v2/account/integration/credentials/api-key";
const CERTIFICATES = "/v2/account/integration/credentials/client-certificate";
const IP_LIST = "/v2/account/integration/ip-address-restrictions";
const DEEP_LINKS = "/v2/account/portal/deep-links";

function onboardBody(name: string, more: Json = {}): Json {
  return {
    partner_account_reference: name,
    partner_account_name: `Partner ${name}`,
    partner_account_contact: { given_name: "Test", family_name: "Person", email: "owner@partner.example" },
    products: [
      {
        type: "PAYMENT",
        payment_profile_id: PAYMENT_PROFILES[0]?.payment_profile_id,
        payment_accounts: [
          {
            payment_account_reference: `${name}-account`,
            payment_acquiring_account_id: ACQUIRING_ACCOUNTS[0]?.payment_acquiring_account_id,
            default_merchant_category_code: "5992",
            partner_business_entity_reference: "entity",
            default_store_group_reference: "group",
          },
        ],
      },
    ],
    partner_business_entities: [
      {
        partner_business_entity_reference: "entity",
        legal_registered_entity_name: "Partner GmbH",
        legal_registration_country: "DE",
      },
    ],
    brands: [
      {
        brand_reference: "brand",
        display_name: "Rosen am Tor",
        element: { logo_url: "https://static.example/logo.png" },
      },
    ],
    store_groups: [
      {
        store_group_reference: "group",
        brand_reference: "brand",
        stores: [{ type: "PHYSICAL_STORE", store_reference: "SHOP-1", address: ADDRESS }],
      },
    ],
    ...more,
  };
}

let client: Client;
beforeEach(async () => {
  client = await createClient();
});
afterEach(() => client.close());

async function control(method: string, path: string, body?: unknown): Promise<Answer> {
  const answer = await client.call(method, `/_control${path}`, body);
  if (answer.status >= 400) throw new Error(answer.text);
  return answer;
}

async function onboard(name = "rosen", more: Json = {}) {
  const answer = await client.call("POST", "/v2/distribution/onboard", onboardBody(name, more));
  expect(answer.status).toBe(201);
  const id = String(answer.body.partner_account_id);
  return {
    id,
    path: `/v2/accounts/${id}`,
    product: `/v2/accounts/${id}/products/payment/${String(at(answer.body, "products", 0, "product_id"))}`,
    brand: String(at(answer.body, "brands", 0, "brand_id")),
    store: String(at(answer.body, "store_groups", 0, "stores", 0, "store_id")),
    paymentAccount: String(at(answer.body, "products", 0, "payment_accounts", 0, "payment_account_id")),
  };
}

async function operational(name = "rosen") {
  const partner = await onboard(name);
  await control("POST", "/steps/now", { account: partner.id });
  return partner;
}

const inStore = (store: Json, extra: Json = {}): Json => stepUpBody(5000, { point_of_checkout: store, ...extra });

async function listen(types = ["*"]) {
  const receiver = await createReceiver();
  await client.control.webhook(receiver.url, types);
  const events = async (): Promise<Json[]> => {
    await client.control.idle();
    return receiver.received.map((entry) => {
      const parsed: unknown = JSON.parse(entry.body);
      return isJson(parsed) ? parsed : {};
    });
  };
  return { events, close: receiver.close };
}

describe("a Partner account", () => {
  it("takes payments at once and can be managed when it is operational", async () => {
    const hook = await listen(["partner.*"]);
    const partner = await onboard();
    const paid = await client.call("POST", `${partner.path}/payment/authorize`, inStore({ store_reference: "SHOP-1" }));
    expect(paid.status).toBe(200);
    expect((await client.call("PATCH", partner.path, { partner_account_name: "Other" })).status).toBe(403);
    expect(await hook.events()).toEqual([]);

    await client.control.advance(2_000);
    const [event, ...more] = await hook.events();
    expect(more).toEqual([]);
    expect(at(event, "metadata", "event_type")).toBe("partner.account.state-change.operational");
    expect(at(event, "metadata", "subject_account_id")).toBe(partner.id);
    expect(isJson(event?.metadata) && "product_instance_id" in event.metadata).toBe(false);
    expect(event?.payload).toMatchObject({
      partner_account_id: partner.id,
      partner_account_reference: "rosen",
      state: "OPERATIONAL",
      previous_state: "PARTIALLY_OPERATIONAL",
    });
    expect((await client.call("PATCH", partner.path, { partner_account_name: "Other" })).status).toBe(200);
    await hook.close();
  });

  it("is created once when the call is repeated with its idempotency key", async () => {
    const calls = Array.from({ length: 2 }, () =>
      client.call("POST", "/v2/distribution/onboard", onboardBody("rosen"), { key: "onboard-1" }),
    );
    const first = await calls[0];
    await calls[1];
    const again = await client.call("POST", "/v2/distribution/onboard", onboardBody("rosen"), { key: "onboard-1" });
    expect(again.text).toBe(first?.text);
    const accounts = (await control("GET", "/accounts")).body.accounts;
    expect(accounts).toHaveLength(2);
  });

  it("gets what is new, and nothing twice, when it is onboarded again", async () => {
    const partner = await operational();
    const again = await client.call("POST", "/v2/distribution/onboard", {
      ...onboardBody("rosen"),
      store_groups: [
        {
          store_group_reference: "group",
          brand_reference: "brand",
          stores: [
            { type: "PHYSICAL_STORE", store_reference: "SHOP-1", address: ADDRESS },
            { type: "PHYSICAL_STORE", store_reference: "SHOP-2", address: ADDRESS },
          ],
        },
      ],
    });
    expect(again.status).toBe(201);
    expect(again.body.partner_account_id).toBe(partner.id);
    expect(at(again.body, "store_groups", 0, "stores")).toHaveLength(2);
    expect(again.body.brands).toHaveLength(1);
    expect(at(again.body, "products", 0, "payment_accounts")).toHaveLength(1);
  });

  it("leaves nothing behind when its onboarding is refused", async () => {
    const body = onboardBody("rosen");
    const refused = await client.call("POST", "/v2/distribution/onboard", { ...body, products: [] });
    expect(refused.status).toBe(400);
    expect((await control("GET", "/accounts")).body.accounts).toHaveLength(1);
  });

  it("is told that its brand is incomplete when the logo cannot be shown, and only then", async () => {
    const hook = await listen(["partner.account.brand.*"]);
    const good = await operational("good");
    const bad = await onboard("bad", {
      brands: [
        { brand_reference: "brand", display_name: "Bad", element: { logo_url: "http://static.example/logo.png" } },
      ],
    });
    await control("POST", "/steps/now");
    const events = await hook.events();
    expect(events.map((event) => at(event, "payload", "partner_account_id"))).toEqual([bad.id]);
    expect(at(events[0], "payload", "brand_id")).toBe(bad.brand);
    await control("POST", `/brands/${good.brand}/incomplete`);
    expect(await hook.events()).toHaveLength(2);
    await hook.close();
  });

  it("pays in stores of its own with the brand's name on the customer's phone", async () => {
    const partner = await operational();
    const byId = await client.call("POST", `${partner.path}/payment/authorize`, inStore({ store_id: partner.store }));
    const id = String(at(byId.body, "payment_request", "payment_request_id"));
    expect((await client.control.request(id)).store?.name).toBe("Rosen am Tor");

    await client.call("PATCH", `${partner.path}/brands/${partner.brand}`, { display_name: "Tulpen" });
    await client.call("POST", `${partner.path}/stores`, {
      type: "PHYSICAL_STORE",
      store_reference: "SHOP-2",
      address: ADDRESS,
    });
    const next = await client.call("POST", `${partner.path}/payment/authorize`, inStore({ store_reference: "SHOP-2" }));
    const nextId = String(at(next.body, "payment_request", "payment_request_id"));
    expect((await client.control.request(nextId)).store?.name).toBe("Tulpen");

    const unknown = await client.call(
      "POST",
      `${partner.path}/payment/authorize`,
      inStore({ store_reference: "SHOP-9" }),
    );
    expect(unknown.status).toBe(400);
  });

  it("refuses a payment that names a payment account of somebody else", async () => {
    const own = await operational("own");
    const other = await operational("other");
    const pay = (config: Json) =>
      client.call(
        "POST",
        `${own.path}/payment/authorize`,
        inStore({ store_reference: "SHOP-1" }, { acquiring_config: config }),
      );
    expect((await pay({ payment_account_id: own.paymentAccount })).status).toBe(200);
    expect((await pay({ payment_account_id: other.paymentAccount })).status).toBe(400);
    expect((await pay({ payment_account_reference: "other-account" })).status).toBe(400);
  });

  it("is settled at the price of its payment profile", async () => {
    const standard = await onboard("standard");
    const products = onboardBody("volume").products;
    const volume = await onboard("volume", {
      products: Array.isArray(products)
        ? products.map((product: unknown) => ({
            ...(isJson(product) ? product : {}),
            payment_profile_id: PAYMENT_PROFILES[1]?.payment_profile_id,
          }))
        : [],
    });
    const feeOf = async (id: string) =>
      (await control("GET", `/terms?account=${encodeURIComponent(id)}`)).body.fee_basis_points;
    expect(await feeOf(standard.id)).toBe(PRICE_PLANS[0]?.rates[0]?.variable_basis_points);
    expect(await feeOf(volume.id)).toBe(PRICE_PLANS[1]?.rates[0]?.variable_basis_points);
  });

  it("survives a restart with everything that belongs to it", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "simulator-"));
    await client.close();
    client = await createClient({ dataDir });
    const partner = await operational();
    const key = String((await client.call("POST", KEYS, { description: "second" })).body.api_key);
    const before = await control("GET", `/accounts/${partner.id}/resources`);
    const apiKey = client.simulator.apiKey;
    await client.close();
    client = await createClient({ dataDir });
    expect(client.simulator.apiKey).toBe(apiKey);
    expect((await control("GET", `/accounts/${partner.id}/resources`)).body).toEqual(before.body);
    expect((await client.call("GET", partner.path, undefined, { apiKey: key })).status).toBe(200);
    await control("POST", "/reset");
    expect((await client.call("GET", partner.path, undefined, { apiKey: key })).status).toBe(401);
    expect((await client.call("GET", partner.path)).status).toBe(404);
    rmSync(dataDir, { recursive: true });
  });
});

describe("a payment product", () => {
  it("takes no new payment while it is disabled, but what was paid can be captured and refunded", async () => {
    const partner = await operational();
    await client.control.fault({ operation: "authorize", kind: "approve" });
    const paid = await client.call("POST", `${partner.path}/payment/authorize`, inStore({ store_reference: "SHOP-1" }));
    const transaction = String(
      at(paid.body, "payment_transaction_response", "payment_transaction", "payment_transaction_id"),
    );
    const pending = await client.call(
      "POST",
      `${partner.path}/payment/authorize`,
      inStore({ store_reference: "SHOP-1" }),
    );
    const request = String(at(pending.body, "payment_request", "payment_request_id"));
    const completed = await client.control.play(request, "complete", { force: true });

    expect((await client.call("POST", `${partner.product}/disable`, {})).body.state).toBe("DISABLED");
    const session = { headers: { "klarna-network-session-token": String(completed.klarna_network_session_token) } };
    const final = await client.call(
      "POST",
      `${partner.path}/payment/authorize`,
      { currency: "EUR", request_payment_transaction: { amount: 5000 } },
      session,
    );
    expect(final.status).toBe(403);
    expect(
      (await client.call("POST", `${partner.path}/payment/requests`, { currency: "EUR", amount: 5000 })).status,
    ).toBe(403);
    const store = { type: "PHYSICAL_STORE", name: "Inline" };
    expect((await client.call("POST", `${partner.path}/payment/authorize`, inStore({ store }))).status).toBe(403);
    expect((await client.call("GET", `${partner.path}/stores`)).body.stores).toHaveLength(1);

    const base = `${partner.path}/payment/transactions/${transaction}`;
    const capture = await client.call("POST", `${base}/captures`, { amount: 5000 });
    expect(capture.status).toBe(201);
    expect((await client.call("POST", `${base}/refunds`, { amount: 1000 })).status).toBe(201);

    await client.control.advance(1_500);
    expect((await client.call("POST", `${partner.product}/enable`, {})).body.state).toBe("ENABLED");
    const again = await client.call(
      "POST",
      `${partner.path}/payment/authorize`,
      inStore({ store_reference: "SHOP-1" }),
    );
    expect(again.status).toBe(200);
  });

  it("tells a decided payment again even when it is disabled since", async () => {
    const partner = await operational();
    const first = await client.call(
      "POST",
      `${partner.path}/payment/authorize`,
      inStore({ store_reference: "SHOP-1" }),
    );
    const request = String(at(first.body, "payment_request", "payment_request_id"));
    const completed = await client.control.play(request, "complete", { force: true });
    const finish = () =>
      client.call(
        "POST",
        `${partner.path}/payment/authorize`,
        { currency: "EUR", request_payment_transaction: { amount: 5000 } },
        { headers: { "klarna-network-session-token": String(completed.klarna_network_session_token) } },
      );
    const approved = await finish();
    expect(approved.status).toBe(200);
    await client.call("POST", `${partner.product}/disable`, {});
    expect((await finish()).text).toBe(approved.text);
  });

  it("raises events for what Klarna does and none for what the acquirer does", async () => {
    const hook = await listen(["partner.account.product.*"]);
    const partner = await operational();
    await client.call("POST", `${partner.product}/disable`, {});
    expect(await hook.events()).toEqual([]);
    const ended = await control("POST", `/accounts/${partner.id}/product`, {
      state: "TERMINATED",
      decision: "FRAUDULENT_BEHAVIOUR",
    });
    await client.control.advance(5_000);
    expect((await client.call("POST", `${partner.product}/enable`, {})).status).toBe(403);
    await control("POST", `/accounts/${partner.id}/product`, { state: "ENABLED" });
    const events = await hook.events();
    expect(events.map((event) => at(event, "metadata", "event_type"))).toEqual([
      "partner.account.product.payment.state-change.terminated",
      "partner.account.product.payment.state-change.enabled",
    ]);
    expect(events[0]?.payload).toMatchObject({
      state: "TERMINATED",
      previous_state: "DISABLED",
      state_reason: "FRAUDULENT_BEHAVIOUR",
      compliance_decision_id: at(ended.body, "decision", "compliance_decision_id"),
    });
    expect(at(events[0], "metadata", "product_instance_id")).toBe(partner.product.split("/").at(-1));
    await hook.close();
  });

  it("is disabled with its account and comes back with it", async () => {
    const hook = await listen(["partner.account.state-change.*"]);
    const partner = await operational();
    await control("POST", `/accounts/${partner.id}/state`, { state: "DISABLED" });
    expect((await client.call("GET", partner.product)).body.state).toBe("DISABLED");
    expect((await client.call("POST", `${partner.path}/payment/authorize`, stepUpBody(5000))).status).toBe(403);
    await control("POST", `/accounts/${partner.id}/state`, { state: "OPERATIONAL" });
    expect((await client.call("GET", partner.product)).body.state).toBe("ENABLED");
    const types = (await hook.events()).map((event) => at(event, "metadata", "event_type"));
    expect(types).toEqual([
      "partner.account.state-change.operational",
      "partner.account.state-change.disabled",
      "partner.account.state-change.operational",
    ]);
    await hook.close();
  });

  it("changes after its time, or now when asked", async () => {
    await control("POST", "/management", { product_change_ms: 600_000 });
    const partner = await operational();
    await client.call("POST", `${partner.product}/disable`, {});
    expect((await client.call("GET", partner.product)).body.state).toBe("ENABLED");
    await client.control.advance(600_000);
    expect((await client.call("GET", partner.product)).body.state).toBe("DISABLED");
    await client.call("POST", `${partner.product}/enable`, {});
    const steps = (await control("GET", `/steps?account=${encodeURIComponent(partner.id)}`)).body.steps;
    await control("POST", `/steps/${String(at(steps, 0, "step_id"))}/now`);
    expect((await client.call("GET", partner.product)).body.state).toBe("ENABLED");
  });
});

describe("credentials", () => {
  it("are rotated: a new key works, then the old one is disabled by it", async () => {
    const made = await client.call("POST", KEYS, { description: "gateway" });
    const apiKey = String(made.body.api_key);
    const list = await client.call("GET", KEYS, undefined, { apiKey });
    const first = String(at(list.body, "api_keys", 0, "credential_id"));
    expect(list.text).not.toContain(apiKey);
    expect((await client.call("DELETE", `${KEYS}/${first}`, undefined, { apiKey })).status).toBe(204);
    expect((await client.call("GET", KEYS)).status).toBe(401);
    expect((await client.call("GET", KEYS, undefined, { apiKey })).status).toBe(200);
    const asPassword = Buffer.from(`someone:${apiKey}`).toString("base64");
    expect((await client.call("GET", KEYS, undefined, { apiKey: asPassword })).status).toBe(200);
  });

  it("are disabled when nobody used them for two months, the first key excepted", async () => {
    const used = String((await client.call("POST", KEYS, { description: "used" })).body.api_key);
    const idle = String((await client.call("POST", KEYS, { description: "idle" })).body.api_key);
    await client.control.advance(40 * DAY_MS);
    expect((await client.call("GET", KEYS, undefined, { apiKey: used })).status).toBe(200);
    await client.control.advance(21 * DAY_MS);
    expect((await client.call("GET", KEYS, undefined, { apiKey: used })).status).toBe(200);
    expect((await client.call("GET", KEYS, undefined, { apiKey: idle })).status).toBe(401);
    expect((await client.call("GET", KEYS)).status).toBe(200);
  });

  async function certificate() {
    const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const answer = await client.call("POST", CERTIFICATES, {
      description: "gateway",
      config: { usage: "MTLS", certificate_signing_request: createSigningRequest("acquirer.example", keys) },
    });
    expect(answer.status).toBe(201);
    return {
      key: keys.privateKey,
      pem: String(answer.body.certificate),
      ca: String(answer.body.ca_certificate),
      path: `${CERTIFICATES}/${String(answer.body.credential_id)}`,
    };
  }

  it("include certificates that a chain of trust accepts", async () => {
    const made = await certificate();
    const own = new X509Certificate(made.pem);
    const authority = new X509Certificate(made.ca);
    expect(own.verify(authority.publicKey)).toBe(true);
    expect(own.checkIssued(authority)).toBe(true);
    expect(own.subject).toBe("CN=acquirer.example");
    expect(own.ca).toBe(false);
    expect(authority.ca).toBe(true);
    expect(own.checkPrivateKey(made.key)).toBe(true);
    expect(own.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
  });

  it("are asked for over TLS: the header tells how it went, and enforcement starts on its day", async () => {
    const made = await certificate();
    const url = await client.simulator.listenTls();
    const call = (withCertificate: boolean): Promise<{ status: number; mtls: unknown }> =>
      new Promise((resolve, reject) => {
        const request = requestTls(
          `${url}${KEYS}`,
          {
            ca: made.ca,
            agent: false,
            headers: { authorization: `Basic ${client.simulator.apiKey}` },
            ...(withCertificate
              ? { cert: made.pem, key: made.key.export({ format: "pem", type: "pkcs8" }).toString() }
              : {}),
          },
          (answer) => {
            answer.resume();
            answer.on("end", () =>
              resolve({ status: answer.statusCode ?? 0, mtls: answer.headers["klarna-mtls-verification-status"] }),
            );
          },
        );
        request.on("error", reject);
        request.end();
      });
    expect(await call(true)).toEqual({ status: 200, mtls: "VALID" });
    expect(await call(false)).toEqual({ status: 200, mtls: "NOT_PRESENT" });
    const from = new Date(Date.now() + 30 * DAY_MS).toISOString();
    const planned = await client.call("POST", `${CERTIFICATES}/mtls-enforcement`, { enforced_from: from });
    expect(planned.body.status).toBe("SCHEDULED");
    expect(await call(false)).toEqual({ status: 200, mtls: "NOT_PRESENT" });
    await client.control.advance(31 * DAY_MS);
    expect(await call(false)).toEqual({ status: 401, mtls: "NOT_PRESENT" });
    expect(await call(true)).toEqual({ status: 200, mtls: "VALID" });
    await control("POST", "/access", { mtls_enforced_from: null });
    expect((await client.call("DELETE", made.path)).status).toBe(204);
    expect(await call(true)).toEqual({ status: 200, mtls: "INVALID" });
    expect(createPrivateKey(made.key.export({ format: "pem", type: "pkcs8" })).type).toBe("private");
  });

  it("count only from allowed addresses once that is enforced, after the change took its time", async () => {
    const from = (ip: string) => client.call("GET", KEYS, undefined, { headers: { "x-simulator-client-ip": ip } });
    await client.call("PATCH", IP_LIST, { mode: "ENFORCED", allowed_ip_addresses: ["127.0.0.0/8", "2001:db8::/32"] });
    expect((await from("192.0.2.1")).status).toBe(200);
    await client.control.advance(5 * 60_000);
    expect((await from("192.0.2.1")).status).toBe(403);
    expect((await from("2001:db8::7")).status).toBe(200);
    const inside = await from("::ffff:127.0.0.1");
    expect(inside.status).toBe(200);
    expect(inside.headers.get("klarna-ip-validation-status")).toBeNull();
  });
});

describe("a deep link", () => {
  async function link(account: string): Promise<Answer> {
    const token = await control("POST", "/deep-links/token", { account, user: "staff@partner.example" });
    return client.call("POST", DEEP_LINKS, { jwt: token.body.jwt });
  }
  const open = async (url: unknown) => {
    const answer = await client.simulator.fetch(new Request(String(url)));
    return { status: answer.status, text: await answer.text() };
  };

  it("opens the portal once", async () => {
    const partner = await operational();
    const { url } = (await link(partner.id)).body;
    const first = await open(url);
    expect(first.status).toBe(200);
    expect(first.text).toContain("staff@partner.example");
    expect(first.text).toContain("Partner rosen");
    expect((await open(url)).status).toBe(410);
  });

  it("opens nothing after 60 seconds", async () => {
    const partner = await operational();
    const { url } = (await link(partner.id)).body;
    await client.control.advance(61_000);
    expect((await open(url)).status).toBe(410);
  });

  it("is refused for a certificate that is disabled", async () => {
    const partner = await operational();
    const token = await control("POST", "/deep-links/token", { account: partner.id });
    const list = await client.call("GET", CERTIFICATES);
    const id = String(at(list.body, "client_certificates", 0, "credential_id"));
    await client.call("DELETE", `${CERTIFICATES}/${id}`);
    expect((await client.call("POST", DEEP_LINKS, { jwt: token.body.jwt })).status).toBe(400);
  });
});
