import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { issueAcquirerKey, listAcquirerKeys, revokeAcquirerKey, rotateAcquirerKey } from "@/server/auth/acquirer-keys";
import { ACQUIRER_SCOPE_NAMES, ACQUIRER_SCOPES, isAcquirerScope } from "@/server/auth/permissions";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { listAudit } from "@/server/domain/audit/service";
import { listRequests } from "@/server/domain/overview/service";
import { getPartner } from "@/server/domain/partners/service";
import { asSystem, type BuiltPartner, makePartner } from "@/server/testing/builders";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { callRest, makeAcquirerKey, makeKey, type RestAnswer } from "@/server/testing/rest";
import type { Endpoint } from "./endpoint";
import { ENDPOINTS } from "./endpoints";
import { createRest, type Rest } from "./run";

/* Who gets to what the acquirer's own keys open, made from the list of endpoints; see access.int.test.ts for the rest. */

const OWN = ENDPOINTS.filter((endpoint) => endpoint.access === "acquirer_key");
const PARTNERS = ENDPOINTS.filter((endpoint) => endpoint.access === "key" || endpoint.access === "key_or_display");

let test: TestServices;
let rest: Rest;
let partner: BuiltPartner;
let ownKey: string;
let partnerKey: string;

beforeAll(async () => {
  test = await testServices();
  rest = createRest(test.services);
  partner = await makePartner(test.services);
  ownKey = (await makeAcquirerKey(test.services)).key;
  partnerKey = (await makeKey(test.services, partner.partner.id)).key;
});
afterAll(async () => {
  await rest.close();
  await test.close();
});

const ids = (): Record<string, string> => ({
  "{brandId}": newId("brand"),
  "{storeGroupId}": newId("storeGroup"),
  "{storeId}": partner.store.id,
});
function targetOf(endpoint: Endpoint, id: string): string {
  const filled = Object.entries(ids()).reduce((path, [name, value]) => path.replace(name, value), endpoint.path);
  return filled.replace("{id}", id);
}
const idFor = (endpoint: Endpoint): string =>
  endpoint.path.startsWith("/api/v1/imports/") ? newId("import") : partner.partner.id;
const call = (endpoint: Endpoint, key: string | null, options: { id?: string; address?: string } = {}) =>
  callRest(rest, endpoint.method, targetOf(endpoint, options.id ?? idFor(endpoint)), {
    key,
    body: endpoint.method === "POST" || endpoint.method === "PATCH" ? {} : undefined,
    ...(options.address ? { address: options.address } : {}),
  });
const said = (answer: RestAnswer) => [answer.status, (answer.json as { code?: string } | null)?.code];
const rows = () =>
  test.services.db.query({
    text: `select (select count(*) from partners) p, (select count(*) from imports) i, (select string_agg(state || version, ',' order by id) from partners) s,
      (select string_agg(status || version, ',' order by id) from stores) st, (select count(*) from brands) b, (select count(*) from idempotent_answers) a`,
    values: [],
  });
async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "none",
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );
}

it("S1: there are calls for the acquirer's systems, each with a scope of theirs", () => {
  expect(OWN.length).toBeGreaterThan(25);
  for (const endpoint of OWN) expect(isAcquirerScope(endpoint.scope ?? ""), endpoint.operation).toBe(true);
});

