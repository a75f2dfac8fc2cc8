import { afterAll, beforeAll, expect, it } from "vitest";
import { acceptInvitation, findInvitation } from "@/server/auth/password-links";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { inviteFirstAdministrator } from "./first";
import { InviteSchema } from "./schema";
import { invitePerson, listPeople } from "./service";

let test: TestServices;
beforeAll(async () => {
  test = await testServices({ simulator: false, clock: "movable" });
});
afterAll(() => test.close());

const BROWSER = { address: "203.0.113.7", userAgent: "Test", replaces: null };
const linkOf = async (email: string): Promise<string> => {
  const answer = await inviteFirstAdministrator(test.services, { email, name: "First Person" });
  if ("refusal" in answer) throw new Error(answer.refusal);
  return answer.url.split("#")[1] ?? "";
};

it("a new installation lets its first administrator in by a link that works once, and nobody else by this way afterwards", async () => {
  const lost = await linkOf("first@example.com");
  const token = await linkOf("first@example.com");
  expect(await findInvitation(test.services, lost)).toBeNull();
  expect(await findInvitation(test.services, token)).toEqual({ name: "First Person", email: "first@example.com" });
  const waiting = await linkOf("second@example.com");

  await acceptInvitation(test.services, { token, password: "correct horse battery staple 9", browser: BROWSER });
  const admin = asUser(test.services, "ACQUIRER_ADMIN");
  const [person] = (await listPeople(admin, { search: "first@example.com" }, { limit: 10 })).items;
  expect(person).toMatchObject({ state: "ACTIVE", role: { id: "ACQUIRER_ADMIN" }, partners: [] });

  // Who came in now invites the others; this way is closed, also to who was invited by it before.
  for (const email of ["third@example.com", "first@example.com", "second@example.com"])
    expect(await inviteFirstAdministrator(test.services, { email, name: "Another" })).toMatchObject({
      refusal: expect.stringContaining("already"),
    });
  expect(await findInvitation(test.services, waiting)).not.toBeNull();
  await invitePerson(admin, InviteSchema.parse({ email: "third@example.com", name: "Third", role: "ACQUIRER_ADMIN" }));
  const written = await test.services.db.query({
    text: "select actor_id as actor from audit_entries where action = 'user.invited' order by created_at, id limit 1",
    values: [],
  });
  expect(written).toEqual([{ actor: "npm run first-admin" }]);
});
