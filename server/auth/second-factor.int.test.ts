import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { MINUTE_MS, SECOND_MS } from "@/server/core/time";
import { type TestServices, testServices } from "@/server/testing/context";
import { accountById, auditOf, mailsTo, makePerson, TEST_PASSWORD } from "@/server/testing/sign-in";
import type { BegunSession } from "./begin-session";
import {
  confirmTotp,
  RECOVERY_CODES,
  removeTotp,
  renewRecoveryCodes,
  startTotp,
  TRIES_PER_PERSON,
} from "./second-factor";
import { finishEnrolment, finishSignIn, startEnrolment } from "./second-factor-steps";
import { changePassword, confirmIdentity } from "./security";
import { CONFIRMED_FOR_MS, findHalfSession, findSession, HALF_SESSION_LIFE_MS, requireConfirmed } from "./sessions";
import { signIn } from "./sign-in";
import { totpCode, totpStepAt } from "./totp";

const BROWSER = { address: "192.0.2.7", userAgent: "test" };
const STEP_MS = 30 * SECOND_MS;
const REQUEST = "req_test";

let test: TestServices;
beforeAll(async () => {
  test = await testServices({ clock: "movable", simulator: false, environment: { TWO_FACTOR: "required" } });
});
afterAll(() => test.close());
beforeEach(() => test.clock.advance(STEP_MS));

