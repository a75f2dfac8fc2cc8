import { afterAll, beforeAll, expect, it } from "vitest";
import type { Role } from "@/server/auth/permissions";
import { newId } from "@/server/core/ids";
import { unique } from "@/server/testing/builders";
import { sessionAs, type TestServices, testServices } from "@/server/testing/context";
import { CONTACT, fillDraft, onboardPartner } from "@/server/testing/onboarding";
import { createCallerFactory, router } from "../init";
import { partnersRouter } from "./partners";

const createCaller = createCallerFactory(router({ partners: partnersRouter }));
let test: TestServices;
beforeAll(async () => {
  test = await testServices();
});
afterAll(() => test.close());

function callerAs(role: Role, partners: "all" | string[] = "all", isOwnOrigin = true) {
  return createCaller({
    services: test.services,
    session: sessionAs(test.services, role, partners),
    mode: "test",
    requestId: newId("request"),
    isOwnOrigin,
  }).partners;
}

it("a draft is started, filled, sent and read by procedures", async () => {
  const admin = callerAs("ACQUIRER_ADMIN");
  const choices = await admin.draft.choices();
  expect(choices).toMatchObject({ isFresh: true });
  expect(choices.paymentProfiles.length).toBeGreaterThan(0);
  expect(choices.acquiringAccounts.length).toBeGreaterThan(0);
  const { partnerId: partner } = await admin.draft.start({
    name: "By procedures",
    reference: unique("procedures"),
    country: "DE",
    currency: "EUR",
  });
  const saved = await admin.draft.save({ partner, version: 1, section: { section: "contact", data: CONTACT } });
  expect(saved).toMatchObject({ version: 2, contact: CONTACT, may: { edit: true, decide: true } });
  await expect(admin.draft.submit({ partner, version: 2 })).rejects.toMatchObject({ code: "UNPROCESSABLE_CONTENT" });
  const { partnerId, draft } = await fillDraft(test.services, { reference: unique("sent") });
  const sent = await admin.draft.approve({ partner: partnerId, version: draft.version });
  expect(sent.state).toBe("ONBOARDED");
  expect((await admin.changes({ partner: partnerId })).map((change) => [change.kind, change.state])).toEqual([
    ["ONBOARD", "DONE"],
  ]);
  expect((await admin.history({ partner: partnerId })).map((row) => row.what)).toContain("ACCOUNT");
  expect((await admin.draft.list({ filter: { state: ["ONBOARDED"] } })).items.map((item) => item.partnerId)).toContain(
    partnerId,
  );
});

it("S1: another Partner's id is answered like one that does not exist, whatever the procedure", async () => {
  const { partnerId: theirs } = await onboardPartner(test.services, test.simulator.url, {
    reference: unique("theirs"),
  });
  const { partnerId: ours } = await fillDraft(test.services, { reference: unique("ours") });
  const partner = callerAs("PARTNER_ADMIN", [ours]);
  const brand = {
    reference: "x",
    name: "X",
    website: null,
    logoUrl: null,
    iconUrl: null,
    featureImageUrl: null,
  };
  for (const call of [
    () => partner.draft.get({ partner: theirs }),
    () => partner.draft.save({ partner: theirs, version: 1, section: { section: "contact", data: CONTACT } }),
    () => partner.draft.submit({ partner: theirs, version: 1 }),
    () => partner.history({ partner: theirs }),
    () => partner.changes({ partner: theirs }),
    () => partner.saveBrand({ partner: theirs, input: brand }),
    () => partner.archive({ partner: theirs, kind: "brand", id: "brd_x", isArchived: true }),
    () => partner.saveTerminalSettings({ partner: theirs, settings: {} }),
  ])
    await expect(call()).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect((await partner.draft.list({})).items.map((item) => item.partnerId)).toEqual([ours]);
  expect((await partner.decisions.list({})).items).toEqual([]);
});

it("what is the acquirer's alone is refused to a Partner's people, and changes from another site to everyone", async () => {
  const { partnerId } = await fillDraft(test.services, { reference: unique("alone") });
  const partner = callerAs("PARTNER_ADMIN", [partnerId]);
  for (const call of [
    () => partner.draft.start({ name: "X", reference: "x", country: "DE", currency: "EUR" }),
    () => partner.draft.approve({ partner: partnerId, version: 1 }),
    () => partner.draft.reject({ partner: partnerId, reason: "because" }),
    () => partner.draft.cancel({ partner: partnerId }),
    () => partner.draft.invite({ partner: partnerId, mayEdit: true }),
    () => partner.draft.choices(),
    () => partner.drift.list({}),
    () => partner.drift.check({ partner: partnerId }),
    () => partner.suspend({ partner: partnerId, reason: "because" }),
    () => partner.resume({ partner: partnerId }),
    () => partner.offboard({ partner: partnerId, reason: "because" }),
    () => partner.refresh({ partner: partnerId }),
    () => partner.saveAccount({ partner: partnerId, contact: CONTACT }),
  ])
    await expect(call()).rejects.toMatchObject({ code: "FORBIDDEN" });
  const elsewhere = callerAs("ACQUIRER_ADMIN", "all", false);
  await expect(elsewhere.suspend({ partner: partnerId, reason: "because" })).rejects.toMatchObject({
    code: "FORBIDDEN",
  });
});
