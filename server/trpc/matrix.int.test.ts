import superjson from "superjson";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cookieName } from "@/server/auth/cookies";
import { PERMISSIONS, type Permission, ROLE_PERMISSIONS, ROLES } from "@/server/auth/permissions";
import { sealToken } from "@/server/auth/session-token";
import { startSession } from "@/server/auth/sessions";
import { newId } from "@/server/core/ids";
import { createRest, type Rest } from "@/server/rest/run";
import { procedures } from "@/server/testing/access-matrix";
import { type Entry, fill, namesIn, readTable } from "@/server/testing/access-table";
import { sessionAs, type TestServices, testServices } from "@/server/testing/context";
import { makePerson } from "@/server/testing/people";
import { callRest } from "@/server/testing/rest";
import { digestOf, ID_NAMES, INSTALLATION, makeTenant, type Tenant, unknownIds } from "@/server/testing/tenants";
import { handleTrpc } from "./handler";
import { createCallerFactory, type TrpcContext, toAppError } from "./init";
import { appRouter } from "./root";

/* The lines of the table of access that are procedures, each cell of them called. */

const LINES = readTable().filter((entry) => entry.kind === "procedure");
const FOUND = new Map(procedures().map((each) => [each.name, each]));
const ORIGIN = "http://localhost:3000";
let test: TestServices;
let rest: Rest;
let ours: Tenant;
let theirs: Tenant;

beforeAll(async () => {
  test = await testServices();
  rest = createRest(test.services);
  ours = await makeTenant(test.services, rest);
  theirs = await makeTenant(test.services, rest);
});
afterAll(async () => {
  await rest.close();
  await test.close();
});

type Outcome = { code: string } | { ok: unknown };
const createCaller = createCallerFactory(appRouter);

/** What one call comes to, by its dotted name. */
async function call(context: TrpcContext, name: string, input: unknown): Promise<Outcome> {
  let at: unknown = createCaller(context);
  for (const step of name.split(".")) at = (at as Record<string, unknown>)[step];
  try {
    return { ok: await (at as (input: unknown) => Promise<unknown>)(input) };
  } catch (error) {
    return { code: toAppError(error).code };
  }
}

function contextOf(session: TrpcContext["session"], mode: "test" | "live" = "test"): TrpcContext {
  return { services: test.services, session, mode, requestId: newId("request"), isOwnOrigin: true };
}

const NEVER = { "no such field": true };
const isRefused = (outcome: Outcome): boolean => "code" in outcome && outcome.code === "permission_denied";

describe("S1, S4: who may call which procedure, as the table has it", () => {
  it.each(LINES.map((entry) => [entry.name, entry] as const))("%s", async (name, entry) => {
    // Nothing that is right is sent: who may enter is refused for the input, whoever may not before anybody looks at it.
    const input = FOUND.get(name)?.inputs.length === 0 ? undefined : NEVER;
    const seen: Record<string, boolean> = {};
    for (const role of ROLES) {
      const partners = role.startsWith("PARTNER") ? [ours.partner.id] : "all";
      seen[role] = !isRefused(await call(contextOf(sessionAs(test.services, role, partners)), name, input));
    }
    expect(seen).toEqual(Object.fromEntries(ROLES.map((role) => [role, entry.roles?.includes(role) ?? false])));
    expect(await call(contextOf(null), name, input)).toEqual({ code: "session_required" });
    if (entry.needs === "-") return;
    // A role that people made: with just this permission, and with all others.
    const made = (permissions: readonly Permission[]) => {
      const session = sessionAs(test.services, "READ_ONLY");
      return contextOf({ ...session, user: { ...session.user, role: newId("role"), permissions } });
    };
    const just = PERMISSIONS.filter((permission) => permission === entry.needs);
    const others = PERMISSIONS.filter((permission) => permission !== entry.needs);
    expect(just).toHaveLength(1);
    expect(isRefused(await call(made(just), name, input))).toBe(false);
    expect(await call(made(others), name, input)).toEqual({ code: "permission_denied" });
  });
});

/** Ends something: tried last, so that what came before still found it. */
const ENDS = /delete|cancel|archive|offboard|suspend|sessions\.end/;
const sampleOf = (entry: Entry, ids: Readonly<Record<string, string>>): unknown =>
  fill(entry.sample, (name) => ids[name] ?? "");
