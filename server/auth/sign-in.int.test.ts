import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { HOUR_MS, MINUTE_MS } from "@/server/core/time";
import { type TestServices, testServices } from "@/server/testing/context";
import { endSessionsOf, listSessionsOf } from "./own-sessions";
import { hashPassword } from "./password";
import type { Role } from "./permissions";
import { openToken, sealToken } from "./session-token";
import { findSession } from "./sessions";
import { type SignInOutcome, signIn, signOut, TRIES_PER_ACCOUNT, TRIES_PER_ADDRESS } from "./sign-in";

const PASSWORD = "a password for tests";
let test: TestServices;
let passwordHash: string;

beforeAll(async () => {
  test = await testServices({ simulator: false, clock: "movable" });
  passwordHash = await hashPassword(PASSWORD);
});
afterAll(() => test.close());

let people = 0;
async function makePerson(
  role: Role = "ACQUIRER_OPERATIONS",
  partners: string[] = [],
): Promise<{ id: string; email: string }> {
  people += 1;
  const person = { id: newId("user"), email: `person${people}@tillgate.example` };
  const now = test.clock.now();
  await test.services.db.query({
    text: `insert into users (id, email, name, role, state, password_hash, password_changed_at, created_at, updated_at)
           values ($1, $2, 'Test Person', $3, 'ACTIVE', $4, $5, $5, $5)`,
    values: [person.id, person.email, role, passwordHash, now],
  });
  for (const partnerId of partners) {
    await test.services.db.query({
      text: "insert into user_partners (user_id, partner_id) values ($1, $2)",
      values: [person.id, partnerId],
    });
  }
  return person;
}

async function makePartner(): Promise<string> {
  const id = newId("partner");
  await test.services.db.query({
    text: "insert into partners (id, name, reference, country, currency, state) values ($1, 'Partner', $1, 'SE', 'SEK', 'OPERATIONAL')",
    values: [id],
  });
  return id;
}

let addresses = 0;
const freshAddress = (): string => {
  addresses += 1;
  return `198.51.${Math.floor(addresses / 250)}.${(addresses % 250) + 1}`;
};

function attempt(
  email: string,
  password: unknown = PASSWORD,
  more: { address?: string; replaces?: string } = {},
): Promise<SignInOutcome> {
  return signIn(test.services, {
    email,
    password,
    address: more.address ?? freshAddress(),
    userAgent: "test",
    replaces: more.replaces ?? null,
  });
}

async function signedIn(email: string, replaces?: string): Promise<{ token: string; sessionId: string }> {
  const outcome = await attempt(email, PASSWORD, replaces === undefined ? {} : { replaces });
  if (outcome.kind !== "signed_in") throw new Error(`expected to be signed in, got ${outcome.kind}`);
  return outcome;
}

async function auditOf(subjectId: string): Promise<string[]> {
  const rows = await test.services.db.query<{ action: string }>({
    text: "select action from audit_entries where subject_id = $1 order by position",
    values: [subjectId],
  });
  return rows.map((row) => row.action);
}