/** Base32 as apps read it; the secret in bytes. */
function bytesOf(secret: string): Buffer {
  let bits = "";
  for (const letter of secret) bits += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

const codeAt = (secret: string, offset = 0): string => totpCode(bytesOf(secret), totpStepAt(test.clock.now()) + offset);

async function enrolled(role: "ACQUIRER_OPERATIONS" | "READ_ONLY" = "ACQUIRER_OPERATIONS") {
  const person = await makePerson(test.services, { role });
  const { secret } = await startTotp(test.services, person);
  const account = await accountById(test.services, person.id);
  const { recoveryCodes } = await confirmTotp(test.services, account, codeAt(secret), REQUEST);
  test.clock.advance(STEP_MS);
  return { ...person, secret, recoveryCodes: recoveryCodes ?? [] };
}

async function byPassword(email: string): Promise<BegunSession> {
  const outcome = await signIn(test.services, { ...BROWSER, email, password: TEST_PASSWORD, replaces: null });
  if (outcome.kind !== "signed_in") throw new Error(outcome.kind);
  return outcome;
}

const finish = (halfToken: string, code: unknown) => finishSignIn(test.services, { halfToken, code, browser: BROWSER });

describe("S12: the second step cannot be left out", () => {
  it("S12: a right password of somebody with an app is no session, for anything that asks who is signed in", async () => {
    const person = await enrolled();
    const half = await byPassword(person.email);
    expect(half.level).toBe("CODE_DUE");
    expect(await findSession(test.services, half.token)).toBeNull();
    expect(await findHalfSession(test.services, half.token)).toMatchObject({ level: "CODE_DUE" });
    const session = await finish(half.token, codeAt(person.secret));
    expect(session.level).toBe("FULL");
    expect((await findSession(test.services, session.token))?.user.id).toBe(person.id);
  });

  it("S13: the token changes with the second step, and that of the half session is worth nothing", async () => {
    const person = await enrolled();
    const half = await byPassword(person.email);
    const session = await finish(half.token, codeAt(person.secret));
    expect(session.token).not.toBe(half.token);
    expect(await findSession(test.services, half.token)).toBeNull();
    expect(await findHalfSession(test.services, half.token)).toBeNull();
    await expect(finish(half.token, codeAt(person.secret, 1))).rejects.toMatchObject({ code: "session_required" });
  });

  it("S12: whoever may read only and has an app is asked for it all the same", async () => {
    const person = await enrolled("READ_ONLY");
    expect((await byPassword(person.email)).level).toBe("CODE_DUE");
  });

  it("S12: half a session waits ten minutes at most", async () => {
    const person = await enrolled();
    const half = await byPassword(person.email);
    test.clock.advance(HALF_SESSION_LIFE_MS);
    await expect(finish(half.token, codeAt(person.secret))).rejects.toMatchObject({ code: "session_required" });
  });

  it("S12: who moves money and has no second step sets it up before anything else", async () => {
    const person = await makePerson(test.services);
    const half = await byPassword(person.email);
    expect(half.level).toBe("ENROLMENT_DUE");
    expect(await findSession(test.services, half.token)).toBeNull();
    await expect(finish(half.token, "123456")).rejects.toMatchObject({ code: "session_required" });
    const { secret } = await startEnrolment(test.services, half.token);
    const input = { halfToken: half.token, browser: BROWSER };
    await expect(finishEnrolment(test.services, { ...input, code: "000000" })).rejects.toMatchObject({
      code: "code_wrong",
    });
    const { session, recoveryCodes } = await finishEnrolment(test.services, { ...input, code: codeAt(secret) });
    expect(await findSession(test.services, session.token)).not.toBeNull();
    expect(recoveryCodes).toHaveLength(RECOVERY_CODES);
    expect((await byPassword(person.email)).level).toBe("CODE_DUE");
    expect(await auditOf(test.services, person.id)).toContain("user.two_factor_enabled");
    expect(await mailsTo(test.services, person.email)).toContain("two_factor_on");
  });

  it("S12: half a session from before the app was set up cannot set up another", async () => {
    const person = await makePerson(test.services);
    const [first, second] = [await byPassword(person.email), await byPassword(person.email)];
    const { secret } = await startEnrolment(test.services, first.token);
    await finishEnrolment(test.services, { halfToken: first.token, code: codeAt(secret), browser: BROWSER });
    await expect(startEnrolment(test.services, second.token)).rejects.toMatchObject({ code: "session_required" });
  });

  it("S12: who moves no money signs in with the password alone", async () => {
    const person = await makePerson(test.services, { role: "READ_ONLY" });
    expect((await byPassword(person.email)).level).toBe("FULL");
  });

  it("S12: a role that wants a second step keeps the last one", async () => {
    const person = await enrolled();
    const account = await accountById(test.services, person.id);
    await expect(removeTotp(test.services, account, true, REQUEST)).rejects.toMatchObject({ code: "state_conflict" });
    expect((await accountById(test.services, person.id)).hasTotp).toBe(true);
    await removeTotp(test.services, account, false, REQUEST);
    expect((await accountById(test.services, person.id)).hasTotp).toBe(false);
  });
});

describe("S11: codes", () => {
  it("S11: a code signs in once, also when it is sent twice at the same time", async () => {
    const person = await enrolled();
    const [one, two] = [await byPassword(person.email), await byPassword(person.email)];
    const code = codeAt(person.secret);
    const outcomes = await Promise.allSettled([finish(one.token, code), finish(two.token, code)]);
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(["fulfilled", "rejected"]);
    const third = await byPassword(person.email);
    await expect(finish(third.token, code)).rejects.toMatchObject({ code: "code_wrong" });
  });

  it("S11: a code of an earlier step is refused once a later one was used", async () => {
    const person = await enrolled();
    await finish((await byPassword(person.email)).token, codeAt(person.secret));
    const half = await byPassword(person.email);
    await expect(finish(half.token, codeAt(person.secret, -1))).rejects.toMatchObject({ code: "code_wrong" });
  });

  it.each([-2, 2])("S11: a code %i steps away is refused", async (offset) => {
    const person = await enrolled();
    test.clock.advance(2 * MINUTE_MS);
    const half = await byPassword(person.email);
    await expect(finish(half.token, codeAt(person.secret, offset))).rejects.toMatchObject({ code: "code_wrong" });
  });

  it("S11: after five wrong codes the right one is not looked at either; half sessions end and the person hears of it", async () => {
    const person = await enrolled();
    const half = await byPassword(person.email);
    const wrong = codeAt(person.secret) === "000000" ? "000001" : "000000";
    for (let attempt = 0; attempt < TRIES_PER_PERSON; attempt += 1) {
      await expect(finish(half.token, wrong)).rejects.toMatchObject({ code: "code_wrong" });
    }
    await expect(finish(half.token, codeAt(person.secret))).rejects.toMatchObject({ code: "rate_limited" });
    expect(await findHalfSession(test.services, half.token)).toBeNull();
    const again = await byPassword(person.email);
    await expect(finish(again.token, codeAt(person.secret))).rejects.toMatchObject({ code: "rate_limited" });
    expect(await mailsTo(test.services, person.email)).toContain("sign_in_locked");
    expect(await auditOf(test.services, person.id)).toContain("user.second_factor_throttled");
  });

  it("S11: guesses sent at the same time count each", async () => {
    const person = await enrolled();
    const half = await byPassword(person.email);
    const wrong = codeAt(person.secret) === "000000" ? "000001" : "000000";
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => finish(half.token, wrong)));
    const looked = outcomes.filter(
      (outcome) => outcome.status === "rejected" && String(outcome.reason).includes("code_wrong"),
    );
    expect(looked.length).toBeLessThanOrEqual(TRIES_PER_PERSON);
    await expect(finish((await byPassword(person.email)).token, codeAt(person.secret))).rejects.toMatchObject({
      code: "rate_limited",
    });
  });

  it.each([null, "", "12345", "١٢٣٤٥٦", "'; drop table users", "x".repeat(10_000)])(
    "S11: %j is no code",
    async (code) => {
      const person = await enrolled();
      const half = await byPassword(person.email);
      await expect(finish(half.token, code)).rejects.toMatchObject({ code: "code_wrong" });
    },
  );

  it("S11: a code of another person is refused", async () => {
    const [mine, other] = [await enrolled(), await enrolled()];
    const half = await byPassword(mine.email);
    await expect(finish(half.token, codeAt(other.secret))).rejects.toMatchObject({ code: "code_wrong" });
    await expect(finish(half.token, other.recoveryCodes[0])).rejects.toMatchObject({ code: "code_wrong" });
  });

  it("S60: the secret stands encrypted in its row, and opens for nobody else", async () => {
    const [mine, other] = [await enrolled(), await enrolled()];
    const [row] = await test.services.db.query({
      text: "select * from totp_factors where user_id = $1",
      values: [mine.id],
    });
    expect(JSON.stringify(row)).not.toContain(mine.secret);
    expect(JSON.stringify(row)).not.toContain(bytesOf(mine.secret).toString("hex"));
    await test.services.db.query({
      text: "update totp_factors set secret = (select secret from totp_factors where user_id = $2) where user_id = $1",
      values: [mine.id, other.id],
    });
    await expect(finish((await byPassword(mine.email)).token, codeAt(mine.secret))).rejects.toThrow();
  });
});

