import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ROOT } from "@/server/boot/settings";
import { createContext, type ServiceContext } from "@/server/context";
import { newId } from "@/server/core/ids";
import { MINUTE_MS } from "@/server/core/time";
import { checkChain, sealAudit } from "@/server/domain/audit/service";
import { disablePerson } from "@/server/domain/people/service";
import { changeStore } from "@/server/domain/stores/service";
import { type Entry, readTable } from "@/server/testing/access-table";
import { makePartner } from "@/server/testing/builders";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { browser } from "@/server/testing/next-browser";
import { asPerson, type BuiltPerson, makePerson } from "@/server/testing/people";
import { createCallerFactory, type TrpcContext, toAppError } from "@/server/trpc/init";
import { appRouter } from "@/server/trpc/root";
import { cookieName } from "./cookies";
import { startImpersonation, stopImpersonation } from "./impersonation";
import { endOwnSessions, listSessionsOf } from "./own-sessions";
import { IMPERSONATION_PERMISSIONS, isPermission, type Permission, ROLE_PERMISSIONS } from "./permissions";
import { sealToken } from "./session-token";
import { actorOf, confirmSession, findSession, startSession, type WebSession } from "./sessions";
import { signOut } from "./sign-in";

vi.mock("next/headers", async () => (await import("@/server/testing/next-browser")).nextHeaders);
vi.mock("next/cache", () => ({ revalidatePath: () => undefined, revalidateTag: () => undefined }));

const ORIGIN = "http://localhost:3000";
const REASON = "They cannot find their store";
const FROM = { address: "198.51.100.7", userAgent: "Support" };
let test: TestServices;
let ours: string;
let store: string;
let others: string;

beforeAll(async () => {
  test = await testServices({ clock: "movable" });
  Reflect.set(globalThis, Symbol.for("tillgate.web.services"), test.services);
  const built = await makePartner(test.services);
  ours = built.partner.id;
  store = built.store.id;
  others = (await makePartner(test.services)).partner.id;
});
afterAll(() => test.close());

type Begun = { person: BuiltPerson; token: string; session: WebSession; ctx: ServiceContext };

const contextOf = (session: WebSession): ServiceContext =>
  createContext(test.services, {
    actor: actorOf(session),
    scope: { partners: session.partners, mode: "test" },
    way: "SCREEN",
  });

async function sessionOf(token: string): Promise<WebSession> {
  const session = await findSession(test.services, token);
  if (!session) throw new Error("the session has ended");
  return session;
}

async function signedIn(role = "ACQUIRER_OPERATIONS", partners: readonly string[] = []): Promise<Begun> {
  const person = await makePerson(test.services, { role, partners });
  const { token } = await startSession(test.services.db, test.services, {
    userId: person.id,
    address: null,
    userAgent: null,
    replaces: null,
  });
  const session = await sessionOf(token);
  return { person, token, session, ctx: contextOf(session) };
}

const begin = (from: Begun, target: { id: string }, reason: unknown = REASON) =>
  startImpersonation(from.ctx, from.session, target.id, { reason, browser: FROM });

/** Somebody of operations who views as an admin of our Partner. */
async function viewing(target?: BuiltPerson): Promise<{ own: Begun; seen: BuiltPerson; token: string }> {
  const own = await signedIn();
  const seen = target ?? (await makePerson(test.services, { role: "PARTNER_ADMIN", partners: [ours] }));
  const { token } = await begin(own, seen);
  return { own, seen, token };
}

async function audit(
  subject: string,
): Promise<{ action: string; actor: string; partner: string | null; after: unknown }[]> {
  return test.services.db.query({
    text: `select action, actor_id as actor, partner_id as partner, after from audit_entries where subject_id = $1 order by position`,
    values: [subject],
  });
}
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "none",
    (error: unknown) => toAppError(error).code,
  );

