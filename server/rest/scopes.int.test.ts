import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rotateAcquirerKey } from "@/server/auth/acquirer-keys";
import { issueApiKey, rotateApiKey } from "@/server/auth/api-keys";
import {
  ACQUIRER_SCOPE_NAMES,
  ACQUIRER_SCOPES,
  API_SCOPE_NAMES,
  API_SCOPES,
  isAcquirerScope,
  isApiScope,
  type Permission,
} from "@/server/auth/permissions";
import { type IdKind, newId } from "@/server/core/ids";
import { addMs, HOUR_MS } from "@/server/core/time";
import { readTable } from "@/server/testing/access-table";
import { asSystem, type BuiltPartner, makePartner } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { callRest, makeAcquirerKey, makeKey, type RestAnswer } from "@/server/testing/rest";
import type { Endpoint } from "./endpoint";
import { ENDPOINTS } from "./endpoints";
import { createRest, type Rest } from "./run";

/* The lines of the table of access that are endpoints: each with a key of every single scope, of both kinds of keys. */

const LINES = new Map(
  readTable()
    .filter((entry) => entry.kind === "endpoint")
    .map((entry) => [entry.name, entry]),
);
const CLOSED = ENDPOINTS.filter((endpoint) => endpoint.access !== "public");
let test: TestServices;
let rest: Rest;
let own: BuiltPartner;
let other: BuiltPartner;
const single = { key: new Map<string, string>(), acquirer_key: new Map<string, string>() };

beforeAll(async () => {
  test = await testServices({ simulator: false });
  rest = createRest(test.services);
  own = await makePartner(test.services);
  other = await makePartner(test.services);
  for (const scope of API_SCOPE_NAMES)
    single.key.set(scope, (await makeKey(test.services, own.partner.id, { scopes: [scope] })).key);
  for (const scope of ACQUIRER_SCOPE_NAMES)
    single.acquirer_key.set(scope, (await makeAcquirerKey(test.services, { scopes: [scope] })).key);
});
afterAll(async () => {
  await rest.close();
  await test.close();
});

const codeOf = (answer: RestAnswer): unknown => (answer.json as { code?: unknown } | null)?.code;
/** Asked for with a body that nobody can take: only who may come in learns that it is wrong, and nothing happens. */
const call = (endpoint: Endpoint, key: string): Promise<RestAnswer> =>
  callRest(rest, endpoint.method, endpoint.path.replaceAll(/\{\w+\}/g, newId("payment")), {
    key,
    ...(endpoint.hasBody ? { body: { "no such field": true } } : {}),
  });

describe("S1, S16: what a key of each single scope opens, as the table has it", () => {
  it.each(CLOSED.map((endpoint) => [endpoint.operation, endpoint] as const))("%s", async (name, endpoint) => {
    const line = LINES.get(name);
    expect([line?.who, line?.needs]).toEqual([endpoint.access, endpoint.scope ?? "-"]);
    const isAcquirers = line?.who === "acquirer_key";
    const needs = line?.needs ?? "";
    const needed: readonly Permission[] = isAcquirers
      ? ACQUIRER_SCOPES[isAcquirerScope(needs) ? needs : "partners:read"]
      : API_SCOPES[isApiScope(needs) ? needs : "payments:read"];
    for (const [scope, key] of single.key) {
      const answer = await call(endpoint, key);
      const grants: readonly Permission[] = isApiScope(scope) ? API_SCOPES[scope] : [];
      if (isAcquirers) expect([scope, answer.status, codeOf(answer)]).toEqual([scope, 404, "not_found"]);
      else if (needed.every((permission) => grants.includes(permission)))
        expect([scope, answer.status]).not.toEqual([scope, 403]);
      else expect([scope, answer.status, codeOf(answer)]).toEqual([scope, 403, "scope_missing"]);
    }
    for (const [scope, key] of single.acquirer_key) {
      const answer = await call(endpoint, key);
      const grants: readonly Permission[] = isAcquirerScope(scope) ? ACQUIRER_SCOPES[scope] : [];
      if (isAcquirers && needed.every((permission) => grants.includes(permission)))
        expect([scope, answer.status]).not.toEqual([scope, 403]);
      else expect([scope, answer.status, codeOf(answer)]).toEqual([scope, 403, "scope_missing"]);
    }
  });
});

