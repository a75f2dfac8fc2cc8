import { afterAll, beforeAll, expect, it } from "vitest";
import type { ServiceContext } from "@/server/context";
import { getApproval, listApprovals, saveFourEyesRules } from "@/server/domain/approvals/service";
import { carryOut, decide } from "@/server/domain/decisions/service";
import { asSystem, type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { type TestServices, testServices } from "@/server/testing/context";
import { asPerson, makePerson } from "@/server/testing/people";
import { findAccountRow, loadEntities } from "./rows";
import { type EntityInput, EntityInputSchema } from "./schema-account";
import { saveBusinessEntity, saveBusinessEntityOrAsk } from "./service";

let test: TestServices;
let partner: BuiltPartner;
let asker: ServiceContext;
let approver: ServiceContext;
const IBANS = ["SE4550000000058398257466", "DE89370400440532013000"] as const;

beforeAll(async () => {
  test = await testServices({ simulator: false });
  partner = await makePartner(test.services);
  asker = await asPerson(test.services, await makePerson(test.services, { role: "ACQUIRER_OPERATIONS" }));
  approver = await asPerson(test.services, await makePerson(test.services, { role: "ACQUIRER_ADMIN" }));
  await saveFourEyesRules(asSystem(test.services), {
    partnerId: partner.partner.id,
    refundLimits: {},
    apiKeys: null,
    payoutData: true,
  });
});
afterAll(() => test.close());

function entity(reference: string, iban: string | null): EntityInput {
  return EntityInputSchema.parse({
    reference,
    legalName: "Lindqvist Interiör AB",
    country: "SE",
    registrationNumber: "556677-8899",
    registrationAuthority: null,
    entityType: null,
    taxNumber: null,
    licenceNumber: null,
    address: null,
    operatingAddresses: [],
    stakeholders: [],
    ...(iban === null
      ? {}
      : { payout: { delay_days: null, bank_accounts: [{ holder: "Lindqvist Interiör AB", bic: null, iban }] } }),
  });
}

async function ibanOf(reference: string): Promise<string | undefined> {
  const ctx = asSystem(test.services);
  const account = await findAccountRow(ctx.db, ctx.scope, partner.partner.id);
  if (!account) throw new Error("no account");
  const found = (await loadEntities(ctx.db, ctx, account)).find((row) => row.reference === reference);
  return found?.payout?.bank_accounts[0]?.iban;
}

it("S7: payout data of an account in use changes only when a second person agrees, once; the request never shows it", async () => {
  const reference = unique("entity");
  await saveBusinessEntity(asSystem(test.services), partner.partner.id, entity(reference, IBANS[0]));
  await expect(saveBusinessEntity(asker, partner.partner.id, entity(reference, IBANS[1]))).rejects.toMatchObject({
    code: "approval_required",
  });
  // The same account, or nothing about it, needs nobody.
  await saveBusinessEntity(asker, partner.partner.id, entity(reference, IBANS[0]));
  await saveBusinessEntity(asker, partner.partner.id, entity(reference, null));

  const outcome = await saveBusinessEntityOrAsk(asker, partner.partner.id, entity(reference, IBANS[1]));
  if (outcome.kind !== "approval") throw new Error("expected to need a second person");
  expect(await ibanOf(reference)).toBe(IBANS[0]);
  const request = await getApproval(asker, outcome.approvalId);
  expect(request).toMatchObject({ payload: { from: "IBAN SE••7466", to: "IBAN DE••3000" }, isIntact: true });
  const seen = JSON.stringify([request, (await listApprovals(approver, {}, { limit: 10 })).items]) + test.log.join("");
  for (const iban of IBANS) expect(seen).not.toContain(iban.slice(4));

  const yes = { decision: "approve", reason: "" } as const;
  await expect(decide(asker, outcome.approvalId, yes)).rejects.toMatchObject({ code: "permission_denied" });
  expect(await decide(approver, outcome.approvalId, yes)).toEqual({ kind: "payout_changed" });
  expect(await ibanOf(reference)).toBe(IBANS[1]);
  await expect(carryOut(approver, outcome.approvalId)).rejects.toMatchObject({ code: "approval_refused" });
});

it("S7: whoever decides sees each account that changes, also one whose hint is the same", async () => {
  const reference = unique("entity");
  const account = (iban: string, holder = "Lindqvist Interiör AB") => ({ holder, bic: null, iban });
  const withAccounts = (...accounts: ReturnType<typeof account>[]): EntityInput =>
    EntityInputSchema.parse({
      ...entity(reference, null),
      payout: { delay_days: 2, bank_accounts: accounts },
    });
  await saveBusinessEntity(asSystem(test.services), partner.partner.id, withAccounts(account(IBANS[1])));
  const asked = async (input: EntityInput) => {
    const outcome = await saveBusinessEntityOrAsk(asker, partner.partner.id, input);
    if (outcome.kind !== "approval") throw new Error("expected to need a second person");
    return (await getApproval(approver, outcome.approvalId)).payload;
  };
  const from = "IBAN DE••3000 · after 2 days";
  // Another account with the country and last digits of the one before.
  expect(await asked(withAccounts(account("DE20500105170648003000")))).toMatchObject({
    ...{ from, to: from },
    changes: ["bank account: another IBAN"],
  });
  expect(await asked(withAccounts(account(IBANS[1]), account(IBANS[0])))).toMatchObject({
    ...{ from, to: "IBAN DE••3000, IBAN SE••7466 · after 2 days" },
    changes: ["bank account 2 added"],
  });
  expect(await asked(withAccounts(account(IBANS[1], "Somebody Else")))).toMatchObject({
    ...{ from, to: from },
    changes: ["bank account: another holder"],
  });
});