describe("S11: recovery codes", () => {
  it("S11: each signs in once, however it is typed, and the person hears how many are left", async () => {
    const person = await enrolled();
    const [first = "", second = ""] = person.recoveryCodes;
    const session = await finish((await byPassword(person.email)).token, ` ${first.toUpperCase().replace("-", " ")} `);
    expect((await findSession(test.services, session.token))?.method).toBe("RECOVERY_CODE");
    await expect(finish((await byPassword(person.email)).token, first)).rejects.toMatchObject({ code: "code_wrong" });
    await finish((await byPassword(person.email)).token, second);
    expect((await mailsTo(test.services, person.email)).filter((kind) => kind === "recovery_code_used")).toHaveLength(
      2,
    );
  });

  it("S11: new codes end the old ones, and only keyed hashes are stored", async () => {
    const person = await enrolled();
    const account = await accountById(test.services, person.id);
    const codes = await renewRecoveryCodes(test.services, account, REQUEST);
    expect(new Set(codes).size).toBe(RECOVERY_CODES);
    await expect(finish((await byPassword(person.email)).token, person.recoveryCodes[0])).rejects.toMatchObject({
      code: "code_wrong",
    });
    const rows = await test.services.db.query({
      text: "select * from recovery_codes where user_id = $1",
      values: [person.id],
    });
    for (const code of codes) expect(JSON.stringify(rows)).not.toContain(code.replace("-", ""));
    await finish((await byPassword(person.email)).token, codes[0]);
  });
});

