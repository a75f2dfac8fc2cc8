import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { newId } from "@/server/core/ids";
import { addMs, HOUR_MS } from "@/server/core/time";
import { type TestServices, testServices } from "@/server/testing/context";
import { type TestOidcProvider, testOidcProvider } from "@/server/testing/oidc-provider";
import { accountById, auditOf, mailsTo, makePerson } from "@/server/testing/sign-in";
import { CHALLENGE_LIFE_MS } from "./challenges";
import { INVITATION_LIFE_MS } from "./one-time-links";
import { confirmTotp, startTotp } from "./second-factor";
import { findHalfSession, findSession } from "./sessions";
import { finishSso, SSO_CALLBACK_PATH, type SsoOutcome, startSso } from "./single-sign-on";
import { totpCode, totpStepAt } from "./totp";

const BROWSER = { address: "192.0.2.10", userAgent: "test", replaces: null };

let test: TestServices;
let provider: TestOidcProvider;
beforeAll(async () => {
  provider = await testOidcProvider();
  test = await testServices({
    clock: "movable",
    simulator: false,
    environment: {
      PUBLIC_URL: "http://localhost:3000",
      TWO_FACTOR: "required",
      OIDC_ISSUER: provider.issuer,
      OIDC_CLIENT_ID: provider.clientId,
      OIDC_CLIENT_SECRET: provider.clientSecret,
      OIDC_ALLOWED_DOMAINS: "tillgate.example, Other.Example",
    },
  });
});
afterAll(async () => {
  await test.close();
  await provider.close();
});
afterEach(() => {
  provider.faults = {};
});

const verified = (email: string, more: object = {}) => ({ sub: newId("user"), email, email_verified: true, ...more });

async function round(next = "/"): Promise<SsoOutcome> {
  const { url, binding } = await startSso(test.services, next);
  const back = provider.authorize(url);
  return finishSso(test.services, { search: back.searchParams, binding, browser: BROWSER });
}

async function tokenOf(outcome: SsoOutcome): Promise<string> {
  if (outcome.kind !== "signed_in") throw new Error(outcome.kind);
  return outcome.session.token;
}

