import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DAY_MS } from "@/server/core/time";
import { type TestServices, testServices } from "@/server/testing/context";
import { accountById, auditOf, linkTokenTo, mailsTo, makePerson, TEST_PASSWORD } from "@/server/testing/sign-in";
import { issueOneTimeLink, LINK_LIFE_MS } from "./one-time-links";
import { acceptInvitation, findInvitation, requestPasswordLink, resetPassword } from "./password-links";
import { confirmTotp, startTotp } from "./second-factor";
import { changePassword } from "./security";
import { findSession } from "./sessions";
import { signIn } from "./sign-in";
import { base32, totpCode, totpStepAt } from "./totp";

const BROWSER = { address: "192.0.2.9", userAgent: "test", replaces: null };
const NEXT = "another password for tests";
const REQUEST = "req_test";
const INVALID = { code: "link_invalid" };

let test: TestServices;
beforeAll(async () => {
  test = await testServices({ clock: "movable", simulator: false, environment: { TWO_FACTOR: "required" } });
});
afterAll(() => test.close());

let askers = 0;
async function ask(email: unknown): Promise<void> {
  askers += 1;
  await requestPasswordLink(test.services, { email, address: `198.51.${Math.floor(askers / 200)}.${askers % 200}` });
}
async function tokenFor(email: string): Promise<string> {
  await ask(email);
  const token = await linkTokenTo(test.services, email);
  if (token === null) throw new Error("no link was mailed");
  return token;
}
const tryPassword = (email: string, password: string) => signIn(test.services, { ...BROWSER, email, password });