describe("S10: guessing", () => {
  it("S10: of 1,000 guesses at one account from many addresses 10 are looked at, the right password included", async () => {
    const { email } = await makePerson();
    const outcomes: SignInOutcome[] = [];
    for (let round = 0; round < 20; round += 1) {
      outcomes.push(
        ...(await Promise.all(Array.from({ length: 50 }, (_, index) => attempt(email, `guess ${round} ${index}`)))),
      );
    }
    expect(outcomes.filter((outcome) => outcome.kind === "refused")).toHaveLength(TRIES_PER_ACCOUNT);
    expect(outcomes.filter((outcome) => outcome.kind === "throttled")).toHaveLength(1_000 - TRIES_PER_ACCOUNT);
    const late = await attempt(email);
    expect(late.kind).toBe("throttled");
    expect(late.kind === "throttled" && late.retryAfterSeconds).toBeGreaterThan(800);
  });

  it("S10: many accounts from one address are cut off too, other addresses are not", async () => {
    const { email } = await makePerson();
    const address = freshAddress();
    const outcomes = await Promise.all(
      Array.from({ length: TRIES_PER_ADDRESS + 10 }, (_, index) =>
        attempt(`nobody${index}@tillgate.example`, "guess", { address }),
      ),
    );
    expect(outcomes.filter((outcome) => outcome.kind === "throttled")).toHaveLength(10);
    expect((await attempt(email, PASSWORD, { address })).kind).toBe("throttled");
    expect((await attempt(email)).kind).toBe("signed_in");
  });

  it("S10: guesses are counted together however the address is typed", async () => {
    const { email } = await makePerson();
    const spellings = [email, email.toUpperCase(), ` ${email}`, email.replace("p", "P")];
    for (let guess = 0; guess < TRIES_PER_ACCOUNT; guess += 1)
      await attempt(spellings[guess % spellings.length] ?? email, "wrong password");
    for (const typed of spellings) expect((await attempt(typed)).kind).toBe("throttled");
  });

  it("S10: signing in to an account of one's own does not forget the guesses from the same address", async () => {
    const { email } = await makePerson();
    const address = freshAddress();
    const guess = (index: number) => attempt(`nobody-here${index}@tillgate.example`, "guess", { address });
    for (let index = 0; index < TRIES_PER_ADDRESS - 1; index += 1) await guess(index);
    expect((await attempt(email, PASSWORD, { address })).kind).toBe("signed_in");
    expect((await guess(TRIES_PER_ADDRESS)).kind).toBe("refused");
    expect((await guess(TRIES_PER_ADDRESS + 1)).kind).toBe("throttled");
  });

  it("S10: an account that does not exist is throttled and answered like one that does", async () => {
    const { email } = await makePerson();
    for (const address of [email, "nobody-at-all@tillgate.example"]) {
      const kinds: string[] = [];
      for (let guess = 0; guess < TRIES_PER_ACCOUNT + 2; guess += 1)
        kinds.push((await attempt(address, "wrong password")).kind);
      expect(kinds).toEqual([...Array.from({ length: TRIES_PER_ACCOUNT }, () => "refused"), "throttled", "throttled"]);
    }
  });

  it("S10: the right password forgets the wrong ones before it", async () => {
    const { email } = await makePerson();
    for (let round = 0; round < 3; round += 1) {
      for (let guess = 0; guess < TRIES_PER_ACCOUNT - 1; guess += 1) await attempt(email, "wrong password");
      expect((await attempt(email)).kind).toBe("signed_in");
    }
  });

  it("S10: a limit is told once per window, in the log and in the audit, without the address that was typed", async () => {
    const { id, email } = await makePerson();
    for (let guess = 0; guess < TRIES_PER_ACCOUNT + 5; guess += 1) await attempt(email, "wrong password");
    const actions = await auditOf(id);
    expect(actions.filter((action) => action === "session.refused")).toHaveLength(TRIES_PER_ACCOUNT);
    expect(actions.filter((action) => action === "session.throttled")).toHaveLength(1);
    const counted = await test.services.db.query<{ key: string }>({ text: "select key from rate_limits", values: [] });
    expect(JSON.stringify([test.log, counted])).not.toContain(email);
    expect(JSON.stringify(test.log)).not.toContain("wrong password");
  });

  it("S10: without the counters nobody gets in", async () => {
    const { email } = await makePerson();
    const broken = {
      ...test.services,
      db: { ...test.services.db, query: () => Promise.reject(new Error("no database")) },
    };
    await expect(
      signIn(broken, { email, password: PASSWORD, address: null, userAgent: null, replaces: null }),
    ).rejects.toMatchObject({ code: "unavailable" });
  });

  it("S15: look-alike, quoted and doubled addresses belong to nobody", async () => {
    const { email } = await makePerson();
    for (const typed of [
      email.replace("@", "\uff20"),
      `"${email}"`,
      `${email},other@tillgate.example`,
      `${email}\u0000`,
      email.replace("e", "\u0435"),
      { email },
      7,
      null,
    ]) {
      const outcome = await signIn(test.services, {
        email: typed,
        password: PASSWORD,
        address: freshAddress(),
        userAgent: null,
        replaces: null,
      });
      expect(outcome.kind).toBe("refused");
    }
    expect((await attempt(` ${email.toUpperCase()} `)).kind).toBe("signed_in");
  });
});