/** The same text whichever ids were asked for. */
function textOf(outcome: Outcome, ids: Readonly<Record<string, string>>): string {
  let text = JSON.stringify(outcome);
  for (const [name, id] of Object.entries(ids)) text = text.replaceAll(id, `$${name}`);
  return text.replace(/req_[0-9A-Z]{26}/g, "req");
}
const tenantLines = LINES.filter((entry) => namesIn(entry.sample).some((name) => !INSTALLATION.includes(name)));

describe("S1, S3: ids of another Partner", () => {
  it.each([
    ["acquirer's people who see one Partner only", "ACQUIRER_ADMIN"],
    ["a Partner's people", "PARTNER_ADMIN"],
  ] as const)("are to %s like ids that nobody has, in every procedure, and nothing changes", async (_, role) => {
    const me = await makePerson(test.services, { role, partners: [ours.partner.id] });
    const context = contextOf(sessionAs(test.services, role, [ours.partner.id], me.id));
    const before = await digestOf(test.services, theirs.partner.id);
    const unknown = unknownIds();
    for (const entry of tenantLines.filter((line) => line.roles?.includes(role))) {
      for (const schema of FOUND.get(entry.name)?.inputs ?? [])
        expect([entry.name, schema.safeParse(sampleOf(entry, theirs.ids)).error?.issues]).toEqual([
          entry.name,
          undefined,
        ]);
      const foreign = await call(context, entry.name, sampleOf(entry, theirs.ids));
      const nowhere = await call(context, entry.name, sampleOf(entry, unknown));
      expect([entry.name, textOf(foreign, theirs.ids)]).toEqual([entry.name, textOf(nowhere, unknown)]);
      for (const mark of theirs.marks)
        expect([entry.name, textOf(foreign, theirs.ids).includes(mark)]).toEqual([entry.name, false]);
      expect([entry.name, foreign]).not.toEqual([entry.name, { code: "internal_error" }]);
    }
    expect(await digestOf(test.services, theirs.partner.id)).toEqual(before);
  });

  it("while one's own ids are answered with something else: the tests above do ask for the right thing", async () => {
    const me = await makePerson(test.services, { role: "ACQUIRER_ADMIN", partners: [ours.partner.id] });
    const session = await startSession(test.services.db, test.services, {
      userId: me.id,
      address: null,
      userAgent: null,
      replaces: null,
    });
    const context = contextOf(sessionAs(test.services, "ACQUIRER_ADMIN", [ours.partner.id], me.id));
    const ids = { ...ours.ids, session: session.id };
    const unknown = unknownIds();
    const lines = tenantLines.toSorted((a, b) => Number(ENDS.test(a.name)) - Number(ENDS.test(b.name)));
    const alike: string[] = [];
    // What belongs to those of the acquirer's people alone who see every Partner.
    const whole = contextOf(sessionAs(test.services, "ACQUIRER_ADMIN"));
    const ask = async (entry: Entry, from: Readonly<Record<string, string>>): Promise<string> => {
      const outcome = await call(context, entry.name, sampleOf(entry, from));
      return textOf(isRefused(outcome) ? await call(whole, entry.name, sampleOf(entry, from)) : outcome, from);
    };
    for (const entry of lines) {
      const nowhere = await ask(entry, unknown);
      const own = await ask(entry, ids);
      if (own === nowhere || own.includes("internal_error")) alike.push(`${entry.name}: ${own}`);
    }
    expect(alike).toEqual([]);
  });

  it("every list that is asked for without a filter holds rows of one's own Partner and mode only", async () => {
    const live = await makeTenant(test.services, rest, { mode: "live" });
    for (const role of ["ACQUIRER_ADMIN", "PARTNER_ADMIN", "PARTNER_STAFF"] as const) {
      const context = contextOf(sessionAs(test.services, role, [ours.partner.id]));
      for (const entry of LINES.filter((line) => FOUND.get(line.name)?.type === "query")) {
        const answer = JSON.stringify(
          await call(context, entry.name, FOUND.get(entry.name)?.inputs.length ? {} : undefined),
        );
        for (const mark of [...theirs.marks, ...live.marks])
          expect([role, entry.name, answer.includes(mark)]).toEqual([role, entry.name, false]);
      }
    }
  });
});