describe.each(OWN.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint] as const))(
  "S1, S16: %s",
  (_, endpoint) => {
    it("does not exist for a Partner's key, whatever its scopes", async () => {
      const before = await rows();
      const answer = await call(endpoint, partnerKey);
      const nowhere = await callRest(rest, "GET", "/api/v1/nothing-here", { key: partnerKey });
      expect(answer.status).toBe(404);
      expect({ ...(answer.json as object), request_id: "" }).toEqual({ ...(nowhere.json as object), request_id: "" });
      expect(await rows()).toEqual(before);
    });

    it("answers 401 without a key and with a wrong, revoked or expired one", async () => {
      expect(said(await call(endpoint, null))).toEqual([401, "key_missing"]);
      const mistyped = `${ownKey.slice(0, -1)}${ownKey.endsWith("a") ? "b" : "a"}`;
      for (const key of [mistyped, ownKey.replace("_ak_", "_sk_"), ownKey.replace("_test_", "_live_")])
        expect(said(await call(endpoint, key))).toEqual([401, "key_invalid"]);
      const revoked = await makeAcquirerKey(test.services);
      await revokeAcquirerKey(asSystem(test.services), revoked.id);
      expect(said(await call(endpoint, revoked.key))).toEqual([401, "key_invalid"]);
      const expired = await makeAcquirerKey(test.services, { expiresAt: new Date(Date.now() - 1_000) });
      expect(said(await call(endpoint, expired.key))).toEqual([401, "key_invalid"]);
    });

    it("answers 403 without the scope and from another address, and changes nothing", async () => {
      const before = await rows();
      const needed: readonly string[] = isAcquirerScope(endpoint.scope ?? "")
        ? ACQUIRER_SCOPES[endpoint.scope as keyof typeof ACQUIRER_SCOPES]
        : [];
      const poorScopes = ACQUIRER_SCOPE_NAMES.filter(
        (scope) => !needed.every((permission) => ACQUIRER_SCOPES[scope].some((held) => held === permission)),
      ).slice(0, 1);
      const poor = await makeAcquirerKey(test.services, { scopes: poorScopes });
      expect(said(await call(endpoint, poor.key))).toEqual([403, "scope_missing"]);
      const bound = await makeAcquirerKey(test.services, { addresses: ["203.0.113.0/24"] });
      expect(said(await call(endpoint, bound.key, { address: "192.0.2.1" }))).toEqual([403, "address_not_allowed"]);
      expect(await rows()).toEqual(before);
    });

    if (endpoint.path.includes("{id}"))
      it("answers an id that is not there, of the other mode or none at all with one and the same 404", async () => {
        const before = await rows();
        const liveKey = (await makeAcquirerKey(test.services, { mode: "live" })).key;
        const unknown = endpoint.path.startsWith("/api/v1/imports/") ? newId("import") : newId("partner");
        // Where a body is needed the shape is asked for first; it tells nothing about the id.
        const shape = endpoint.hasBody ? [404, 400] : [404];
        const answers = [
          await call(endpoint, ownKey, { id: unknown }),
          // A live draft is begun for a Partner of test mode: there the other mode is the point.
          await (endpoint.operation === "createLiveDraft" ? call(endpoint, ownKey) : call(endpoint, liveKey)),
          await call(endpoint, ownKey, { id: "'; drop table partners" }),
        ];
        for (const answer of answers) expect(shape, answer.text).toContain(answer.status);
        expect(answers[2]?.status).toBe(404);
        expect(said(answers[0] as RestAnswer)).toEqual(said(answers[1] as RestAnswer));
        expect(await rows()).toEqual(before);
      });
  },
);

it.each(PARTNERS.map((endpoint) => [`${endpoint.method} ${endpoint.path}`, endpoint] as const))(
  "S1: %s is refused to the acquirer's key: it is of no Partner",
  async (_, endpoint) => {
    const target = endpoint.path.replace(/\{\w+\}/g, partner.store.id);
    const answer = await callRest(rest, endpoint.method, target, { key: ownKey, body: {} });
    expect(said(answer)).toEqual([403, "scope_missing"]);
  },
);