describe("S13: sessions", () => {
  it("S13: signing in makes a new token and the one before is worth nothing", async () => {
    const { email } = await makePerson();
    const first = await signedIn(email);
    const second = await signedIn(email, first.token);
    expect(second.token).not.toBe(first.token);
    expect(await findSession(test.services, first.token)).toBeNull();
    expect((await findSession(test.services, second.token))?.id).toBe(second.sessionId);
  });

  it("S13: a token that someone planted before signing in never becomes a session", async () => {
    const { email } = await makePerson();
    const planted = "A".repeat(43);
    const session = await signedIn(email, planted);
    expect(session.token).not.toBe(planted);
    expect(await findSession(test.services, planted)).toBeNull();
  });

  it("S13: only a keyed hash of the token is stored", async () => {
    const { email } = await makePerson();
    const { token, sessionId } = await signedIn(email);
    const [row] = await test.services.db.query({ text: "select * from sessions where id = $1", values: [sessionId] });
    expect(JSON.stringify(row)).not.toContain(token);
    expect(Buffer.from(token, "base64url")).toHaveLength(32);
  });

  it("S13: signing out ends the session for good, and is audited once", async () => {
    const { email } = await makePerson();
    const { token, sessionId } = await signedIn(email);
    await signOut(test.services, token);
    await signOut(test.services, token);
    expect(await findSession(test.services, token)).toBeNull();
    expect(await auditOf(sessionId)).toEqual(["session.started", "session.ended"]);
  });

  it("S13: a disabled person is out at the next request, everywhere, and cannot come back", async () => {
    const { id, email } = await makePerson();
    const [one, two] = [await signedIn(email), await signedIn(email)];
    await test.services.db.query({ text: "update users set state = 'DISABLED' where id = $1", values: [id] });
    expect(await findSession(test.services, one.token)).toBeNull();
    expect((await attempt(email)).kind).toBe("refused");
    await test.services.db.query({ text: "update users set state = 'ACTIVE' where id = $1", values: [id] });
    expect(await findSession(test.services, one.token)).toBeNull();
    expect(await findSession(test.services, two.token)).not.toBeNull();
  });

  it("S13: a changed password ends the sessions that were started before", async () => {
    const { id, email } = await makePerson();
    const { token } = await signedIn(email);
    test.clock.advance(1_000);
    await test.services.db.query({
      text: "update users set password_changed_at = $2 where id = $1",
      values: [id, test.clock.now()],
    });
    expect(await findSession(test.services, token)).toBeNull();
  });

  it("S4: a changed role counts at the next request", async () => {
    const { id, email } = await makePerson("ACQUIRER_ADMIN");
    const { token } = await signedIn(email);
    expect((await findSession(test.services, token))?.user.role).toBe("ACQUIRER_ADMIN");
    await test.services.db.query({ text: "update users set role = 'READ_ONLY' where id = $1", values: [id] });
    expect((await findSession(test.services, token))?.user.role).toBe("READ_ONLY");
  });

  it("S13: a session ends after 12 hours however busy, and after 30 idle minutes (60 for a Partner's people)", async () => {
    const { email } = await makePerson();
    const busy = await signedIn(email);
    for (let at = 0; at < 11 * HOUR_MS + 40 * MINUTE_MS; at += 20 * MINUTE_MS) {
      test.clock.advance(20 * MINUTE_MS);
      expect(await findSession(test.services, busy.token)).not.toBeNull();
    }
    test.clock.advance(20 * MINUTE_MS);
    expect(await findSession(test.services, busy.token)).toBeNull();

    const partnerPerson = await makePerson("PARTNER_STAFF", [await makePartner()]);
    const [acquirer, partner] = [await signedIn(email), await signedIn(partnerPerson.email)];
    test.clock.advance(31 * MINUTE_MS);
    expect(await findSession(test.services, acquirer.token)).toBeNull();
    expect(await findSession(test.services, partner.token)).not.toBeNull();
    test.clock.advance(61 * MINUTE_MS);
    expect(await findSession(test.services, partner.token)).toBeNull();
  });

  it("being seen is written at most once a minute", async () => {
    const { email } = await makePerson();
    const { token, sessionId } = await signedIn(email);
    const seen = async (): Promise<number> => {
      await findSession(test.services, token);
      const [row] = await test.services.db.query<{ at: Date }>({
        text: "select last_seen_at as at from sessions where id = $1",
        values: [sessionId],
      });
      return row?.at.getTime() ?? 0;
    };
    const start = await seen();
    test.clock.advance(50_000);
    expect(await seen()).toBe(start);
    test.clock.advance(20_000);
    expect(await seen()).toBe(start + 70_000);
  });

  it("I10: a Partner's person sees exactly their Partners, were it none; the acquirer's see all", async () => {
    const partner = await makePartner();
    const scopes = await Promise.all(
      (
        [
          ["PARTNER_ADMIN", [partner], [partner]],
          ["PARTNER_STAFF", [], []],
          ["READ_ONLY", [partner], [partner]],
          ["READ_ONLY", [], "all"],
          ["ACQUIRER_FINANCE", [], "all"],
        ] as const
      ).map(async ([role, given, expected]) => {
        const { token } = await signedIn((await makePerson(role, [...given])).email);
        return [(await findSession(test.services, token))?.partners, expected];
      }),
    );
    for (const [found, expected] of scopes) expect(found).toEqual(expected);
  });

  it("S13: one or all sessions of a person can be ended, never those of another", async () => {
    const [mine, other] = [await makePerson(), await makePerson()];
    const [one, two, foreign] = [await signedIn(mine.email), await signedIn(mine.email), await signedIn(other.email)];
    const user = { id: mine.id, audience: "ACQUIRER" } as const;
    expect((await listSessionsOf(test.services, user)).map((item) => item.id).sort()).toEqual(
      [one.sessionId, two.sessionId].sort(),
    );
    expect(
      await endSessionsOf(test.services.db, test.services, mine.id, "ENDED_BY_USER", { only: foreign.sessionId }),
    ).toEqual([]);
    expect(
      await endSessionsOf(test.services.db, test.services, mine.id, "ENDED_BY_USER", { except: two.sessionId }),
    ).toEqual([one.sessionId]);
    expect(await findSession(test.services, one.token)).toBeNull();
    expect(await findSession(test.services, two.token)).not.toBeNull();
    expect(await findSession(test.services, foreign.token)).not.toBeNull();
    await endSessionsOf(test.services.db, test.services, mine.id, "ENDED_BY_USER");
    expect(await listSessionsOf(test.services, user)).toEqual([]);
  });

  it("a cookie that was altered, sealed elsewhere or holds something else opens to nothing", async () => {
    const { email } = await makePerson();
    const { token } = await signedIn(email);
    const cookie = await sealToken(test.services, token);
    expect(await openToken(test.services, cookie)).toBe(token);
    expect(cookie).not.toContain(token);
    const elsewhere = { env: { ...test.services.env, TILLGATE_SESSION_SECRET: "another secret, long enough for it" } };
    expect(await openToken(elsewhere, cookie)).toBeNull();
    for (const bad of [`${cookie.slice(0, -3)}AAA`, token, "x", "", null, "a.b.c.d.e"])
      expect(await openToken(test.services, bad)).toBeNull();
    expect(await openToken(test.services, await sealToken(test.services, "short"))).toBeNull();
  });
});
