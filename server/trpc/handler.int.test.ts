import superjson from "superjson";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { cookieName } from "@/server/auth/cookies";
import type { Role } from "@/server/auth/permissions";
import { sealToken } from "@/server/auth/session-token";
import { findSession, startSession } from "@/server/auth/sessions";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { type TestServices, testServices } from "@/server/testing/context";
import { handleTrpc } from "./handler";
import { createCallerFactory, procedure, router, type TrpcContext, toAppError, withPermission } from "./init";
import { appRouter } from "./root";

const ORIGIN = "http://localhost:3000";
let test: TestServices;
beforeAll(async () => {
  test = await testServices({ simulator: false });
});
afterAll(() => test.close());

type SignedIn = { cookie: string; token: string; sessionId: string; userId: string };

async function startFor(userId: string): Promise<SignedIn> {
  const session = await startSession(test.services.db, test.services, {
    userId,
    address: "192.0.2.1",
    userAgent: "test",
    replaces: null,
  });
  const cookie = `${cookieName(test.services.env, "session")}=${await sealToken(test.services, session.token)}`;
  return { cookie, token: session.token, sessionId: session.id, userId };
}

async function signedInAs(role: Role): Promise<SignedIn> {
  const id = newId("user");
  await test.services.db.query({
    text: `insert into users (id, email, name, role, state, password_hash, password_changed_at, created_at, updated_at)
           values ($1, lower($1) || '@tillgate.example', 'Test Person', $2, 'ACTIVE', 'none', now() - interval '1 day', now(), now())`,
    values: [id, role],
  });
  return startFor(id);
}

function query(path: string, cookie = ""): Promise<Response> {
  return handleTrpc(new Request(`${ORIGIN}/api/trpc/${path}`, { headers: { cookie } }), test.services);
}

function mutate(path: string, input: unknown, headers: Record<string, string>): Promise<Response> {
  const body = JSON.stringify(superjson.serialize(input));
  const sent = { "content-type": "application/json", origin: ORIGIN, "sec-fetch-site": "same-origin", ...headers };
  const kept = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== ""));
  return handleTrpc(new Request(`${ORIGIN}/api/trpc/${path}`, { method: "POST", headers: kept, body }), test.services);
}

const ErrorSchema = z.object({
  error: z.object({
    json: z.object({
      message: z.string(),
      data: z.object({ code: z.string(), httpStatus: z.number(), requestId: z.string() }),
    }),
  }),
});
async function codeOf(response: Response): Promise<string> {
  return ErrorSchema.parse(await response.json()).error.json.data.code;
}
async function dataOf(response: Response): Promise<unknown> {
  const answer = z.object({ result: z.object({ data: z.unknown() }) }).parse(await response.json());
  return superjson.deserialize(answer.result.data as Parameters<typeof superjson.deserialize>[0]);
}

const all = Object.entries(appRouter._def.procedures).map(([path, found]) => ({
  path,
  type: z.enum(["query", "mutation"]).parse((found as unknown as { _def: { type: string } })._def.type),
}));
const mutations = all.filter(({ type }) => type === "mutation");

describe("S1: every procedure asks who is there", () => {
  it.each(all)("$path ($type) is refused without a session and with an ended one", async ({ path, type }) => {
    const ended = await signedInAs("ACQUIRER_ADMIN");
    await test.services.db.query({
      text: "update sessions set ended_at = now() where id = $1",
      values: [ended.sessionId],
    });
    for (const cookie of ["", ended.cookie, `${cookieName(test.services.env, "session")}=${ended.token}`]) {
      const response = type === "query" ? await query(path, cookie) : await mutate(path, {}, { cookie });
      expect(response.status).toBe(401);
      expect(await codeOf(response)).toBe("session_required");
      expect(response.headers.get("cache-control")).toContain("no-store");
    }
  });
});

describe("S20: no procedure changes anything for another site", () => {
  const refused: [Record<string, string>, number][] = [
    [{ origin: "null" }, 403],
    [{ origin: "" }, 403],
    [{ origin: "https://evil.example" }, 403],
    [{ origin: "http://sub.localhost:3000" }, 403],
    [{ "sec-fetch-site": "cross-site" }, 403],
    [{ "sec-fetch-site": "same-site" }, 403],
    [{ "content-type": "text/plain" }, 415],
    [{ "content-type": "text/plain;application/json" }, 415],
    [{ "content-type": "application/x-www-form-urlencoded" }, 415],
    [{ "content-type": "multipart/form-data; boundary=x" }, 415],
    [{ "content-type": "application/octet-stream" }, 415],
  ];
  it.each(mutations)("$path", async ({ path }) => {
    const me = await signedInAs("ACQUIRER_ADMIN");
    const other = await startFor(me.userId);
    for (const [headers, status] of refused) {
      const response = await mutate(path, { id: other.sessionId }, { cookie: me.cookie, ...headers });
      expect([headers, response.status]).toEqual([headers, status]);
    }
    const byGet = await query(
      `${path}?input=${encodeURIComponent(JSON.stringify({ json: { id: other.sessionId } }))}`,
      me.cookie,
    );
    expect(byGet.status).toBe(405);
    expect(await findSession(test.services, other.token)).not.toBeNull();
  });

  it("a mutation called past the handler asks for the origin itself", async () => {
    const me = await signedInAs("ACQUIRER_ADMIN");
    const session = await findSession(test.services, me.token);
    const context: TrpcContext = {
      services: test.services,
      session,
      mode: "test",
      requestId: "req_1",
      isOwnOrigin: false,
    };
    const error = await createCallerFactory(appRouter)(context)
      .me.sessions.endOthers()
      .catch((thrown: unknown) => thrown);
    expect(toAppError(error).code).toBe("origin_refused");
  });
});

