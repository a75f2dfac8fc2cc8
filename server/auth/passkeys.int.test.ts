import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { softPasskey } from "@/server/testing/authenticator";
import { type TestServices, testServices } from "@/server/testing/context";
import { accountById, auditOf, mailsTo, makePerson, TEST_PASSWORD } from "@/server/testing/sign-in";
import { CHALLENGE_LIFE_MS } from "./challenges";
import {
  addPasskey,
  listPasskeys,
  removePasskey,
  signInWithPasskey,
  startPasskey,
  startPasskeySignIn,
} from "./passkeys";
import { finishPasskeyEnrolment, finishSignIn } from "./second-factor-steps";
import { confirmIdentity } from "./security";
import { findHalfSession, findSession } from "./sessions";
import { signIn } from "./sign-in";

const SITE = { origin: "https://pay.example.com", rpId: "pay.example.com" };
const BROWSER = { address: "192.0.2.8", userAgent: "test", replaces: null };
const REQUEST = "req_test";
const REFUSED = { code: "passkey_refused" };

let test: TestServices;
beforeAll(async () => {
  const environment = { TWO_FACTOR: "required", PUBLIC_URL: `${SITE.origin}/` };
  test = await testServices({ clock: "movable", simulator: false, environment });
});
afterAll(() => test.close());

async function personWithPasskey(role: "ACQUIRER_OPERATIONS" | "READ_ONLY" = "ACQUIRER_OPERATIONS") {
  const person = await makePerson(test.services, { role });
  const account = await accountById(test.services, person.id);
  const key = softPasskey(SITE);
  const response = key.create(await startPasskey(test.services, account));
  const added = await addPasskey(test.services, account, { name: "Laptop", response }, REQUEST);
  return { ...person, ...added, passkeyId: added.id, id: person.id, key };
}

const use = (response: unknown) => signInWithPasskey(test.services, { response, browser: BROWSER });
const ask = (userId: string | null = null) => startPasskeySignIn(test.services, userId);

describe("S11: signing in with a passkey", () => {
  it("S11: a passkey signs in alone, because the device has checked the person", async () => {
    const { id, key } = await personWithPasskey();
    const session = await use(key.get(await ask()));
    const found = await findSession(test.services, session.token);
    expect(found).toMatchObject({ method: "PASSKEY", user: { id } });
    expect(await auditOf(test.services, session.sessionId)).toEqual(["session.started"]);
  });

  it("S11: an answer counts once", async () => {
    const { key } = await personWithPasskey();
    const response = key.get(await ask());
    await use(response);
    await expect(use(response)).rejects.toMatchObject(REFUSED);
    await expect(use(key.get({ challenge: "A".repeat(43) }))).rejects.toMatchObject(REFUSED);
  });

  it("S11: of two answers to one challenge at the same time one signs in", async () => {
    const { key } = await personWithPasskey();
    const challenge = await ask();
    const outcomes = await Promise.allSettled([use(key.get(challenge)), use(key.get(challenge))]);
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(["fulfilled", "rejected"]);
  });

  it("S11: a challenge is used up by a wrong answer too", async () => {
    const { key } = await personWithPasskey();
    const challenge = await ask();
    await expect(use(key.get(challenge, { isForged: true }))).rejects.toMatchObject(REFUSED);
    await expect(use(key.get(challenge))).rejects.toMatchObject(REFUSED);
  });

  it("S11: a challenge that was asked more than five minutes ago is over", async () => {
    const { key } = await personWithPasskey();
    const challenge = await ask();
    test.clock.advance(CHALLENGE_LIFE_MS);
    await expect(use(key.get(challenge))).rejects.toMatchObject(REFUSED);
  });

  it.each([
    ["another origin", { origin: "https://pay.example.com.evil.example" }],
    ["the same host without TLS", { origin: "http://pay.example.com" }],
    ["another port", { origin: "https://pay.example.com:8443" }],
    ["a neighbour", { origin: "https://shop.example.com" }],
    ["another site", { rpId: "example.com" }],
    ["no check of the person", { isUserVerified: false }],
    ["a signature of another key", { isForged: true }],
    ["a challenge of its own", { challenge: "B".repeat(43) }],
  ])("S11: %s is refused", async (_what, faults) => {
    const { id, key } = await personWithPasskey();
    await expect(use(key.get(await ask(), faults))).rejects.toMatchObject(REFUSED);
    expect(await auditOf(test.services, id)).not.toContain("session.started");
  });

  it.each([
    ["goes back", 3],
    ["stands still", 7],
  ])("S11: a counter that %s is a copied key: refused and audited", async (_what, counter) => {
    const { id, key } = await personWithPasskey();
    await use(key.get(await ask(), { counter: 7 }));
    await expect(use(key.get(await ask(), { counter }))).rejects.toMatchObject(REFUSED);
    expect(await auditOf(test.services, id)).toContain("user.passkey_refused");
    await use(key.get(await ask(), { counter: 8 }));
  });

  it("S11: a passkey of a disabled person, or one that was removed, signs nobody in", async () => {
    const disabled = await personWithPasskey();
    await test.services.db.query({ text: "update users set state = 'DISABLED' where id = $1", values: [disabled.id] });
    await expect(use(disabled.key.get(await ask()))).rejects.toMatchObject(REFUSED);
    const removed = await personWithPasskey();
    const account = await accountById(test.services, removed.id);
    await removePasskey(test.services, account, removed.passkeyId, false, REQUEST);
    await expect(use(removed.key.get(await ask()))).rejects.toMatchObject(REFUSED);
  });

  it.each([null, {}, { id: 1 }, "x", { id: "a", rawId: "a", type: "public-key", response: {} }])(
    "S11: %j is no answer",
    async (response) => {
      await expect(use(response)).rejects.toMatchObject(REFUSED);
    },
  );
});

