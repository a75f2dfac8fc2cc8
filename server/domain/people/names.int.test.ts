import { afterAll, beforeAll, expect, it } from "vitest";
import { issueOrAskApiKey } from "@/server/auth/api-keys";
import type { ServiceContext } from "@/server/context";
import { newId } from "@/server/core/ids";
import { getApproval, listApprovals, listFourEyesRules, saveFourEyesRules } from "@/server/domain/approvals/service";
import { listAudit } from "@/server/domain/audit/service";
import { listImports, uploadImport } from "@/server/domain/imports/service";
import { listStateChanges, suspendPartner } from "@/server/domain/partners/service";
import { insertGrant } from "@/server/domain/portal/repository";
import { listPortalGrants } from "@/server/domain/portal/service";
import { registerStore } from "@/server/domain/stores/service";
import {
  createPairingCode,
  listMoves,
  listPairedDevices,
  moveTerminal,
  pairDevice,
} from "@/server/domain/terminals/service";
import { addressIn, type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { asPerson, makePerson } from "@/server/testing/people";
import { getPerson, invitePerson } from "./service";

const STAFF = "Planted Staffname";
let test: TestServices;
let built: BuiltPartner;
let staff: ServiceContext;
let partner: ServiceContext;
let approval: string;
let invited: string;

beforeAll(async () => {
  test = await testServices({ simulator: false });
  built = await makePartner(test.services);
  const person = await makePerson(test.services);
  await test.services.db.query({ text: "update users set name = $2 where id = $1", values: [person.id, STAFF] });
  staff = await asPerson(test.services, person);
  partner = await asPerson(
    test.services,
    await makePerson(test.services, { role: "PARTNER_ADMIN", partners: [built.partner.id] }),
  );
  const { id } = built.partner;
  await saveFourEyesRules(staff, { partnerId: id, refundLimits: {}, apiKeys: true, payoutData: null });
  const asked = await issueOrAskApiKey(staff, { partnerId: id, name: "Till", scopes: ["payments:read"] });
  if (asked.kind !== "approval") throw new Error("expected to need a second person");
  approval = asked.approvalId;
  const email = `${unique("person")}@partner.example`;
  invited = (await invitePerson(staff, { email, name: "New", role: "PARTNER_STAFF", partners: [id] })).id;
  await uploadImport(staff, {
    ...{ kind: "STORES", partnerId: id, fileName: "stores.csv", contentType: "text/csv" },
    bytes: Buffer.from("reference,name\nS-9,Nine\n"),
  });
  const place = { reference: unique("s"), name: "Corner", address: addressIn("SE") };
  const store = await registerStore(partner, { ...place, type: "physical", opening_state: "open" });
  const { code } = await createPairingCode(staff, built.terminal.id, "KIOSK");
  await pairDevice(test.services, { code, address: null, userAgent: null });
  await moveTerminal(staff, built.terminal.id, { store: { id: store.id } });
  await insertGrant(test.services.db, staff.scope, {
    ...{ id: newId("portalGrant"), partnerId: id, kind: "INVITATION", userId: null, email, roles: ["merchant:admin"] },
    ...{ tokenId: null, grantedBy: staff.actor.id, createdAt: test.clock.now() },
  });
  await suspendPartner(staff, id, "A look at it");
});
afterAll(() => test.close());

it.each<[string, (ctx: ServiceContext) => Promise<unknown>]>([
  ["the audit", (ctx) => listAudit(ctx, { partner: built.partner.id }, { limit: 100 })],
  ["requests for a second person", (ctx) => listApprovals(ctx, {}, { limit: 50 })],
  ["one request for a second person", (ctx) => getApproval(ctx, approval)],
  ["the rules for a second person", (ctx) => listFourEyesRules(ctx)],
  ["a person who was invited", (ctx) => getPerson(ctx, invited)],
  ["imports", (ctx) => listImports(ctx, {}, { limit: 50 })],
  ["paired browsers", (ctx) => listPairedDevices(ctx, built.terminal.id)],
  ["a terminal's moves", (ctx) => listMoves(ctx, built.terminal.id)],
  ["access to Klarna's portal", (ctx) => listPortalGrants(ctx, built.partner.id)],
  ["a Partner's history", (ctx) => listStateChanges(ctx, built.partner.id)],
])("S1: %s names the acquirer's staff to the acquirer, and to no Partner", async (_what, read) => {
  expect(JSON.stringify(await read(staff))).toContain(STAFF);
  expect(JSON.stringify(await read(partner))).not.toContain(STAFF);
});

it("S1: nor does a mail that asks a Partner's people to decide", async () => {
  const rows = await test.services.db.query<{ id: string; to: string; partnerId: string | null; body: string }>({
    text: `select m.id, m.to_address as "to", m.partner_id as "partnerId", m.body_secret as body from mails m where m.kind = 'approval_requested'`,
    values: [],
  });
  const texts = rows.map(({ id, partnerId, body }) => ({
    isPartners: partnerId !== null,
    text: test.services.secrets.open(body, `mails|body_secret|${id}|${partnerId ?? "-"}`),
  }));
  expect(texts.some(({ isPartners }) => isPartners)).toBe(true);
  for (const { isPartners, text } of texts)
    expect([isPartners, text.includes(STAFF)]).toEqual([isPartners, !isPartners]);
});