describe("the keys themselves", () => {
  const admin = () => asUser(test.services, "ACQUIRER_ADMIN");

  it("S1: are made, listed and ended by acquirer admins only, never by a Partner's people", async () => {
    const { id } = await issueAcquirerKey(admin(), { name: "CRM", scopes: ["partners:read"] });
    for (const ctx of [
      asUser(test.services, "ACQUIRER_FINANCE"),
      asUser(test.services, "READ_ONLY"),
      asUser(test.services, "PARTNER_ADMIN", [partner.partner.id]),
      // Whatever a role says: who does not see every Partner has nothing to do with them.
      asUser(test.services, "ACQUIRER_ADMIN", [partner.partner.id]),
    ]) {
      expect(await codeOf(issueAcquirerKey(ctx, { name: "x", scopes: ["partners:read"] }))).toBe("permission_denied");
      expect(await codeOf(rotateAcquirerKey(ctx, { id, overlapHours: 0 }))).toBe("permission_denied");
      expect(await codeOf(revokeAcquirerKey(ctx, id))).toBe("permission_denied");
      expect(await codeOf(listAcquirerKeys(ctx))).toBe("permission_denied");
    }
    expect((await listAcquirerKeys(asUser(test.services, "ACQUIRER_OPERATIONS"))).map((key) => key.id)).toContain(id);
    expect(await codeOf(issueAcquirerKey(admin(), { name: "x", scopes: [] }))).toBe("validation_failed");
    expect(
      await codeOf(issueAcquirerKey(admin(), { name: "x", scopes: ["partners:read"], addresses: ["nowhere"] })),
    ).toBe("validation_failed");
  });

  it("S16: rotate with an overlap, and are in no row, log, list or audit", async () => {
    const { id, key, hint } = await issueAcquirerKey(admin(), { name: "Rotated", scopes: ["partners:read"] });
    expect(key).toMatch(/^tg_test_ak_[0-9A-Za-z]{49}$/);
    expect(hint).toBe(`tg_test_ak_…${key.slice(-4)}`);
    const next = await rotateAcquirerKey(admin(), { id, overlapHours: 1 });
    for (const each of [key, next.key])
      expect((await callRest(rest, "GET", "/api/v1/partners", { key: each })).status).toBe(200);
    const atOnce = await rotateAcquirerKey(admin(), { id: next.id, overlapHours: 0 });
    const fresh = createRest(test.services);
    expect((await callRest(fresh, "GET", "/api/v1/partners", { key: next.key })).status).toBe(401);
    expect((await callRest(fresh, "GET", "/api/v1/partners", { key: atOnce.key })).status).toBe(200);
    await fresh.close();
    await rest.close();
    const stored = await test.services.db.query<{ text: string }>({
      text: `select (select string_agg(k::text, '') from acquirer_keys k) || (select string_agg(a::text, '') from audit_entries a)
        || (select string_agg(l::text, '') from request_log l) as text`,
      values: [],
    });
    for (const each of [key, next.key, atOnce.key]) {
      expect(stored[0]?.text).not.toContain(each.slice(12, -4));
      expect(test.log.join("\n")).not.toContain(each.slice(12, -4));
      expect(JSON.stringify(await listAcquirerKeys(admin()))).not.toContain(each.slice(12, -4));
    }
    expect((await listAcquirerKeys(admin())).find((each) => each.id === atOnce.id)?.lastUsedAt).not.toBeNull();
  });

  it("S1: what they asked stands in the acquirer's request log, in no Partner's", async () => {
    const { id, key } = await makeAcquirerKey(test.services);
    const answer = await callRest(rest, "GET", `/api/v1/partners/${partner.partner.id}`, { key });
    expect(answer.json).toMatchObject({ id: partner.partner.id, object: "partner", status: "operational" });
    await rest.close();
    const found = await listRequests(admin(), { apiKey: id }, { limit: 10 });
    expect(found.items).toMatchObject([
      { apiKeyId: id, apiKeyName: "Back office", partnerName: "Acquirer", status: 200 },
    ]);
    const own = asUser(test.services, "PARTNER_ADMIN", [partner.partner.id]);
    expect((await listRequests(own, { apiKey: id }, { limit: 10 })).items).toEqual([]);
  });

  it("S62: the audit names the key that did it, to the acquirer; to the Partner it is the acquirer's system", async () => {
    const { key } = await makeAcquirerKey(test.services);
    const made = await callRest(rest, "POST", "/api/v1/partners", {
      key,
      body: { name: "Audited", reference: newId("request"), country: "DE", currency: "EUR" },
    });
    expect(made.status, made.text).toBe(201);
    const { id } = (made.json as { partner: { id: string } }).partner;
    const ctx = admin();
    expect((await getPartner(ctx, id)).name).toBe("Audited");
    const named = async (reader: typeof ctx) =>
      new Set((await listAudit(reader, { partner: id }, { limit: 20 })).items.map((item) => item.actorName));
    expect(await named(ctx)).toEqual(new Set(["Back office"]));
    expect(await named(asUser(test.services, "PARTNER_ADMIN", [id]))).toEqual(new Set(["Acquirer system"]));
  });
});