describe("S17: one of the acquirer's people views as a Partner's person", () => {
  it("S17: sees what that person sees, for half an hour at most, in a session with a token of its own", async () => {
    const { own, seen, token } = await viewing();
    expect(token).not.toBe(own.token);
    const session = await sessionOf(token);
    expect(session.user.id).toBe(seen.id);
    expect(session.partners).toEqual([ours]);
    expect(session.impersonation).toEqual({
      by: { id: own.person.id, name: own.person.name },
      reason: REASON,
      ownSessionId: own.session.id,
    });
    expect(session.confirmedAt).toBeNull();
    expect(session.expiresAt.getTime() - test.clock.now().getTime()).toBe(30 * MINUTE_MS);
    for (let minute = 0; minute < 29; minute += 1) {
      test.clock.advance(MINUTE_MS);
      await sessionOf(token);
    }
    test.clock.advance(MINUTE_MS);
    expect(await findSession(test.services, token)).toBeNull();
  });

  it("S17: goes back to one's own session with a new token; the old ones are worth nothing", async () => {
    const { own, seen, token } = await viewing();
    test.clock.advance(29 * MINUTE_MS);
    await sessionOf(token);
    const back = await stopImpersonation(test.services, token);
    expect(back?.seen).toBe(seen.id);
    const after = await sessionOf(back?.token ?? "");
    expect([after.id, after.user.id, after.impersonation]).toEqual([own.session.id, own.person.id, null]);
    expect(await findSession(test.services, token)).toBeNull();
    expect(await findSession(test.services, own.token)).toBeNull();
    expect(await stopImpersonation(test.services, token)).toBeNull();
    expect(await stopImpersonation(test.services, back?.token ?? "")).toBeNull();
    await sessionOf(back?.token ?? "");
  });

  it("S17: is audited from start to stop, every entry naming both, and the chain holds", async () => {
    const { own, seen, token } = await viewing();
    const session = await sessionOf(token);
    await changeStore(contextOf(session), store, { name: "Corrected" });
    await stopImpersonation(test.services, token);
    const both = { acting_as: { id: seen.id, name: seen.name } };
    expect(await audit(seen.id)).toMatchObject([
      { action: "impersonation.started", actor: own.person.id, partner: ours, after: { reason: REASON } },
      { action: "impersonation.stopped", actor: own.person.id, partner: ours, after: both },
    ]);
    const [change] = (await audit(store)).slice(-1);
    expect(change).toMatchObject({ actor: own.person.id, partner: ours, after: { name: "Corrected", ...both } });
    await sealAudit(test.services);
    expect((await checkChain(test.services, "test")).problems).toEqual([]);
  });

  it("S17: the person hears of it by mail, with the reason and without the name of the staff", async () => {
    const { own, seen } = await viewing();
    const mails = await test.services.db.query<{ id: string; kind: string; partner_id: string; body_secret: string }>({
      text: "select id, kind, partner_id, body_secret from mails where to_address = $1",
      values: [seen.email],
    });
    expect(mails.map((mail) => [mail.kind, mail.partner_id])).toEqual([["impersonation_started", ours]]);
    const [mail] = mails;
    const text = test.services.secrets.open(mail?.body_secret ?? "", `mails|body_secret|${mail?.id}|${ours}`);
    expect(text).toContain(REASON);
    expect(text).not.toContain(own.person.name);
    expect(text).not.toContain(own.person.email);
  });
});

