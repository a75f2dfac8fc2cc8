import NextAuth from "next-auth";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { type TestServices, testServices } from "@/server/testing/context";
import { readCookie } from "./cookies";
import { nextAuthOptions } from "./next-auth";
import { hashPassword } from "./password";
import { tokenOfRequest } from "./session-token";
import { findSession } from "./sessions";

const PASSWORD = "a password for tests";
const EMAIL = "person@tillgate.example";

type Answer = { status: number; location: string | null; cookies: string[]; body: unknown };
type Call = { method?: "GET" | "POST"; body?: Record<string, string>; cookies?: string[]; forwardedFor?: string };

/** next-auth as its route calls it, with the request and answer of a plain Node server. */
async function call(
  test: TestServices,
  action: string,
  { method = "GET", body = {}, cookies = [], forwardedFor = "192.0.2.1" }: Call = {},
): Promise<Answer> {
  const pairs = cookies.map((cookie) => cookie.split(";")[0] ?? "");
  const headers: Record<string, string | string[]> = {};
  const answer: Answer = { status: 200, location: null, cookies: [], body: null };
  const response = {
    status: (code: number) => {
      answer.status = code;
      return response;
    },
    getHeader: (name: string) => headers[name.toLowerCase()],
    setHeader: (name: string, value: string | string[]) => {
      headers[name.toLowerCase()] = value;
      return response;
    },
    send: (sent: unknown) => {
      answer.body = sent;
    },
    json: (sent: unknown) => {
      answer.body = sent;
    },
    end: () => undefined,
  };
  const request = {
    method,
    body,
    query: { nextauth: action.split("/") },
    cookies: Object.fromEntries(
      pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), decodeURIComponent(pair.slice(pair.indexOf("=") + 1))]),
    ),
    headers: { host: "evil.example", cookie: pairs.join("; "), "x-forwarded-for": forwardedFor, "user-agent": "test" },
  };
  // biome-ignore lint/suspicious/noExplicitAny: stand-ins for Next's own request and answer, with the parts that are used
  await NextAuth(request as any, response as any, nextAuthOptions(test.services));
  const location = headers.location;
  answer.location = typeof location === "string" ? location : null;
  answer.cookies = [headers["set-cookie"] ?? []].flat();
  return answer;
}

async function logIn(test: TestServices, more: Record<string, string> = {}, cookies: string[] = []): Promise<Answer> {
  const csrf = await call(test, "csrf");
  const csrfToken = (csrf.body as { csrfToken: string }).csrfToken;
  return call(test, "callback/credentials", {
    method: "POST",
    body: { email: EMAIL, password: PASSWORD, csrfToken, ...more },
    cookies: [...csrf.cookies, ...cookies],
  });
}

async function withPerson(environment: Record<string, string>): Promise<TestServices> {
  const test = await testServices({ simulator: false, environment });
  await test.services.db.query({
    text: `insert into users (id, email, name, role, state, password_hash, password_changed_at, created_at, updated_at)
           values ($1, $2, 'Test Person', 'ACQUIRER_ADMIN', 'ACTIVE', $3, now() - interval '1 day', now(), now())`,
    values: [newId("user"), EMAIL, await hashPassword(PASSWORD)],
  });
  return test;
}