describe("me", () => {
  it("says who is signed in, in which mode, and what they may do", async () => {
    const me = await signedInAs("PARTNER_STAFF");
    const mode = `${cookieName(test.services.env, "mode")}=live`;
    expect(await dataOf(await query("me.get", `${me.cookie}; ${mode}`))).toMatchObject({
      user: { id: me.userId, role: "PARTNER_STAFF", roleLabel: "Partner staff" },
      partners: [],
      mode: "live",
      session: { id: me.sessionId },
    });
    expect(
      await dataOf(await query("me.get", `${me.cookie}; ${cookieName(test.services.env, "mode")}=other`)),
    ).toMatchObject({ mode: "test" });
  });

  it("S13: a session ended from another browser is refused at its next request", async () => {
    const me = await signedInAs("READ_ONLY");
    const other = await startFor(me.userId);
    expect(await dataOf(await query("me.sessions.list", me.cookie))).toHaveLength(2);
    expect((await mutate("me.sessions.end", { id: other.sessionId }, { cookie: me.cookie })).status).toBe(200);
    expect((await query("me.get", other.cookie)).status).toBe(401);
    expect((await query("me.get", me.cookie)).status).toBe(200);
    const audit = await test.services.db.query({
      text: "select action, actor_id from audit_entries where subject_id = $1",
      values: [other.sessionId],
    });
    expect(audit).toEqual([{ action: "session.ended", actor_id: me.userId }]);
  });

  it("S3: another person's session is answered like one that does not exist, and goes on", async () => {
    const [me, stranger] = [await signedInAs("ACQUIRER_ADMIN"), await signedInAs("PARTNER_STAFF")];
    const bodies = await Promise.all(
      [stranger.sessionId, newId("session")].map(async (id) => {
        const response = await mutate("me.sessions.end", { id }, { cookie: me.cookie });
        expect(response.status).toBe(404);
        return (await response.text()).replace(/req_[0-9A-Z]+/, "req");
      }),
    );
    expect(bodies[0]).toBe(bodies[1]);
    expect(await findSession(test.services, stranger.token)).not.toBeNull();
  });

  it("S5: unknown fields and wrong ids are refused with their place", async () => {
    const me = await signedInAs("ACQUIRER_ADMIN");
    for (const input of [{ id: me.sessionId, userId: "usr_x" }, { id: "ses_1" }, {}, null, []]) {
      const response = await mutate("me.sessions.end", input, { cookie: me.cookie });
      expect(response.status).toBe(400);
      expect(await codeOf(response)).toBe("validation_failed");
    }
  });
});

describe("S53: what a caller learns of a failure", () => {
  const failing = router({
    rule: procedure.query(() => {
      throw new AppError("refund_exceeds_captured");
    }),
    fault: procedure.query(() => {
      throw new Error('relation "secret_table" does not exist');
    }),
    guarded: withPermission("api_keys:write").query(() => "never"),
  });
  const call = createCallerFactory(failing);
  const context = async (): Promise<TrpcContext> => {
    const me = await signedInAs("PARTNER_STAFF");
    return {
      services: test.services,
      session: await findSession(test.services, me.token),
      mode: "test",
      requestId: "req_53",
      isOwnOrigin: true,
    };
  };
  const caught = async (work: Promise<unknown>): Promise<AppError> =>
    toAppError(await work.catch((error: unknown) => error));

  it("a rule keeps its code, a missing permission is told, a fault is internal_error and logged", async () => {
    const caller = call(await context());
    expect((await caught(caller.rule())).code).toBe("refund_exceeds_captured");
    expect((await caught(caller.guarded())).code).toBe("permission_denied");
    const before = test.log.length;
    const fault = await caught(caller.fault());
    expect(fault.code).toBe("internal_error");
    expect(fault.detail).not.toContain("secret_table");
    expect(test.log.slice(before).join()).toContain("req_53");
  });

  it("unknown procedures, bad JSON, long batches and large bodies are 4xx without inner text", async () => {
    const me = await signedInAs("ACQUIRER_ADMIN");
    const post = (body: string): Promise<Response> =>
      handleTrpc(
        new Request(`${ORIGIN}/api/trpc/me.sessions.end`, {
          method: "POST",
          headers: { "content-type": "application/json", origin: ORIGIN, cookie: me.cookie },
          body,
        }),
        test.services,
      );
    const responses = [
      await query("no.such", me.cookie),
      await query("__proto__", me.cookie),
      await query("constructor", me.cookie),
      await query(`${Array.from({ length: 25 }, () => "me.get").join(",")}?batch=1&input=%7B%7D`, me.cookie),
      await post("{"),
      await post(JSON.stringify({ json: { id: "x".repeat(300_000) } })),
    ];
    for (const response of responses) {
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
      expect(await response.text()).not.toMatch(/stack|node_modules|\.ts\b|SyntaxError|Unexpected/);
    }
  });
});