describe("S17: credentials stay out of reach", () => {
  /** What makes, shows or changes a credential, moves money, or decides. */
  const NEVER: readonly Permission[] = [
    "payments:create",
    "payments:void",
    "payments:capture",
    "payments:refund",
    "partners:draft",
    "partners:write",
    "terminals:write",
    "api_keys:write",
    "webhooks:write",
    "users:write",
    "users:impersonate",
    "roles:write",
    "approvals:decide",
    "credentials:read",
    "credentials:write",
    "portal:open",
    "mails:read",
    "settings:write",
    "sessions:own",
  ];

  it("S17: no permission to change credentials, people or money comes along, whatever both hold", async () => {
    const own = await signedIn("ACQUIRER_ADMIN");
    const seen = await makePerson(test.services, { role: "PARTNER_ADMIN", partners: [ours] });
    const session = await sessionOf((await begin(own, seen)).token);
    expect(session.user.permissions.filter((name) => NEVER.includes(name))).toEqual([]);
    expect(session.user.permissions.toSorted()).toEqual(
      ROLE_PERMISSIONS.PARTNER_ADMIN.filter((name) => IMPERSONATION_PERMISSIONS.includes(name)).toSorted(),
    );
  });

  it("S17: never more than the impersonator holds, at this moment", async () => {
    const role = newId("role");
    const grant = (permissions: readonly Permission[]) =>
      test.services.db.query({
        text: `insert into roles (id, name, audience, permissions) values ($1, $1, 'ACQUIRER', $2)
               on conflict (id) do update set permissions = excluded.permissions`,
        values: [role, permissions],
      });
    await grant(["users:read", "users:impersonate", "stores:read", "payments:read", "sessions:own"]);
    const own = await signedIn(role, [ours]);
    const seen = await makePerson(test.services, { role: "PARTNER_ADMIN", partners: [ours, others] });
    const { token } = await begin(own, seen);
    const before = await sessionOf(token);
    expect(before.user.permissions.toSorted()).toEqual(["payments:read", "stores:read", "users:read"]);
    // Tied to one of the person's two Partners: sees that one only.
    expect(before.partners).toEqual([ours]);
    await grant(["users:impersonate", "stores:read", "sessions:own"]);
    expect((await sessionOf(token)).user.permissions).toEqual(["stores:read"]);
    await grant(["stores:read", "sessions:own"]);
    expect(await findSession(test.services, token)).toBeNull();
  });

  it("S17: every procedure and action that needs more is refused, and those of one's own security", async () => {
    const { token } = await viewing();
    const session = await sessionOf(token);
    const closed = readTable().filter(
      (entry) => entry.roles !== null && isPermission(entry.needs) && !session.user.permissions.includes(entry.needs),
    );
    const caller: unknown = createCallerFactory(appRouter)({
      services: test.services,
      session,
      mode: "test",
      requestId: newId("request"),
      isOwnOrigin: true,
    } satisfies TrpcContext);
    const allowed: string[] = [];
    const procedures = closed.filter((entry) => entry.kind === "procedure");
    for (const { name } of procedures) {
      let at: unknown = caller;
      for (const step of name.split(".")) at = Reflect.get(Object(at), step);
      const call = at as (input: unknown) => Promise<unknown>;
      const code = await codeOf(call({ "no such field": true }));
      if (code !== "permission_denied") allowed.push(`${name}: ${code}`);
    }
    const actions = closed.filter((entry) => entry.kind === "action" && !entry.name.endsWith("#searchAction"));
    browser.cookies.set(cookieName(test.services.env, "session"), await sealToken(test.services, token));
    browser.headers = new Headers({ origin: ORIGIN, "sec-fetch-site": "same-origin" });
    for (const entry of actions) {
      const answer = JSON.stringify(await act(entry));
      if (!answer.includes('"code":"permission_denied"')) allowed.push(`${entry.name}: ${answer}`);
    }
    expect(allowed).toEqual([]);
    const named = [...procedures, ...actions].map((entry) => entry.name).join("\n");
    for (const one of [
      "changePasswordAction",
      "startTotpAction",
      "startPasskeyAction",
      "createKeyAction",
      "rotateSecret",
    ])
      expect(named).toContain(one);
  });

  async function act(entry: Entry): Promise<unknown> {
    const [file = "", name = ""] = entry.name.split("#");
    const module: Record<string, unknown> = await import(pathToFileURL(path.join(ROOT, `${file}.ts`)).href);
    const action = module[name] as (...args: unknown[]) => Promise<unknown>;
    return action("no such thing", "no such thing", "no such thing");
  }
});

