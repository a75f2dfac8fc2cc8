import { afterAll, beforeAll, expect, it } from "vitest";
import { makePartner } from "@/server/testing/builders";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import { deleteView, listViews, saveView } from "./service";

let test: TestServices;
beforeAll(async () => {
  test = await testServices({ simulator: false });
});
afterAll(() => test.close());

const view = (name: string, isShared = false) => ({
  screen: "stores",
  name,
  query: "status=ACTIVE&cursor=abc",
  isShared,
});
const names = async (ctx: ReturnType<typeof asUser>) => (await listViews(ctx, "stores")).items.map((item) => item.name);

it("a view is its owner's until it is shared; the same name replaces it; a place in the list is not kept", async () => {
  const [one, two] = [asUser(test.services, "ACQUIRER_ADMIN"), asUser(test.services, "READ_ONLY")];
  await saveView(one, view("Mine"));
  await saveView(one, { ...view("Mine"), query: "q=berlin&sort=name" });
  expect((await listViews(one, "stores")).items).toMatchObject([
    { name: "Mine", query: "q=berlin&sort=name", isOwn: true },
  ]);
  expect(await names(two)).toEqual([]);
  await saveView(one, view("Ours", true));
  expect((await listViews(two, "stores")).items).toMatchObject([
    { name: "Ours", query: "status=ACTIVE", isShared: true, isOwn: false, canDelete: false },
  ]);
  expect((await listViews(one, "terminals")).items).toEqual([]);
  await expect(saveView(two, view("No", true))).rejects.toMatchObject({ code: "permission_denied" });
  const [ours] = (await listViews(two, "stores")).items;
  await expect(deleteView(two, ours?.id ?? "")).rejects.toMatchObject({ code: "not_found" });
  await deleteView(asUser(test.services, "ACQUIRER_OPERATIONS"), ours?.id ?? "");
  expect(await names(two)).toEqual([]);
});

it("S1: what a Partner's people share stays with that Partner, what the acquirer shares with the acquirer", async () => {
  const [a, b] = [await makePartner(test.services), await makePartner(test.services)];
  const [ofA, staffOfA, ofB] = [
    asUser(test.services, "PARTNER_ADMIN", [a.partner.id]),
    asUser(test.services, "PARTNER_STAFF", [a.partner.id]),
    asUser(test.services, "PARTNER_ADMIN", [b.partner.id]),
  ];
  const acquirer = asUser(test.services, "ACQUIRER_ADMIN");
  await saveView(ofA, view("Of A", true));
  await saveView(acquirer, view("Of the acquirer", true));
  expect(await names(staffOfA)).toEqual(["Of A"]);
  expect(await names(ofB)).toEqual([]);
  expect(await names(acquirer)).toEqual(["Of the acquirer"]);
  const [shared] = (await listViews(ofA, "stores")).items;
  await expect(deleteView(ofB, shared?.id ?? "")).rejects.toMatchObject({ code: "not_found" });
  await expect(deleteView(acquirer, shared?.id ?? "")).rejects.toMatchObject({ code: "not_found" });
  const several = asUser(test.services, "PARTNER_ADMIN", [a.partner.id, b.partner.id]);
  await expect(saveView(several, view("Which", true))).rejects.toMatchObject({ code: "validation_failed" });
  await saveView(several, { ...view("Which", true), partner: b.partner.id });
  expect(await names(ofB)).toEqual(["Which"]);
  await expect(saveView(ofA, { ...view("Theirs", true), partner: b.partner.id })).rejects.toMatchObject({
    code: "validation_failed",
  });
});

it("keys have no views, and nobody keeps more than fifty of a list", async () => {
  const { partner } = await makePartner(test.services);
  await expect(listViews(asApiKey(test.services, { partnerId: partner.id }), "stores")).rejects.toMatchObject({
    code: "permission_denied",
  });
  const ctx = asUser(test.services, "READ_ONLY");
  for (let number = 1; number <= 50; number += 1) await saveView(ctx, view(`View ${number}`));
  await expect(saveView(ctx, view("One more"))).rejects.toMatchObject({ code: "rule_broken" });
  await saveView(ctx, view("View 50"));
  expect((await listViews(ctx, "stores")).items.filter((item) => item.isOwn)).toHaveLength(50);
});