it("S3: ten thousand guessed ids, another Partner's among them, are answered with one and the same 404", async () => {
  const records: [string, IdKind, string[]][] = [
    ["payments", "payment", []],
    ["stores", "store", [other.store.id]],
    ["terminals", "terminal", [other.terminal.id]],
    ["webhook-endpoints", "webhookEndpoint", []],
    ["events", "event", []],
  ];
  for (const [path, kind, foreign] of records) {
    const told = new Set<string>();
    const ids = [...foreign, ...Array.from({ length: 2_000 }, (_, at) => newId(kind, at * 1_000_003))];
    // In groups, each with a key of its own, so that the limit of requests a second is not what answers.
    for (let at = 0; at < ids.length; at += 100) {
      const { key } = await makeKey(test.services, own.partner.id);
      await Promise.all(
        ids.slice(at, at + 100).map(async (id) => {
          const { status, text } = await callRest(rest, "GET", `/api/v1/${path}/${id}`, { key });
          told.add(`${status} ${text.replace(/req_[0-9A-Z]{26}/, "req").replaceAll(id, "id")}`);
        }),
      );
    }
    expect(told.size, [...told].join("\n")).toBe(1);
    expect([...told][0]).toMatch(/^404 /);
  }
});

it("S16: a rotation never lengthens the life of the key before, of a Partner's nor of the acquirer's", async () => {
  const soon = addMs(test.clock.now(), HOUR_MS);
  const old = await makeKey(test.services, own.partner.id, { expiresAt: soon });
  const back = await makeAcquirerKey(test.services, { expiresAt: soon });
  await rotateApiKey(asSystem(test.services), { id: old.id, overlapHours: 168 });
  await rotateAcquirerKey(asSystem(test.services), { id: back.id, overlapHours: 168 });
  const rows = await test.services.db.query<{ end: Date }>({
    text: `select expires_at as "end" from api_keys where id = $1 union all select expires_at from acquirer_keys where id = $2`,
    values: [old.id, back.id],
  });
  expect(rows.map((row) => row.end)).toEqual([soon, soon]);
});

it("S16: a key of another Partner is not ended by the rotation of one's own", async () => {
  const foreign = await makeKey(test.services, other.partner.id);
  const made = issueApiKey(asSystem(test.services), {
    ...{ partnerId: own.partner.id, name: "Till", scopes: ["payments:read"] },
    replaces: { id: foreign.id, overlapHours: 0 },
  });
  await expect(made).rejects.toMatchObject({ code: "not_found" });
  expect((await callRest(rest, "GET", "/api/v1/payments", { key: foreign.key })).status).toBe(200);
});

it("S16: after a rotation both keys work for the hours that were chosen, the new one alone when none were", async () => {
  const works = async (key: string): Promise<number> =>
    (await callRest(rest, "GET", "/api/v1/payments", { key })).status;
  const old = await makeKey(test.services, own.partner.id);
  const made = await rotateApiKey(asSystem(test.services), { id: old.id, overlapHours: 24 });
  if (made.kind !== "key") throw new Error("a key was not made");
  expect([await works(old.key), await works(made.key)]).toEqual([200, 200]);
  const next = await rotateApiKey(asSystem(test.services), { id: made.id, overlapHours: 0 });
  if (next.kind !== "key") throw new Error("a key was not made");
  await expect.poll(() => works(made.key), { interval: 50, timeout: 5_000 }).toBe(401);
  expect(await works(next.key)).toBe(200);
  const rows = await test.services.db.query<{ text: string }>({
    text: "select string_agg(k::text, '') || (select string_agg(a::text, '') from audit_entries a) as text from api_keys k",
    values: [],
  });
  for (const secret of [old.key, made.key, next.key]) expect(rows[0]?.text).not.toContain(secret.slice(12, -4));
});