describe("S12: a passkey as second step", () => {
  it("S12: after the password of one person the passkey of another is refused", async () => {
    const [mine, other] = [await personWithPasskey(), await personWithPasskey()];
    const input = { ...BROWSER, email: mine.email, password: TEST_PASSWORD };
    const half = await signIn(test.services, input);
    expect(half).toMatchObject({ kind: "signed_in", level: "CODE_DUE" });
    await expect(use(other.key.get(await ask(mine.id)))).rejects.toMatchObject(REFUSED);
    const session = await use(mine.key.get(await ask(mine.id)));
    expect((await findSession(test.services, session.token))?.user.id).toBe(mine.id);
  });

  it("S12: recovery codes come with the first passkey and replace it once", async () => {
    const person = await personWithPasskey();
    expect(person.recoveryCodes).toHaveLength(10);
    const half = await signIn(test.services, { ...BROWSER, email: person.email, password: TEST_PASSWORD });
    if (half.kind !== "signed_in") throw new Error(half.kind);
    const session = await finishSignIn(test.services, {
      halfToken: half.token,
      code: person.recoveryCodes?.[0],
      browser: BROWSER,
    });
    expect(session.level).toBe("FULL");
  });

  it("S12: somebody who must set up a second step can do so with a passkey", async () => {
    const person = await makePerson(test.services);
    const half = await signIn(test.services, { ...BROWSER, email: person.email, password: TEST_PASSWORD });
    if (half.kind !== "signed_in") throw new Error(half.kind);
    expect(await findHalfSession(test.services, half.token)).toMatchObject({ level: "ENROLMENT_DUE" });
    const key = softPasskey(SITE);
    const response = key.create(await startPasskey(test.services, await accountById(test.services, person.id)));
    const { session, recoveryCodes } = await finishPasskeyEnrolment(test.services, {
      halfToken: half.token,
      response,
      browser: BROWSER,
    });
    expect(recoveryCodes).toHaveLength(10);
    expect(await findSession(test.services, session.token)).not.toBeNull();
  });

  it("S13: a passkey proves again who one is, one of somebody else does not", async () => {
    const [mine, other] = [await personWithPasskey(), await personWithPasskey()];
    const begun = await use(mine.key.get(await ask()));
    const session = await findSession(test.services, begun.token);
    if (!session) throw new Error("no session");
    const wrong = { kind: "passkey", response: other.key.get(await ask()) } as const;
    await expect(confirmIdentity(test.services, session, wrong, REQUEST)).rejects.toMatchObject(REFUSED);
    const right = { kind: "passkey", response: mine.key.get(await ask(mine.id)) } as const;
    expect((await confirmIdentity(test.services, session, right, REQUEST)).token).not.toBe(begun.token);
  });
});

describe("S11: adding a passkey", () => {
  it.each([
    ["another origin", { origin: "https://evil.example" }],
    ["another site", { rpId: "evil.example" }],
    ["no check of the person", { isUserVerified: false }],
    ["a challenge of its own", { challenge: "C".repeat(43) }],
  ])("S11: %s is refused", async (_what, faults) => {
    const person = await makePerson(test.services);
    const account = await accountById(test.services, person.id);
    const response = softPasskey(SITE).create(await startPasskey(test.services, account), faults);
    await expect(addPasskey(test.services, account, { name: "x", response }, REQUEST)).rejects.toMatchObject(REFUSED);
    expect(await listPasskeys(test.services, person.id)).toEqual([]);
  });

  it("S11: a challenge adds one passkey, to the person whom it was made for", async () => {
    const [mine, other] = [await makePerson(test.services), await makePerson(test.services)];
    const [account, stranger] = [await accountById(test.services, mine.id), await accountById(test.services, other.id)];
    const options = await startPasskey(test.services, account);
    const response = softPasskey(SITE).create(options);
    await expect(addPasskey(test.services, stranger, { name: "x", response }, REQUEST)).rejects.toMatchObject(REFUSED);
    await expect(addPasskey(test.services, account, { name: "x", response }, REQUEST)).rejects.toMatchObject(REFUSED);
    const again = softPasskey(SITE).create(await startPasskey(test.services, account));
    await addPasskey(test.services, account, { name: "x", response: again }, REQUEST);
    await expect(addPasskey(test.services, account, { name: "x", response: again }, REQUEST)).rejects.toMatchObject(
      REFUSED,
    );
  });

  it("S11: a passkey that somebody has already is not added to another account", async () => {
    const { key } = await personWithPasskey();
    const other = await makePerson(test.services);
    const account = await accountById(test.services, other.id);
    const response = key.create(await startPasskey(test.services, account));
    await expect(addPasskey(test.services, account, { name: "x", response }, REQUEST)).rejects.toMatchObject(REFUSED);
  });

  it("the person hears of each passkey that comes or goes; the last one stays where the role wants a second step", async () => {
    const person = await personWithPasskey();
    const account = await accountById(test.services, person.id);
    await expect(removePasskey(test.services, account, person.passkeyId, true, REQUEST)).rejects.toMatchObject({
      code: "state_conflict",
    });
    const other = await personWithPasskey();
    await expect(removePasskey(test.services, account, other.passkeyId, false, REQUEST)).rejects.toMatchObject({
      code: "not_found",
    });
    await removePasskey(test.services, account, person.passkeyId, false, REQUEST);
    expect(await mailsTo(test.services, person.email)).toEqual(["passkey_added", "passkey_removed"]);
  });
});