describe("single sign-on", () => {
  it("somebody of ours comes in by their verified address, with a session like any other", async () => {
    const person = await makePerson(test.services, { role: "READ_ONLY" });
    provider.person = verified(person.email.toUpperCase());
    const outcome = await round("/payments?q=1");
    expect(outcome).toMatchObject({ kind: "signed_in", next: "/payments?q=1" });
    expect(await findSession(test.services, await tokenOf(outcome))).toMatchObject({
      method: "SSO",
      user: { id: person.id },
    });
    expect(await auditOf(test.services, person.id)).toEqual(["user.single_sign_on_joined"]);
    expect(await mailsTo(test.services, person.email)).toEqual(["single_sign_on_joined"]);
    await round();
    expect(await mailsTo(test.services, person.email)).toEqual(["single_sign_on_joined"]);
  });

  it("the round leaves for the provider with PKCE, state, nonce and our own address", async () => {
    const { url } = await startSso(test.services, "/");
    expect(url.searchParams.get("redirect_uri")).toBe(`http://localhost:3000${SSO_CALLBACK_PATH}`);
    expect(url.searchParams.get("code_challenge_method")).toBe("S256");
    for (const name of ["state", "nonce", "code_challenge"])
      expect(url.searchParams.get(name)?.length).toBeGreaterThan(20);
  });

  it("S24: the way back stays on our own site", async () => {
    const person = await makePerson(test.services, { role: "READ_ONLY" });
    provider.person = verified(person.email);
    expect(await round("https://evil.example/")).toMatchObject({ next: "/" });
    expect(await round("//evil.example")).toMatchObject({ next: "/" });
  });

  it("the provider's identifier counts from the second time on: an address that changes hands opens nothing", async () => {
    const person = await makePerson(test.services, { role: "READ_ONLY" });
    const mine = verified(person.email);
    provider.person = mine;
    await round();
    provider.person = { ...mine, email: "renamed@tillgate.example" };
    const renamed = await round();
    expect((await findSession(test.services, await tokenOf(renamed)))?.user.id).toBe(person.id);
    provider.person = verified(person.email);
    expect(await round()).toEqual({ kind: "refused" });
  });

  it.each([
    ["an address that the provider has not verified", { email_verified: false }],
    ["an address of which it says nothing", { email_verified: undefined }],
    ["no address", { email: undefined }],
    ["another domain", { email: "person@elsewhere.example" }],
    ["a look-alike", { email: "person@tillgate.example，x" }],
    ["nobody of ours", { email: "stranger@tillgate.example" }],
  ])("S15: %s lets nobody in", async (_what, more) => {
    const person = await makePerson(test.services, { role: "READ_ONLY" });
    provider.person = { ...verified(person.email), ...more };
    expect(await round()).toEqual({ kind: "refused" });
  });

  it("S15: a person of ours comes in from the domains of the settings only, whatever their case", async () => {
    const away = await makePerson(test.services, {
      role: "READ_ONLY",
      email: `${newId("user")}@elsewhere.example`.toLowerCase(),
    });
    provider.person = verified(away.email);
    expect(await round()).toEqual({ kind: "refused" });
    const other = await makePerson(test.services, {
      role: "READ_ONLY",
      email: `${newId("user")}@other.example`.toLowerCase(),
    });
    provider.person = verified(other.email);
    expect((await round()).kind).toBe("signed_in");
  });

  it("a disabled person is refused, an invited one has accepted with it", async () => {
    const disabled = await makePerson(test.services, { role: "READ_ONLY", state: "DISABLED" });
    provider.person = verified(disabled.email);
    expect(await round()).toEqual({ kind: "refused" });
    const invited = await makePerson(test.services, { role: "READ_ONLY", state: "INVITED" });
    provider.person = verified(invited.email);
    expect((await round()).kind).toBe("signed_in");
    expect((await accountById(test.services, invited.id)).state).toBe("ACTIVE");
    expect(await auditOf(test.services, invited.id)).toContain("user.invitation_accepted");
  });

  it("S15: an invitation of more than seven days ago is over by this way too", async () => {
    const late = await makePerson(test.services, { role: "READ_ONLY", state: "INVITED" });
    const invitedAgo = (ms: number) =>
      test.services.db.query({
        text: "update users set invited_at = $2 where id = $1",
        values: [late.id, addMs(test.clock.now(), -ms)],
      });
    provider.person = verified(late.email);
    await invitedAgo(INVITATION_LIFE_MS + 1);
    expect(await round()).toEqual({ kind: "refused" });
    expect((await accountById(test.services, late.id)).state).toBe("INVITED");
    await invitedAgo(INVITATION_LIFE_MS - HOUR_MS);
    expect((await round()).kind).toBe("signed_in");
  });

  it("S12: the second step is ours to ask unless the provider says that it has asked for several factors", async () => {
    const person = await makePerson(test.services, { role: "ACQUIRER_ADMIN" });
    const mine = verified(person.email);
    provider.person = { ...mine, amr: ["pwd"] };
    const first = await tokenOf(await round());
    expect(await findSession(test.services, first)).toBeNull();
    expect(await findHalfSession(test.services, first)).toMatchObject({ level: "ENROLMENT_DUE" });
    const { secret } = await startTotp(test.services, person);
    const bits = [...secret].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0"));
    const bytes = Buffer.from((bits.join("").match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
    const code = totpCode(bytes, totpStepAt(test.clock.now()));
    await confirmTotp(test.services, await accountById(test.services, person.id), code, "req_test");
    const second = await tokenOf(await round());
    expect(await findHalfSession(test.services, second)).toMatchObject({ level: "CODE_DUE" });
    provider.person = { ...mine, amr: ["pwd", "otp", "mfa"] };
    expect(await findSession(test.services, await tokenOf(await round()))).not.toBeNull();
  });
});

describe("S15: answers that are not what was asked for", () => {
  async function begun() {
    const person = await makePerson(test.services, { role: "READ_ONLY" });
    provider.person = verified(person.email);
    const { url, binding } = await startSso(test.services, "/");
    return { url, binding, back: provider.authorize(url).searchParams };
  }
  const finish = (search: URLSearchParams, binding: string | null) =>
    finishSso(test.services, { search, binding, browser: BROWSER });

  it.each([
    ["another nonce", { nonce: "n".repeat(43) }],
    ["another issuer", { issuer: "https://evil.example" }],
    ["another audience", { audience: "somebody-else" }],
    ["a forged signature", { isForged: true }],
    ["an old token", { isExpired: true }],
  ])("S15: %s is refused", async (_what, faults) => {
    const { back, binding } = await begun();
    provider.faults = faults;
    expect(await finish(back, binding)).toEqual({ kind: "failed" });
  });

  it("S15: an answer counts once, for the browser that asked, within five minutes", async () => {
    const one = await begun();
    expect(await finish(one.back, "another browser")).toEqual({ kind: "failed" });
    // The state is used up by the wrong try.
    expect(await finish(one.back, one.binding)).toEqual({ kind: "failed" });
    const two = await begun();
    expect(await finish(two.back, null)).toEqual({ kind: "failed" });
    const three = await begun();
    expect((await finish(three.back, three.binding)).kind).toBe("signed_in");
    expect(await finish(three.back, three.binding)).toEqual({ kind: "failed" });
    const late = await begun();
    test.clock.advance(CHALLENGE_LIFE_MS);
    const before = provider.exchanges();
    expect(await finish(late.back, late.binding)).toEqual({ kind: "failed" });
    expect(provider.exchanges()).toBe(before);
  });

  it("S15: a code of one round is worth nothing in another", async () => {
    const [one, two] = [await begun(), await begun()];
    two.back.set("code", one.back.get("code") ?? "");
    expect(await finish(two.back, two.binding)).toEqual({ kind: "failed" });
  });

  it("S15: a state that nobody asked, and a refusal of the provider, end at the sign-in page", async () => {
    const { back, binding } = await begun();
    const strange = new URLSearchParams(back);
    strange.set("state", "s".repeat(43));
    expect(await finish(strange, binding)).toEqual({ kind: "failed" });
    const refused = new URLSearchParams({ state: back.get("state") ?? "", error: "access_denied" });
    expect(await finish(refused, binding)).toEqual({ kind: "failed" });
    expect(await finish(new URLSearchParams(), null)).toEqual({ kind: "failed" });
  });
});

it("a provider that cannot be reached is said so, and asked again the next time", async () => {
  const gone = await testOidcProvider();
  await gone.close();
  const other = await testServices({
    simulator: false,
    environment: { OIDC_ISSUER: gone.issuer, OIDC_CLIENT_ID: "x", OIDC_CLIENT_SECRET: "y" },
  });
  try {
    await expect(startSso(other.services, "/")).rejects.toMatchObject({ code: "unavailable" });
    await expect(startSso(other.services, "/")).rejects.toMatchObject({ code: "unavailable" });
  } finally {
    await other.close();
  }
});

it("without settings there is no single sign-on", async () => {
  const other = await testServices({ simulator: false });
  try {
    await expect(startSso(other.services, "/")).rejects.toMatchObject({ code: "not_found" });
  } finally {
    await other.close();
  }
});