describe("S5: over-posting", () => {
  it("fields that nobody declared are refused by every procedure, by name or as a prototype", async () => {
    const context = contextOf(sessionAs(test.services, "ACQUIRER_ADMIN"));
    const ids = unknownIds();
    for (const entry of LINES.filter((line) => (FOUND.get(line.name)?.inputs.length ?? 0) > 0)) {
      const sample = sampleOf(entry, ids) as Record<string, unknown>;
      for (const [field, value] of [
        ["partnerId", theirs.partner.id],
        ["state", "OPERATIONAL"],
        ["role", "ACQUIRER_ADMIN"],
        ["constructor", { prototype: { planted: true } }],
      ] as const) {
        if (field in sample && Object.hasOwn(sample, field)) continue;
        const outcome = await call(context, entry.name, { ...sample, [field]: value });
        expect([entry.name, field, outcome]).toEqual([entry.name, field, { code: "validation_failed" }]);
      }
      const planted = JSON.parse(
        `${JSON.stringify(sample).slice(0, -1)}${Object.keys(sample).length > 0 ? "," : ""}"__proto__":{"planted":true}}`,
      );
      await call(contextOf(null), entry.name, planted);
    }
    expect(Reflect.get({}, "planted")).toBeUndefined();
  });

  it("nothing sent over HTTP reaches a prototype", async () => {
    const cookie = await cookieFor((await makePerson(test.services, { role: "ACQUIRER_ADMIN" })).id);
    for (const json of [
      '{"json":{"id":"x"},"meta":{"values":{"__proto__.planted":["Date"]}}}',
      '{"json":{"__proto__":{"planted":true}}}',
      '{"json":{"a":1},"meta":{"values":{"constructor.prototype.planted":["Date"]},"referentialEqualities":{"a":["__proto__.planted"]}}}',
    ]) {
      const answer = await handleTrpc(
        new Request(`${ORIGIN}/api/trpc/me.sessions.end`, {
          method: "POST",
          headers: { "content-type": "application/json", origin: ORIGIN, cookie },
          body: json,
        }),
        test.services,
      );
      expect(answer.status).toBe(400);
    }
    expect(Reflect.get({}, "planted")).toBeUndefined();
  });
});

async function cookieFor(userId: string, level?: "CODE_DUE" | "ENROLMENT_DUE"): Promise<string> {
  const session = await startSession(test.services.db, test.services, {
    userId,
    address: null,
    userAgent: null,
    replaces: null,
    ...(level ? { level } : {}),
  });
  return `${cookieName(test.services.env, "session")}=${await sealToken(test.services, session.token)}`;
}
const statusOf = async (path: string, cookie: string, body?: unknown): Promise<number> => {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(superjson.serialize(body)) };
  const headers = { cookie, origin: ORIGIN, "content-type": "application/json" };
  const input = body === undefined ? `?input=${encodeURIComponent('{"json":{}}')}` : "";
  return (await handleTrpc(new Request(`${ORIGIN}/api/trpc/${path}${input}`, { headers, ...init }), test.services))
    .status;
};

it("S12: somebody who has given one of two factors reaches no procedure at all", async () => {
  const person = await makePerson(test.services, { role: "ACQUIRER_ADMIN" });
  const whole = await cookieFor(person.id);
  for (const level of ["CODE_DUE", "ENROLMENT_DUE"] as const) {
    const cookie = await cookieFor(person.id, level);
    for (const { name, type } of FOUND.values())
      expect([name, await statusOf(name, cookie, type === "mutation" ? {} : undefined)]).toEqual([name, 401]);
  }
  expect(await statusOf("me.get", whole)).toBe(200);
});

