import { afterAll, beforeAll, expect, it } from "vitest";
import { makePartner } from "@/server/testing/builders";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { accountById, auditOf, mailsTo, makePerson, TEST_PASSWORD } from "@/server/testing/sign-in";
import { resetSecondFactors } from "./reset-second-factors";
import { findSession, startSession } from "./sessions";
import { signIn } from "./sign-in";

let test: TestServices;
beforeAll(async () => {
  test = await testServices({ simulator: false, environment: { TWO_FACTOR: "required" } });
});
afterAll(() => test.close());

async function personWithApp(role: "ACQUIRER_OPERATIONS" | "PARTNER_ADMIN", partners: string[] = []) {
  const person = await makePerson(test.services, { role, partners });
  await test.services.db.query({
    text: "insert into totp_factors (user_id, secret, confirmed_at) values ($1, 'v1.test.x', now())",
    values: [person.id],
  });
  return person;
}

it("S12: an administrator takes a lost second step away: sessions end, the person hears of it and sets up a new one", async () => {
  const person = await personWithApp("ACQUIRER_OPERATIONS");
  const browser = { address: "192.0.2.11", userAgent: "test", replaces: null };
  const { token } = await startSession(test.services.db, test.services, { userId: person.id, ...browser });
  await resetSecondFactors(asUser(test.services, "ACQUIRER_ADMIN"), person.id);
  expect(await findSession(test.services, token)).toBeNull();
  expect(await accountById(test.services, person.id)).toMatchObject({ hasTotp: false, passkeys: 0 });
  expect(await mailsTo(test.services, person.email)).toEqual(["second_step_reset"]);
  expect(await auditOf(test.services, person.id)).toContain("user.second_factors_reset");
  const next = await signIn(test.services, { ...browser, email: person.email, password: TEST_PASSWORD });
  expect(next).toMatchObject({ kind: "signed_in", level: "ENROLMENT_DUE" });
  await expect(resetSecondFactors(asUser(test.services, "ACQUIRER_ADMIN"), person.id)).rejects.toMatchObject({
    code: "state_conflict",
  });
});

it("S2: nobody does so to people whom they may not change", async () => {
  const [{ partner }, other] = [await makePartner(test.services), await makePartner(test.services)];
  const own = await personWithApp("PARTNER_ADMIN", [partner.id]);
  const operations = asUser(test.services, "ACQUIRER_OPERATIONS");
  await expect(resetSecondFactors(operations, own.id)).rejects.toMatchObject({ code: "permission_denied" });
  const stranger = asUser(test.services, "PARTNER_ADMIN", [other.partner.id]);
  await expect(resetSecondFactors(stranger, own.id)).rejects.toMatchObject({ code: "not_found" });
  expect((await accountById(test.services, own.id)).hasTotp).toBe(true);
  await resetSecondFactors(asUser(test.services, "PARTNER_ADMIN", [partner.id]), own.id);
  expect((await accountById(test.services, own.id)).hasTotp).toBe(false);
});