describe("S17: who cannot be viewed as", () => {
  it("S17: neither the acquirer's people, oneself, nor who is disabled, invited or unknown", async () => {
    const own = await signedIn("ACQUIRER_ADMIN");
    const acquirers = await makePerson(test.services, { role: "READ_ONLY" });
    const disabled = await makePerson(test.services, { role: "PARTNER_STAFF", partners: [ours], state: "DISABLED" });
    const invited = await makePerson(test.services, { role: "PARTNER_STAFF", partners: [ours], state: "INVITED" });
    expect(await codeOf(begin(own, acquirers))).toBe("permission_denied");
    expect(await codeOf(begin(own, own.person))).toBe("permission_denied");
    expect(await codeOf(begin(own, disabled))).toBe("state_conflict");
    expect(await codeOf(begin(own, invited))).toBe("state_conflict");
    expect(await codeOf(begin(own, { id: newId("user") }))).toBe("not_found");
    for (const person of [acquirers, disabled, invited]) expect(await audit(person.id)).toEqual([]);
  });

  it("S17: a reason is wanted", async () => {
    const own = await signedIn();
    const seen = await makePerson(test.services, { role: "PARTNER_STAFF", partners: [ours] });
    for (const reason of ["", "   \n ", "why", null, "x".repeat(301)])
      expect(await codeOf(begin(own, seen, reason))).toBe("validation_failed");
    expect(await audit(seen.id)).toEqual([]);
  });

  it("S17: not a person of a Partner that one does not see, and by nobody without the permission", async () => {
    const role = newId("role");
    await test.services.db.query({
      text: "insert into roles (id, name, audience, permissions) values ($1, $1, 'ACQUIRER', $2)",
      values: [role, ["users:read", "users:impersonate"]],
    });
    const seen = await makePerson(test.services, { role: "PARTNER_STAFF", partners: [ours] });
    expect(await codeOf(begin(await signedIn(role, [others]), seen))).toBe("not_found");
    for (const who of ["ACQUIRER_FINANCE", "READ_ONLY"])
      expect(await codeOf(begin(await signedIn(who), seen))).toBe("permission_denied");
    expect(await codeOf(begin(await signedIn("PARTNER_ADMIN", [ours]), seen))).toBe("permission_denied");
  });

  it("S17: no impersonation within another, and one at a time from one session", async () => {
    const { own, token } = await viewing();
    const session = await sessionOf(token);
    const next = await makePerson(test.services, { role: "PARTNER_STAFF", partners: [ours] });
    expect(await codeOf(begin({ ...own, session, ctx: contextOf(session) }, next))).toBe("permission_denied");
    // Nor with one's own rights over the other session.
    expect(await codeOf(begin({ ...own, session }, next))).toBe("permission_denied");
    const second = await begin(own, next);
    expect(await findSession(test.services, token)).toBeNull();
    expect((await sessionOf(second.token)).user.id).toBe(next.id);
  });
});

describe("S17: it ends with the impersonator", () => {
  it("S17: at once when they are disabled", async () => {
    const { own, token } = await viewing();
    await sessionOf(token);
    await disablePerson(asUser(test.services, "ACQUIRER_ADMIN"), own.person.id);
    expect(await findSession(test.services, token)).toBeNull();
    expect(await stopImpersonation(test.services, token)).toBeNull();
  });

  it("S17: at once when they sign out, here or of their own session elsewhere, and nothing is left to go back to", async () => {
    const here = await viewing();
    await signOut(test.services, here.token);
    expect(await findSession(test.services, here.token)).toBeNull();
    expect(await findSession(test.services, here.own.token)).toBeNull();
    expect((await audit(here.seen.id)).map((entry) => [entry.action, entry.actor])).toEqual([
      ["impersonation.started", here.own.person.id],
      ["impersonation.stopped", here.own.person.id],
    ]);
    expect(await audit(here.own.session.id)).toMatchObject([{ action: "session.ended", actor: here.own.person.id }]);

    const there = await viewing();
    await endOwnSessions(await asPerson(test.services, there.own.person), there.own.person.id, {});
    expect(await findSession(test.services, there.token)).toBeNull();
  });

  it("S17: when they change their password or lose the role, when the person is disabled or becomes the acquirer's", async () => {
    const password = await viewing();
    test.clock.advance(1000);
    await set(password.own.person, "password_changed_at = $2", test.clock.now());
    expect(await findSession(test.services, password.token)).toBeNull();
    const demoted = await viewing();
    await set(demoted.own.person, "role = $2", "READ_ONLY");
    expect(await findSession(test.services, demoted.token)).toBeNull();
    const shut = await viewing();
    await set(shut.seen, "state = $2", "DISABLED");
    expect(await findSession(test.services, shut.token)).toBeNull();
    const moved = await viewing();
    await set(moved.seen, "role = $2", "READ_ONLY");
    expect(await findSession(test.services, moved.token)).toBeNull();
  });

  const set = (person: { id: string }, change: string, value: unknown) =>
    test.services.db.query({ text: `update users set ${change} where id = $1`, values: [person.id, value] });

  it("S17: it never counts as proven again, which keys, passwords and second steps ask for", async () => {
    const { own, token } = await viewing();
    const { id } = await sessionOf(token);
    expect(await confirmSession(test.services.db, test.services, id, "PASSWORD")).toBeNull();
    expect((await sessionOf(token)).confirmedAt).toBeNull();
    expect(await confirmSession(test.services.db, test.services, own.session.id, "PASSWORD")).not.toBeNull();
  });

  it("S17: it is no session of the person's own: not in their list, and no sign of their being here", async () => {
    const { seen, token } = await viewing();
    expect(await listSessionsOf(test.services, { id: seen.id, audience: "PARTNER" })).toEqual([]);
    await sessionOf(token);
  });
});