describe("S15: links for a new password", () => {
  it("S15: a link sets a password once, and every session of the person ends", async () => {
    const person = await makePerson(test.services, { role: "READ_ONLY" });
    const before = await tryPassword(person.email, TEST_PASSWORD);
    if (before.kind !== "signed_in") throw new Error(before.kind);
    const token = await tokenFor(person.email);
    await resetPassword(test.services, { token, password: NEXT });
    expect(await findSession(test.services, before.token)).toBeNull();
    expect((await tryPassword(person.email, TEST_PASSWORD)).kind).toBe("refused");
    expect((await tryPassword(person.email, NEXT)).kind).toBe("signed_in");
    await expect(resetPassword(test.services, { token, password: "yet another password" })).rejects.toMatchObject(
      INVALID,
    );
    expect(await mailsTo(test.services, person.email)).toEqual(["password_reset", "password_changed"]);
    expect(await auditOf(test.services, person.id)).toEqual(
      expect.arrayContaining(["user.password_reset_asked", "user.password_reset"]),
    );
  });

  it("S15: a link that is still open sets no password of somebody who was shut out meanwhile", async () => {
    const person = await makePerson(test.services, { role: "READ_ONLY" });
    await requestPasswordLink(test.services, { email: person.email, address: null });
    const token = await linkTokenTo(test.services, person.email);
    const state = (to: string) =>
      test.services.db.query({ text: "update users set state = $2 where id = $1", values: [person.id, to] });
    await state("DISABLED");
    await expect(resetPassword(test.services, { token, password: NEXT })).rejects.toMatchObject(INVALID);
    await state("ACTIVE");
    expect((await tryPassword(person.email, TEST_PASSWORD)).kind).toBe("signed_in");
  });

  it("S15: of two uses at the same time one counts", async () => {
    const person = await makePerson(test.services);
    const token = await tokenFor(person.email);
    const outcomes = await Promise.allSettled(
      [NEXT, "a third password"].map((password) => resetPassword(test.services, { token, password })),
    );
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  it("S15: a link is over after 15 minutes", async () => {
    const person = await makePerson(test.services);
    const token = await tokenFor(person.email);
    expect(LINK_LIFE_MS).toBe(15 * 60 * 1_000);
    test.clock.advance(LINK_LIFE_MS);
    await expect(resetPassword(test.services, { token, password: NEXT })).rejects.toMatchObject(INVALID);
  });

  it("S15: a newer link ends the older one", async () => {
    const person = await makePerson(test.services);
    const older = await tokenFor(person.email);
    test.clock.advance(1_000);
    const newer = await tokenFor(person.email);
    await expect(resetPassword(test.services, { token: older, password: NEXT })).rejects.toMatchObject(INVALID);
    await resetPassword(test.services, { token: newer, password: NEXT });
  });

  it("S15: a link belongs to one account and one purpose, and a password that is refused does not use it up", async () => {
    const [mine, other] = [await makePerson(test.services), await makePerson(test.services)];
    const token = await tokenFor(mine.email);
    await expect(resetPassword(test.services, { token, password: "short" })).rejects.toMatchObject({
      code: "validation_failed",
    });
    await expect(acceptInvitation(test.services, { token, password: NEXT, browser: BROWSER })).rejects.toMatchObject(
      INVALID,
    );
    await resetPassword(test.services, { token, password: NEXT });
    expect((await tryPassword(other.email, TEST_PASSWORD)).kind).toBe("signed_in");
  });

  it("S12: a new password leaves the second step as it is", async () => {
    const person = await makePerson(test.services);
    const { secret } = await startTotp(test.services, person);
    const account = await accountById(test.services, person.id);
    const code = totpCode(decode(secret), totpStepAt(test.clock.now()));
    await confirmTotp(test.services, account, code, REQUEST);
    await resetPassword(test.services, { token: await tokenFor(person.email), password: NEXT });
    const after = await tryPassword(person.email, NEXT);
    expect(after).toMatchObject({ kind: "signed_in", level: "CODE_DUE" });
    if (after.kind === "signed_in") expect(await findSession(test.services, after.token)).toBeNull();
  });

  it.each([null, "", "x", "A".repeat(43), "../../etc/passwd", `${"A".repeat(42)} `, ["A".repeat(43)]])(
    "S15: %j is no token",
    async (token) => {
      await expect(resetPassword(test.services, { token, password: NEXT })).rejects.toMatchObject(INVALID);
    },
  );

  it("S15: only a keyed hash of the token is stored, and it is in no log line and no audit entry", async () => {
    const person = await makePerson(test.services);
    const token = await tokenFor(person.email);
    await resetPassword(test.services, { token, password: NEXT });
    const rows = await test.services.db.query({
      text: `select (select jsonb_agg(l) from one_time_links l)::text || (select jsonb_agg(a) from audit_entries a)::text
               || (select jsonb_agg(m) from mails m)::text as everything`,
      values: [],
    });
    expect(JSON.stringify(rows)).not.toContain(token);
    expect(test.log.join("\n")).not.toContain(token);
  });
});

describe("S15: who gets a link", () => {
  it("S15: an unknown address is answered like a known one, and no mail is written to it", async () => {
    const unknown = "nobody-at-all@tillgate.example";
    await expect(ask(unknown)).resolves.toBeUndefined();
    expect(await mailsTo(test.services, unknown)).toEqual([]);
  });

  it("S15: the answer takes as long for an unknown address", async () => {
    const person = await makePerson(test.services);
    const timed = async (email: string): Promise<number> => {
      const start = performance.now();
      await ask(email);
      return performance.now() - start;
    };
    const [known, unknown] = [await timed(person.email), await timed("nobody-here@tillgate.example")];
    // Both wait for the same clock; what the machine adds is far less than the wait.
    expect(Math.min(known, unknown)).toBeGreaterThanOrEqual(290);
  });

  it("S15: look-alikes, quoted and joined addresses reach nobody", async () => {
    const { email } = await makePerson(test.services);
    const [local = "", domain = ""] = email.split("@");
    const odd = [
      `${local}＠${domain}`,
      `${local}@${domain},evil@evil.example`,
      `${local}@${domain}\nBcc: evil@evil.example`,
      `"${email}"@evil.example`,
      `"${local}"@${domain}`,
      `${local.replace("e", "е")}@${domain}`,
      `${local}@${domain.replace("i", "ı")}`,
      `<${email}>`,
      `${email};evil@evil.example`,
      `evil@evil.example ${email}`,
    ];
    for (const address of odd) await ask(address);
    const mails = await test.services.db.query({
      text: "select to_address from mails where to_address = $1 or to_address like '%evil%'",
      values: [email],
    });
    expect(mails).toEqual([]);
    await ask(` ${email.toUpperCase()} `);
    expect(await mailsTo(test.services, email)).toEqual(["password_reset"]);
  });

  it("S15: three mails a quarter of an hour at most go to one address", async () => {
    const person = await makePerson(test.services);
    for (let count = 0; count < 6; count += 1) await ask(person.email);
    expect(await mailsTo(test.services, person.email)).toHaveLength(3);
  });

  it("S15: one network address is stopped after 20 questions", async () => {
    const from = (email: string) => requestPasswordLink(test.services, { email, address: "203.0.113.77" });
    await Promise.all(Array.from({ length: 20 }, (_, index) => from(`nobody-${index}@tillgate.example`)));
    await expect(from("nobody@tillgate.example")).rejects.toMatchObject({ code: "rate_limited" });
  });

  it("S15: a disabled person gets none", async () => {
    const person = await makePerson(test.services, { state: "DISABLED" });
    await ask(person.email);
    expect(await mailsTo(test.services, person.email)).toEqual([]);
  });
});

describe("S15: invitations", () => {
  const invite = async (userId: string): Promise<string> => {
    const { url } = await issueOneTimeLink(test.services.db, test.services, {
      kind: "INVITE",
      userId,
      createdBy: "usr_x",
    });
    return new URL(url).hash.slice(1);
  };

  it("S15: an invitation is accepted once, with a password; the role decides what comes next", async () => {
    for (const [role, level] of [
      ["READ_ONLY", "FULL"],
      ["ACQUIRER_OPERATIONS", "ENROLMENT_DUE"],
    ] as const) {
      const person = await makePerson(test.services, { role, state: "INVITED" });
      expect((await tryPassword(person.email, "")).kind).toBe("refused");
      const token = await invite(person.id);
      expect(await findInvitation(test.services, token)).toEqual({ name: "Test Person", email: person.email });
      const session = await acceptInvitation(test.services, { token, password: NEXT, browser: BROWSER });
      expect(session.level).toBe(level);
      expect(await findInvitation(test.services, token)).toBeNull();
      await expect(acceptInvitation(test.services, { token, password: NEXT, browser: BROWSER })).rejects.toMatchObject(
        INVALID,
      );
      expect(await tryPassword(person.email, NEXT)).toMatchObject({ kind: "signed_in", level });
      expect(await auditOf(test.services, person.id)).toContain("user.invitation_accepted");
    }
  });

  it("S15: the link of an invitation is over after 15 minutes; a new one goes to the invited address for seven days", async () => {
    const person = await makePerson(test.services, { state: "INVITED" });
    const token = await invite(person.id);
    test.clock.advance(LINK_LIFE_MS);
    expect(await findInvitation(test.services, token)).toBeNull();
    const again = await tokenFor(person.email);
    expect(await mailsTo(test.services, person.email)).toEqual(["invitation"]);
    await acceptInvitation(test.services, { token: again, password: NEXT, browser: BROWSER });

    const late = await makePerson(test.services, { state: "INVITED" });
    test.clock.advance(8 * DAY_MS);
    await ask(late.email);
    expect(await mailsTo(test.services, late.email)).toEqual([]);
  });

  it("S15: an invitation that was taken back opens nothing", async () => {
    const person = await makePerson(test.services, { state: "INVITED" });
    const token = await invite(person.id);
    await test.services.db.query({ text: "update users set state = 'WITHDRAWN' where id = $1", values: [person.id] });
    await expect(acceptInvitation(test.services, { token, password: NEXT, browser: BROWSER })).rejects.toMatchObject(
      INVALID,
    );
  });
});

describe("S13: changing one's own password", () => {
  it("S13: it wants the old one, keeps this session under a new token, and ends every other", async () => {
    const person = await makePerson(test.services, { role: "READ_ONLY" });
    const [here, there] = [
      await tryPassword(person.email, TEST_PASSWORD),
      await tryPassword(person.email, TEST_PASSWORD),
    ];
    if (here.kind !== "signed_in" || there.kind !== "signed_in") throw new Error("not signed in");
    const session = await findSession(test.services, here.token);
    if (!session) throw new Error("no session");
    const change = (current: string, next: string) =>
      changePassword(test.services, session, { current, next, browser: BROWSER }, REQUEST);
    await expect(change("wrong", NEXT)).rejects.toMatchObject({ code: "validation_failed" });
    await expect(change(TEST_PASSWORD, "short")).rejects.toMatchObject({ code: "validation_failed" });
    await expect(change(TEST_PASSWORD, TEST_PASSWORD)).rejects.toMatchObject({ code: "validation_failed" });
    const renewed = await change(TEST_PASSWORD, NEXT);
    expect(await findSession(test.services, here.token)).toBeNull();
    expect(await findSession(test.services, there.token)).toBeNull();
    expect((await findSession(test.services, renewed.token))?.user.id).toBe(person.id);
    expect(await mailsTo(test.services, person.email)).toContain("password_changed");
  });
});

/** The bytes of a secret as apps read it. */
function decode(secret: string): Buffer {
  let bits = "";
  for (const letter of secret) bits += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0");
  const bytes = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  expect(base32(bytes)).toBe(secret);
  return bytes;
}