describe("S13: proving again who one is", () => {
  it("S13: it wants a proof that is ten minutes old at most; the proof gives the session a new token", async () => {
    const person = await enrolled();
    const begun = await finish((await byPassword(person.email)).token, codeAt(person.secret));
    const fresh = await findSession(test.services, begun.token);
    if (!fresh) throw new Error("no session");
    requireConfirmed(test.services, fresh);
    test.clock.advance(CONFIRMED_FOR_MS + 1);
    expect(() => requireConfirmed(test.services, fresh)).toThrow(/confirmation_required/);
    // Who has a second step proves that one: a password that was seen over a shoulder is not enough.
    await expect(
      confirmIdentity(test.services, fresh, { kind: "password", password: TEST_PASSWORD }, REQUEST),
    ).rejects.toMatchObject({ code: "permission_denied" });
    const renewed = await confirmIdentity(test.services, fresh, { kind: "code", code: codeAt(person.secret) }, REQUEST);
    expect(await findSession(test.services, begun.token)).toBeNull();
    const after = await findSession(test.services, renewed.token);
    expect(after?.id).toBe(fresh.id);
    if (after) requireConfirmed(test.services, after);
  });

  it("S13: a new password does not stand in for the second step, whose removal would be next", async () => {
    const person = await enrolled();
    const begun = await finish((await byPassword(person.email)).token, codeAt(person.secret));
    const proven = test.clock.now();
    test.clock.advance(CONFIRMED_FOR_MS + 1);
    const session = await findSession(test.services, begun.token);
    if (!session) throw new Error("no session");
    const input = {
      current: TEST_PASSWORD,
      next: "another password for tests",
      browser: { ...BROWSER, replaces: null },
    };
    const { token } = await changePassword(test.services, session, input, REQUEST);
    const after = await findSession(test.services, token);
    expect(after?.confirmedAt).toEqual(proven);
    if (after) expect(() => requireConfirmed(test.services, after)).toThrow(/confirmation_required/);
  });
});

describe("new browsers", () => {
  it("the person hears of a sign-in from a browser that was not seen before, not of the first and not of known ones", async () => {
    const person = await makePerson(test.services, { role: "READ_ONLY" });
    const from = (userAgent: string) =>
      signIn(test.services, { ...BROWSER, userAgent, email: person.email, password: TEST_PASSWORD, replaces: null });
    await from("one");
    await from("one");
    expect(await mailsTo(test.services, person.email)).toEqual([]);
    await from("two");
    await from("two");
    expect(await mailsTo(test.services, person.email)).toEqual(["new_device"]);
  });

  it("a locked account tells its person once", async () => {
    const person = await makePerson(test.services, { role: "READ_ONLY" });
    for (let attempt = 0; attempt < 14; attempt += 1) {
      const address = `198.51.100.${attempt}`;
      await signIn(test.services, { ...BROWSER, address, email: person.email, password: "wrong", replaces: null });
    }
    expect(await mailsTo(test.services, person.email)).toEqual(["sign_in_locked"]);
  });
});

it("in a demo the second step may be left out; who has set it up is asked", async () => {
  const demo = await testServices({ simulator: false });
  try {
    const person = await makePerson(demo.services, { role: "ACQUIRER_ADMIN" });
    const input = { ...BROWSER, email: person.email, password: TEST_PASSWORD, replaces: null };
    expect(await signIn(demo.services, input)).toMatchObject({ kind: "signed_in", level: "FULL" });
    const { secret } = await startTotp(demo.services, person);
    const account = await accountById(demo.services, person.id);
    const code = totpCode(bytesOf(secret), totpStepAt(demo.clock.now()));
    await confirmTotp(demo.services, account, code, REQUEST);
    expect(await signIn(demo.services, input)).toMatchObject({ kind: "signed_in", level: "CODE_DUE" });
  } finally {
    await demo.close();
  }
});
