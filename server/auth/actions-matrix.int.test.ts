import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ROOT } from "@/server/boot/settings";
import { newId } from "@/server/core/ids";
import { createRest, type Rest } from "@/server/rest/run";
import { type Entry, fill, namesIn, readTable } from "@/server/testing/access-table";
import { type TestServices, testServices } from "@/server/testing/context";
import { browser } from "@/server/testing/next-browser";
import { makePerson } from "@/server/testing/people";
import { digestOf, INSTALLATION, makeTenant, type Tenant, unknownIds } from "@/server/testing/tenants";
import { cookieName } from "./cookies";
import { PERMISSIONS, type Permission, ROLES } from "./permissions";
import { sealToken } from "./session-token";
import { type SessionLevel, startSession } from "./sessions";

/* The lines of the table of access that are server actions, each cell of them called with a session of its own. */

vi.mock("next/headers", async () => (await import("@/server/testing/next-browser")).nextHeaders);
vi.mock("next/cache", () => ({ revalidatePath: () => undefined, revalidateTag: () => undefined }));

const LINES = readTable().filter((entry) => entry.kind === "action");
/** Those for people who are signed in; the others are for everybody or for the second factor's pages. */
const CLOSED = LINES.filter((entry) => entry.roles !== null);
const ORIGIN = "http://localhost:3000";
let test: TestServices;
let rest: Rest;
let ours: Tenant;
let theirs: Tenant;

beforeAll(async () => {
  test = await testServices();
  // What the web process shares (server/auth/web.ts) are this test's services.
  Reflect.set(globalThis, Symbol.for("tillgate.web.services"), test.services);
  rest = createRest(test.services);
  ours = await makeTenant(test.services, rest);
  theirs = await makeTenant(test.services, rest);
  await Promise.all(LINES.map((entry) => actionOf(entry).catch(() => null)));
});
afterAll(async () => {
  await rest.close();
  await test.close();
});

async function actionOf(entry: Entry): Promise<(...args: unknown[]) => Promise<unknown>> {
  const [file = "", name = ""] = entry.name.split("#");
  const module: Record<string, unknown> = await import(pathToFileURL(path.join(ROOT, `${file}.ts`)).href);
  const found = module[name];
  if (typeof found !== "function") throw new Error(`${entry.name} is no function`);
  return found as (...args: unknown[]) => Promise<unknown>;
}

/** Who holds the browser: a person's session, or nobody. */
type Holder = { token: string } | null;

async function personAs(
  role: string,
  partners: readonly string[] = [],
  level?: SessionLevel,
): Promise<{ token: string; userId: string; sessionId: string }> {
  const person = await makePerson(test.services, { role, partners });
  const session = await startSession(test.services.db, test.services, {
    userId: person.id,
    address: null,
    userAgent: null,
    replaces: null,
    ...(level ? { level } : {}),
  });
  return { token: session.token, userId: person.id, sessionId: session.id };
}

/** What the action answers, as JSON; how Next would go on when it redirects. */
async function act(
  holder: Holder,
  entry: Entry,
  args: readonly unknown[],
  origin: string | null = ORIGIN,
): Promise<string> {
  browser.cookies.clear();
  if (holder)
    browser.cookies.set(cookieName(test.services.env, "session"), await sealToken(test.services, holder.token));
  browser.headers = new Headers(origin === null ? {} : { origin, "sec-fetch-site": "same-origin" });
  const run = await actionOf(entry);
  try {
    return JSON.stringify(await run(...args)) ?? "undefined";
  } catch (error) {
    if (error instanceof Error && "digest" in error) return `next: ${String(error.digest)}`;
    throw error;
  }
}
const isRefused = (answer: string): boolean => answer.includes('"code":"permission_denied"');
/** Not signed in. A search that may not be made finds nothing. */
const isShut = (answer: string): boolean => answer.includes('"code":"session_required"') || answer === "[]";
const argsOf = (entry: Entry, ids: Readonly<Record<string, string>>): unknown[] => {
  const args = fill(entry.sample ?? [], (name) => ids[name] ?? "");
  if (!Array.isArray(args)) throw new Error(`the sample of ${entry.name} is no list of arguments`);
  return args;
};
/** Arguments that nothing can be done with, so that those who may do nothing either. */
const NOTHING = ["no such thing", "no such thing", "no such thing"];