it("S4: a change of a role, of a person's role, of their Partners counts from the next request", async () => {
  const { db } = test.services;
  const role = newId("role");
  await db.query({
    text: "insert into roles (id, name, audience, permissions) values ($1, 'Changing', 'ACQUIRER', $2)",
    values: [role, ["sessions:own"]],
  });
  const person = await makePerson(test.services, { role });
  const cookie = await cookieFor(person.id);
  expect(await statusOf("stores.list", cookie)).toBe(403);
  const grant = (permissions: string[]) =>
    db.query({ text: "update roles set permissions = $2 where id = $1", values: [role, permissions] });
  await grant(["sessions:own", "stores:read"]);
  expect(await statusOf("stores.list", cookie)).toBe(200);
  await grant(["sessions:own"]);
  expect(await statusOf("stores.list", cookie)).toBe(403);
  const become = (name: string) =>
    db.query({ text: "update users set role = $2 where id = $1", values: [person.id, name] });
  await become("READ_ONLY");
  expect(await statusOf("stores.list", cookie)).toBe(200);
  expect(await statusOf("partners.suspend", cookie, { partner: ours.partner.id, reason: "Not mine" })).toBe(403);
  await become("PARTNER_STAFF");
  expect(await statusOf("terminals.list", cookie)).toBe(200);
  const seen = async () => {
    const headers = { cookie };
    return (
      await handleTrpc(
        new Request(`${ORIGIN}/api/trpc/stores.list?input=${encodeURIComponent('{"json":{}}')}`, { headers }),
        test.services,
      )
    ).text();
  };
  expect(await seen()).not.toContain(ours.ids.store);
  await db.query({
    text: "insert into user_partners (user_id, partner_id) values ($1, $2)",
    values: [person.id, ours.partner.id],
  });
  expect(await seen()).toContain(ours.ids.store);
  await db.query({ text: "delete from user_partners where user_id = $1", values: [person.id] });
  expect(await seen()).not.toContain(ours.ids.store);
  await db.query({ text: "update users set state = 'DISABLED' where id = $1", values: [person.id] });
  expect(await statusOf("me.get", cookie)).toBe(401);
});

it("S4: a role of a Partner's people never holds what is the acquirer's, whatever its row says", async () => {
  const role = newId("role");
  await test.services.db.query({
    text: "insert into roles (id, name, audience, partner_id, permissions) values ($1, 'Too much', 'PARTNER', $2, $3)",
    values: [role, ours.partner.id, [...PERMISSIONS, "no:such", "__proto__"]],
  });
  const person = await makePerson(test.services, { role, partners: [ours.partner.id] });
  const cookie = await cookieFor(person.id);
  const before = await digestOf(test.services, theirs.partner.id);
  for (const entry of LINES.filter(
    (line) =>
      line.roles !== null &&
      !line.who.includes("P") &&
      line.needs !== "-" &&
      !ROLE_PERMISSIONS.PARTNER_ADMIN.some((own) => own === line.needs),
  ))
    expect([
      entry.name,
      await statusOf(entry.name, cookie, FOUND.get(entry.name)?.type === "mutation" ? {} : undefined),
    ]).toEqual([entry.name, 403]);
  expect(await digestOf(test.services, theirs.partner.id)).toEqual(before);
});

it("S2: 1,000 mixed requests at once on one pool never cross Partners or modes", async () => {
  const live = await makeTenant(test.services, rest, { mode: "live" });
  const tenants = [ours, theirs, live];
  const reads = LINES.filter(
    (entry) => FOUND.get(entry.name)?.type === "query" && entry.sample !== null && entry.who.includes("P"),
  );
  const paths = ["payments", "stores", "terminals", "webhook-endpoints", "events"];
  const wrong: string[] = [];
  let rows = 0;
  const one = async (at: number): Promise<void> => {
    const tenant = tenants[at % tenants.length] ?? ours;
    const others = tenants.filter((other) => other !== tenant);
    let [what, text] = ["", ""];
    if (at % 2 === 0) {
      what = paths[at % paths.length] ?? "";
      text = (await callRest(rest, "GET", `/api/v1/${what}`, { key: tenant.apiKey })).text;
    } else {
      const entry = reads[at % reads.length];
      what = entry?.name ?? "";
      const context = contextOf(sessionAs(test.services, "PARTNER_ADMIN", [tenant.partner.id]), tenant.mode);
      text = JSON.stringify(await call(context, what, entry ? sampleOf(entry, tenant.ids) : {}));
    }
    if (text.includes(tenant.partner.id) || tenant.marks.some((mark) => text.includes(mark))) rows += 1;
    for (const other of others)
      if (other.marks.some((mark) => text.includes(mark)))
        wrong.push(`${what} of ${tenant.mode} ${tenant.partner.name}`);
  };
  await Promise.all(Array.from({ length: 1_000 }, (_, at) => one(at)));
  expect(wrong).toEqual([]);
  expect(rows).toBeGreaterThan(700);
});

it("the names of ids that the table may use are all made", () => {
  for (const name of ID_NAMES) expect(ours.ids).toHaveProperty([name]);
});