describe.each([
  { PUBLIC_URL: "http://localhost:3000", session: "tillgate-3000.session", secure: false },
  { PUBLIC_URL: "https://pay.example.com", session: "__Host-tillgate.session", secure: true },
])("next-auth at $PUBLIC_URL", ({ PUBLIC_URL, session, secure }) => {
  let test: TestServices;
  beforeAll(async () => {
    test = await withPerson({ PUBLIC_URL });
  });
  afterAll(() => test.close());

  const sessionCookie = (answer: Answer): string =>
    answer.cookies.find((cookie) => cookie.startsWith(`${session}=`)) ?? "";

  it("S14: every cookie is unreadable by scripts, host-bound and, on https, secure; the session cookie holds no readable fact", async () => {
    const answer = await logIn(test);
    expect(sessionCookie(answer)).not.toBe("");
    for (const cookie of [...answer.cookies, ...(await call(test, "csrf")).cookies]) {
      expect(cookie).toMatch(/; HttpOnly/);
      expect(cookie).toMatch(/; SameSite=Lax/);
      expect(cookie).toMatch(/; Path=\/(?:;|$)/);
      expect(cookie).not.toMatch(/; Domain=/i);
      expect(/; Secure/.test(cookie)).toBe(secure);
      expect(cookie.startsWith("__Host-")).toBe(secure);
    }
    const [row] = await test.services.db.query<{ id: string }>({ text: "select id from sessions limit 1", values: [] });
    const token = await tokenOfRequest(test.services, sessionCookie(answer).split(";")[0]);
    expect(token).not.toBeNull();
    for (const fact of [EMAIL, "Test Person", "ACQUIRER_ADMIN", row?.id ?? "", token ?? ""])
      expect(answer.cookies.join()).not.toContain(fact);
    expect(answer.location).not.toContain(token ?? "");
  });

  it.each([
    "//evil.example",
    "/\\evil.example",
    "https://evil.example/x",
    "javascript:alert(1)",
    `${PUBLIC_URL}.evil.example/`,
    `${PUBLIC_URL}@evil.example/`,
  ])("S24: signing in with callbackUrl %j stays on our own site", async (callbackUrl) => {
    const answer = await logIn(test, { callbackUrl });
    expect(sessionCookie(answer)).not.toBe("");
    expect(new URL(answer.location ?? "", PUBLIC_URL).href).toBe(`${PUBLIC_URL}/`);
  });

  it("S24: our own pages are a way back, whatever host the request names", async () => {
    expect((await logIn(test, { callbackUrl: "/payments?q=1" })).location).toBe(`${PUBLIC_URL}/payments?q=1`);
    expect((await logIn(test, { callbackUrl: `${PUBLIC_URL}/stores` })).location).toBe(`${PUBLIC_URL}/stores`);
  });

  it("S20: without the token of the form nobody is signed in or out", async () => {
    const signedIn = await logIn(test);
    const cookie = sessionCookie(signedIn);
    const forged = await call(test, "callback/credentials", {
      method: "POST",
      body: { email: EMAIL, password: PASSWORD },
    });
    expect(sessionCookie(forged)).toBe("");
    await call(test, "signout", { method: "POST", cookies: [cookie] });
    const token = await tokenOfRequest(test.services, cookie.split(";")[0]);
    expect(token && (await findSession(test.services, token))).not.toBeNull();
  });

  it("a wrong password and an unknown address get the same answer, without a cookie", async () => {
    const [wrong, unknown] = [
      await logIn(test, { password: "wrong password" }),
      await logIn(test, { email: "nobody@tillgate.example" }),
    ];
    expect(wrong.location).toBe(unknown.location);
    expect(wrong.location).toContain("error=CredentialsSignin");
    expect(sessionCookie(wrong) + sessionCookie(unknown)).toBe("");
  });

  it("S13: signing out ends the row, and the cookie says nothing any more", async () => {
    const cookie = sessionCookie(await logIn(test));
    expect((await call(test, "session", { cookies: [cookie] })).body).toMatchObject({ user: { email: EMAIL } });
    const csrf = await call(test, "csrf");
    const csrfToken = (csrf.body as { csrfToken: string }).csrfToken;
    const out = await call(test, "signout", {
      method: "POST",
      body: { csrfToken },
      cookies: [...csrf.cookies, cookie],
    });
    expect(sessionCookie(out)).toMatch(/=;/);
    const after = await call(test, "session", { cookies: [cookie] });
    expect(after.body).toEqual({});
    expect(readCookie(sessionCookie(after), session)).toBe("");
  });

  it("S13: signing in again ends the session that the browser held", async () => {
    const first = sessionCookie(await logIn(test));
    const second = sessionCookie(await logIn(test, {}, [first]));
    expect((await call(test, "session", { cookies: [first] })).body).toEqual({});
    expect((await call(test, "session", { cookies: [second] })).body).toMatchObject({ user: { email: EMAIL } });
  });
});