describe("S1, S4: who may call which server action, as the table has it", () => {
  const people = new Map<string, Promise<Holder>>();
  const once = (key: string, make: () => Promise<Holder>): Promise<Holder> => {
    const known = people.get(key) ?? make();
    people.set(key, known);
    return known;
  };
  const asRole = (role: string) =>
    once(role, () => personAs(role, role.startsWith("PARTNER") ? [ours.partner.id] : []));
  const asMade = (permissions: readonly Permission[], key: string) =>
    once(key, async () => {
      const role = newId("role");
      await test.services.db.query({
        text: "insert into roles (id, name, audience, permissions) values ($1, $2, 'ACQUIRER', $3)",
        values: [role, role, permissions],
      });
      return personAs(role);
    });
  const isSearch = (entry: Entry): boolean => entry.name.endsWith("#searchAction");

  it.each(CLOSED.filter((entry) => !isSearch(entry)).map((entry) => [entry.name, entry] as const))(
    "%s",
    async (_, entry) => {
      const seen: Record<string, boolean> = {};
      for (const role of ROLES) {
        const answer = await act(await asRole(role), entry, NOTHING);
        expect([role, isShut(answer)]).toEqual([role, false]);
        seen[role] = !isRefused(answer);
      }
      expect(seen).toEqual(Object.fromEntries(ROLES.map((role) => [role, entry.roles?.includes(role) ?? false])));
      // What may be written may be read: some changes begin with a look.
      const just = await asMade(
        PERMISSIONS.filter(
          (permission) => permission === entry.needs || permission === entry.needs.replace(/:\w+$/, ":read"),
        ),
        `just ${entry.needs}`,
      );
      const others = await asMade(
        PERMISSIONS.filter((permission) => permission !== entry.needs),
        `not ${entry.needs}`,
      );
      expect(isRefused(await act(just, entry, NOTHING))).toBe(false);
      expect(isRefused(await act(others, entry, NOTHING))).toBe(true);
    },
  );

  it("S12: nobody, and nobody who has given one of two factors, gets past any of them", async () => {
    const holders: [string, Holder][] = [
      ["nobody", null],
      ["a wrong token", { token: "A".repeat(43) }],
      ["a code is due", await personAs("ACQUIRER_ADMIN", [], "CODE_DUE")],
      ["a second factor is due", await personAs("ACQUIRER_ADMIN", [], "ENROLMENT_DUE")],
    ];
    for (const [who, holder] of holders)
      for (const entry of CLOSED)
        expect([who, entry.name, isShut(await act(holder, entry, argsOf(entry, ours.ids)))]).toEqual([
          who,
          entry.name,
          true,
        ]);
  });

  it("S20: none that changes something does so for a request from elsewhere", async () => {
    const me = await personAs("ACQUIRER_ADMIN");
    for (const entry of CLOSED.filter((line) => !isSearch(line)))
      for (const origin of [null, "null", "https://evil.example"])
        expect([entry.name, await act(me, entry, argsOf(entry, ours.ids), origin)]).toEqual([
          entry.name,
          expect.stringContaining('"code":"origin_refused"'),
        ]);
  });
});

/** The same text whichever ids were asked for. */
function plain(answer: string, ids: Readonly<Record<string, string>>): string {
  let text = answer;
  for (const [name, id] of Object.entries(ids)) text = text.replaceAll(id, `$${name}`);
  return text.replace(/req_[0-9A-Z]{26}/g, "req");
}
const TENANT_LINES = CLOSED.filter((entry) => namesIn(entry.sample).some((name) => !INSTALLATION.includes(name)));
/** Ends something: tried last, so that what came before still found it. */
const ENDS =
  /#(delete|revoke|cancel|archive|offboard|suspend|disable|withdraw|endSession|decide|setArchived|checkDrift)/;

describe("S1, S3: ids of another Partner", () => {
  const tied = async () => {
    const role = newId("role");
    await test.services.db.query({
      text: "insert into roles (id, name, audience, permissions) values ($1, $1, 'ACQUIRER', $2)",
      values: [role, PERMISSIONS],
    });
    return personAs(role, [ours.partner.id]);
  };

  it.each([
    ["acquirer's people with every right who are tied to one Partner", "every right"],
    ["a Partner's people", "PARTNER_ADMIN"],
  ] as const)("are to %s like ids that nobody has, in every action, and nothing changes", async (_, role) => {
    const me = await (role === "PARTNER_ADMIN" ? personAs(role, [ours.partner.id]) : tied());
    const unknown = unknownIds();
    const before = await digestOf(test.services, theirs.partner.id);
    const different: string[] = [];
    for (const entry of TENANT_LINES.filter((line) => role !== "PARTNER_ADMIN" || line.roles?.includes(role))) {
      const foreign = plain(await act(me, entry, argsOf(entry, theirs.ids)), theirs.ids);
      const nowhere = plain(await act(me, entry, argsOf(entry, unknown)), unknown);
      if (foreign !== nowhere) different.push(`${entry.name}: ${foreign} but ${nowhere}`);
      if (foreign.includes("internal_error")) different.push(`${entry.name}: ${foreign}`);
      if (theirs.marks.some((mark) => foreign.includes(mark)))
        different.push(`${entry.name} tells of them: ${foreign}`);
    }
    expect(different).toEqual([]);
    expect(await digestOf(test.services, theirs.partner.id)).toEqual(before);
  });

  it("while one's own ids are answered with something else: the tests above do ask for the right thing", async () => {
    const me = await tied();
    // Only who asked may take a request back or fetch what it was for.
    const approval = newId("approval");
    await test.services.db.query({
      text: `insert into approvals (id, partner_id, mode, kind, state, subject_kind, subject_id, payload, payload_hash, summary, requested_by, expires_at)
        select $1, partner_id, mode, kind, state, subject_kind, subject_id, payload, $1, summary, $2, expires_at from approvals where id = $3`,
      values: [approval, me.userId, ours.ids.approval],
    });
    const whole = await personAs("ACQUIRER_ADMIN");
    const session = await startSession(test.services.db, test.services, {
      userId: me.userId,
      address: null,
      userAgent: null,
      replaces: null,
    });
    const own: Record<string, string> = { ...ours.ids, session: session.id, approval };
    const unknown = unknownIds();
    const ask = async (entry: Entry, ids: Readonly<Record<string, string>>): Promise<string> => {
      const answer = await act(me, entry, argsOf(entry, ids));
      return plain(isRefused(answer) ? await act(whole, entry, argsOf(entry, ids)) : answer, ids);
    };
    const alike: string[] = [];
    for (const entry of TENANT_LINES.toSorted((a, b) => Number(ENDS.test(a.name)) - Number(ENDS.test(b.name)))) {
      const nowhere = await ask(entry, unknown);
      const found = await ask(entry, own);
      if (found === nowhere || found.includes("internal_error")) alike.push(`${entry.name}: ${found}`);
    }
    expect(alike).toEqual([]);
  });
});

// Last: with an id of one's own some of them do something.
describe("arguments of another type", () => {
  const ODD: readonly unknown[] = [
    undefined,
    null,
    42,
    true,
    "text",
    [],
    {},
    [null],
    { id: 7 },
    { toString: 1 },
    ["a", { b: [] }],
  ];
  const open = LINES.filter((entry) => entry.roles === null);

  it.each([...CLOSED, ...open].map((entry) => [entry.name, entry] as const))(
    "are a refusal to %s, not a failure of ours",
    async (_, entry) => {
      const me = entry.roles === null ? null : await personAs("ACQUIRER_ADMIN");
      const failed: string[] = [];
      for (const odd of ODD)
        for (const args of [[odd], [odd, odd, odd], [ours.partner.id, odd, odd]]) {
          const said = await act(me, entry, args).catch((error: unknown) => `threw ${String(error)}`);
          if (/internal_error|^threw/.test(said)) failed.push(`${JSON.stringify(args)}: ${said.slice(0, 200)}`);
        }
      expect(failed).toEqual([]);
    },
  );
});
