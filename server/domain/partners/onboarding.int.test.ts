import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppError } from "@/server/core/errors";
import { listAudit } from "@/server/domain/audit/service";
import { searchRecords } from "@/server/domain/overview/service";
import { unique } from "@/server/testing/builders";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { BRANDS, CONTACT, ENTITIES, fillDraft, GROUPS, makeOperational, save } from "@/server/testing/onboarding";
import { asPerson, makePerson } from "@/server/testing/people";
import {
  approveDraft,
  getAccountRecord,
  getDraft,
  listDrift,
  listKlarnaChanges,
  rejectDraft,
  saveDraftSection,
  setPartnerMayEdit,
  startOnboarding,
  submitDraft,
  syncPartners,
} from "./service";

let test: TestServices;
beforeAll(async () => {
  test = await testServices();
});
afterAll(() => test.close());

const admin = () => asUser(test.services, "ACQUIRER_ADMIN");

type AtKlarna = {
  state: string;
  partner_business_entities: {
    partner_business_entity_reference: string;
    supplementary_business_data: Record<string, unknown>;
  }[];
  brands: { brand_reference: string }[];
  store_groups: { store_group_reference: string; stores: { store_reference: string }[] }[];
  products: { state: string; payment_accounts: { payment_account_reference: string }[] }[];
};
async function atKlarna(accountId: string): Promise<AtKlarna> {
  const answer = await fetch(`${test.simulator.url}/_control/accounts/${encodeURIComponent(accountId)}/resources`);
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()) as AtKlarna;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
}

describe("a draft", () => {
  it("names what is missing with the requirement that asks for it, and cannot be submitted until it is there", async () => {
    const ctx = admin();
    const { partnerId } = await startOnboarding(ctx, {
      name: "Empty",
      reference: unique("empty"),
      country: "DE",
      currency: "EUR",
    });
    const draft = await getDraft(ctx, partnerId);
    expect(draft.completeness.isReady).toBe(false);
    expect(draft.completeness.missing).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ requirement: "KNR-D2", section: "contact", level: "required" }),
        expect.objectContaining({ requirement: "KNR-D9", section: "payments", field: "paymentProfileId" }),
      ]),
    );
    expect(await codeOf(submitDraft(ctx, partnerId, draft.version))).toBe("rule_broken");
    const better = await save(ctx, partnerId, { section: "contact", data: CONTACT });
    expect(better.completeness.score).toBeGreaterThan(draft.completeness.score);
    const full = await fillDraft(test.services, { reference: unique("full") });
    expect(full.draft.completeness.isReady).toBe(true);
  });

  it("keeps two people from overwriting each other", async () => {
    const ctx = admin();
    const { partnerId } = await startOnboarding(ctx, {
      name: "Two",
      reference: unique("two"),
      country: "DE",
      currency: "EUR",
    });
    const { version } = await getDraft(ctx, partnerId);
    await saveDraftSection(ctx, partnerId, { section: "contact", data: CONTACT, version });
    expect(await codeOf(saveDraftSection(ctx, partnerId, { section: "brands", data: BRANDS, version }))).toBe(
      "state_conflict",
    );
  });

  it("S7: what was changed after the acquirer looked is neither handed in nor approved unseen", async () => {
    const ctx = admin();
    const { partnerId, draft } = await fillDraft(test.services, { reference: unique("unseen") });
    await save(ctx, partnerId, { section: "contact", data: { ...CONTACT, given_name: "Changed" } });
    expect(await codeOf(submitDraft(ctx, partnerId, draft.version))).toBe("state_conflict");
    expect(await codeOf(approveDraft(ctx, partnerId, draft.version))).toBe("state_conflict");
    expect(await listKlarnaChanges(ctx, partnerId)).toEqual([]);
    expect((await getDraft(ctx, partnerId)).state).toBe("DRAFT");
  });

  it("S1: is filled by its Partner's people only when invited, never prices, never another's", async () => {
    const ctx = admin();
    const { partnerId, draft } = await fillDraft(test.services, { reference: unique("own") });
    const other = await fillDraft(test.services, { reference: unique("other") });
    const partner = asUser(test.services, "PARTNER_ADMIN", [partnerId]);
    expect(await codeOf(save(partner, partnerId, { section: "contact", data: CONTACT }))).toBe("permission_denied");
    await setPartnerMayEdit(ctx, partnerId, true);
    await save(partner, partnerId, { section: "contact", data: { ...CONTACT, given_name: "Petra" } });
    expect(await codeOf(save(partner, other.partnerId, { section: "contact", data: CONTACT }))).toBe("not_found");
    expect(
      await codeOf(
        save(partner, partnerId, { section: "payments", data: { paymentProfileId: null, paymentAccounts: [] } }),
      ),
    ).toBe("permission_denied");
    expect(await codeOf(approveDraft(partner, partnerId, draft.version))).toBe("permission_denied");
    // Nor by somebody who sees no more than the Partner does, whatever else they may do.
    const tied = asUser(test.services, "ACQUIRER_OPERATIONS", [partnerId]);
    expect(await codeOf(approveDraft(tied, partnerId, draft.version))).toBe("permission_denied");
    const submitted = await submitDraft(partner, partnerId, (await getDraft(partner, partnerId)).version);
    expect(submitted.state).toBe("SUBMITTED");
    expect(await codeOf(save(partner, partnerId, { section: "contact", data: CONTACT }))).toBe("permission_denied");
    const back = await rejectDraft(ctx, partnerId, "The logo is too small.");
    expect(back).toMatchObject({ state: "DRAFT", rejectReason: "The logo is too small." });
    await save(partner, partnerId, { section: "contact", data: CONTACT });
  });

  it("S60: keeps people and bank accounts sealed, and shows of payouts a hint only", async () => {
    const { partnerId, draft } = await fillDraft(test.services, { reference: unique("sealed") });
    expect(draft.entities[0]?.payoutHint).toBe("IBAN DE••3000");
    expect(JSON.stringify(draft)).not.toContain("DE89370400440532013000");
    const rows = await test.services.db.query<{ text: string }>({
      text: `select (select string_agg(e::text, '') from business_entities e where partner_id = $1) || (select string_agg(s::text, '') from stakeholders s where partner_id = $1)
        || (select string_agg(a::text, '') from partner_accounts a where partner_id = $1) || (select string_agg(u::text, '') from audit_entries u where partner_id = $1) as text`,
      values: [partnerId],
    });
    const stored = rows[0]?.text ?? "";
    expect(stored).toContain("entity-de");
    for (const secret of ["DE89370400440532013000", "Planted-Person", "L01X00T471", CONTACT.email]) {
      expect(stored).not.toContain(secret);
      expect(test.log.join("\n")).not.toContain(secret);
    }
    // Saved again without the payout, the payout stays.
    const ctx = admin();
    const again = await save(ctx, partnerId, {
      section: "entities",
      data: ENTITIES.map(({ payout: _payout, ...entity }) => entity),
    });
    expect(again.entities[0]?.payoutHint).toBe("IBAN DE••3000");
  });
});

it("S1: the people behind a Partner are for those who may fill in onboarding data; others see how many there are", async () => {
  const { partnerId, draft } = await fillDraft(test.services, { reference: unique("behind") });
  const people = draft.entities.flatMap((entity) => entity.stakeholders);
  const planted = [
    ...people.flatMap((one) => [one.family_name, one.date_of_birth, one.national_identification?.number]),
    CONTACT.email,
  ].filter((text) => typeof text === "string");
  expect(planted.length).toBeGreaterThan(3);
  const seenBy = async (ctx: ReturnType<typeof admin>) => (await getAccountRecord(ctx, partnerId))?.entities ?? [];
  for (const role of ["READ_ONLY", "ACQUIRER_FINANCE"] as const) {
    const ctx = asUser(test.services, role);
    const entities = await seenBy(ctx);
    expect(entities.map(({ stakeholders }) => stakeholders)).toEqual(draft.entities.map(() => []));
    expect(entities.map(({ stakeholderCount }) => stakeholderCount)).toEqual(
      draft.entities.map(({ stakeholders }) => stakeholders.length),
    );
    const shown = JSON.stringify([
      await getAccountRecord(ctx, partnerId),
      await listAudit(ctx, { partner: partnerId }, { limit: 100 }),
      await listKlarnaChanges(ctx, partnerId),
      await searchRecords(ctx, draft.partnerReference),
    ]);
    for (const text of planted) expect(shown).not.toContain(text);
    expect(await codeOf(getDraft(ctx, partnerId))).toBe("permission_denied");
    expect(await codeOf(listDrift(ctx, { partner: partnerId }, { limit: 10 }))).toBe("permission_denied");
  }
  for (const ctx of [asUser(test.services, "ACQUIRER_OPERATIONS"), asUser(test.services, "PARTNER_ADMIN", [partnerId])])
    expect((await seenBy(ctx)).flatMap(({ stakeholders }) => stakeholders)).toEqual(people);
});

describe("onboarding", () => {
  it("two entities, three brands, 400 stores and 900 terminals reach Klarna in one call, exactly", async () => {
    const ctx = admin();
    const reference = unique("large");
    const { partnerId, draft } = await fillDraft(test.services, { reference, stores: 400, terminals: 900 });
    expect(draft).toMatchObject({ storeCount: 400, terminalCount: 900 });
    const sent = await approveDraft(ctx, partnerId, draft.version);
    expect(sent.problems).toEqual([]);
    expect(sent.state).toBe("ONBOARDED");
    const accountId = sent.klarnaPartnerAccountId ?? "";
    const there = await atKlarna(accountId);
    expect(there.partner_business_entities.map((one) => one.partner_business_entity_reference)).toEqual(
      ENTITIES.map((one) => one.reference),
    );
    expect(there.brands.map((one) => one.brand_reference)).toEqual(BRANDS.map((one) => one.reference));
    expect(there.store_groups.map((one) => one.store_group_reference)).toEqual(GROUPS.map((one) => one.reference));
    const stores = there.store_groups.flatMap((one) => one.stores.map((store) => store.store_reference)).sort();
    expect(stores).toEqual(Array.from({ length: 400 }, (_, n) => `S-${String(n + 1).padStart(4, "0")}`));
    const [row] = await test.services.db.query<{ calls: number; stores: number; terminals: number; told: number }>({
      text: `select (select count(*)::int from klarna_change_calls where partner_id = $1) as calls,
        (select count(*)::int from stores where partner_id = $1 and status = 'ACTIVE' and klarna_store_id is not null) as stores,
        (select count(*)::int from terminals where partner_id = $1 and status = 'ACTIVE') as terminals,
        (select count(*)::int from payment_accounts where partner_id = $1 and state = 'ENABLED' and klarna_payment_account_id is not null) as told`,
      values: [partnerId],
    });
    expect(row).toEqual({ calls: 1, stores: 400, terminals: 900, told: 2 });
    await makeOperational(test.services, test.simulator.url, accountId);
    const done = await getDraft(ctx, partnerId);
    expect(done).toMatchObject({ state: "OPERATIONAL", accountState: "OPERATIONAL" });
    const events = await test.services.db.query<{ type: string }>({
      text: "select type from outbox_events where partner_id = $1 order by position",
      values: [partnerId],
    });
    expect(events.map((event) => event.type)).toEqual(["partner.operational"]);
  });

  it("what Klarna refuses comes back at its field, and the correction goes out as a new call", async () => {
    const ctx = admin();
    const { partnerId } = await fillDraft(test.services, { reference: unique("refused") });
    await save(ctx, partnerId, {
      section: "entities",
      data: ENTITIES.map((entity) =>
        entity.reference === "entity-at" ? { ...entity, registrationNumber: "ATU12345678" } : entity,
      ),
    });
    const refused = await approveDraft(ctx, partnerId, (await getDraft(ctx, partnerId)).version);
    expect(refused.state).toBe("REFUSED");
    expect(refused.problems).toEqual([
      {
        section: "entities",
        item: "entity-at",
        field: "registrationNumber",
        detail: expect.stringContaining("register number"),
      },
    ]);
    const corrected = await save(ctx, partnerId, { section: "entities", data: ENTITIES });
    expect(corrected.problems).toEqual([]);
    const taken = await approveDraft(ctx, partnerId, corrected.version);
    expect(taken.state).toBe("ONBOARDED");
    const keys = await test.services.db.query<{ key: string }>({
      text: "select distinct idempotency_key as key from klarna_changes where partner_id = $1 and kind = 'ONBOARD'",
      values: [partnerId],
    });
    expect(keys).toHaveLength(2);
  });

  it("an answer that got lost is asked for again with the same key: one account, not two", async () => {
    const ctx = admin();
    const reference = unique("lost");
    const { partnerId, draft } = await fillDraft(test.services, { reference });
    const real = ctx.klarna;
    let isCut = true;
    const cut = {
      ...ctx,
      klarna: {
        ...real,
        call: async (...args: Parameters<typeof real.call>) => {
          const outcome = await real.call(...args);
          if (!isCut || args[0].operation !== "onboard") return outcome;
          isCut = false;
          return { kind: "unknown" as const, reason: "UND_ERR_SOCKET", calls: outcome.calls };
        },
      },
    };
    const waiting = await approveDraft(cut, partnerId, draft.version);
    expect(waiting.state).toBe("ONBOARDING");
    await test.services.db.query({
      text: "update klarna_changes set next_attempt_at = now() - interval '1 second' where partner_id = $1",
      values: [partnerId],
    });
    await test.services.db.query({
      text: "update partner_accounts set klarna_free_at = null where partner_id = $1",
      values: [partnerId],
    });
    await syncPartners(test.services, { partnerId, paceMs: 0 });
    const done = await getDraft(ctx, partnerId);
    expect(done.state).toBe("ONBOARDED");
    const answer = await fetch(`${test.simulator.url}/_control/accounts`);
    const text = await answer.text();
    expect(text.split(`"partner_account_reference":"${reference}"`).length - 1).toBeLessThanOrEqual(1);
  });

  it("is the same in live mode, and the two modes share nothing but the Partner", async () => {
    const live = asUser(test.services, "ACQUIRER_ADMIN", "all", "live");
    const { partnerId, draft } = await fillDraft(test.services, { reference: unique("live"), mode: "live" });
    const sent = await approveDraft(live, partnerId, draft.version);
    expect(sent.state).toBe("ONBOARDED");
    expect(await codeOf(getDraft(admin(), partnerId))).toBe("not_found");
    await startOnboarding(admin(), { partnerId });
    expect(await getDraft(admin(), partnerId)).toMatchObject({ state: "DRAFT", brands: [], storeCount: 0 });
  });

  it("begins in the other mode with what is there, without prices and Klarna's ids", async () => {
    const { partnerId, draft } = await fillDraft(test.services, { reference: unique("copy") });
    await approveDraft(admin(), partnerId, draft.version);
    const live = asUser(test.services, "ACQUIRER_ADMIN", "all", "live");
    await startOnboarding(live, { partnerId, isCopy: true });
    const copy = await getDraft(live, partnerId);
    expect(copy).toMatchObject({
      storeCount: 6,
      terminalCount: 9,
      contact: CONTACT,
      paymentAccounts: [],
      state: "DRAFT",
    });
    expect(copy.entities.map((entity) => [entity.reference, entity.payoutHint, entity.klarnaId])).toEqual([
      ["entity-de", "IBAN DE••3000", null],
      ["entity-at", null, null],
    ]);
    expect(copy.storeGroups.map((group) => [group.reference, group.storeCount])).toEqual(
      GROUPS.map((group) => [group.reference, 2]),
    );
    expect(copy.completeness.missing.filter((item) => item.level === "required").map((item) => item.section)).toEqual([
      "payments",
      "payments",
    ]);
  });
});

describe("who is told", () => {
  it("the acquirer hears by mail that a draft was handed in, the Partner that it was sent back or approved; Klarna is told the address that asked", async () => {
    const { partnerId } = await fillDraft(test.services, { reference: unique("told") });
    const starter = await makePerson(test.services, { role: "ACQUIRER_ADMIN" });
    const owner = await makePerson(test.services, { role: "PARTNER_ADMIN", partners: [partnerId] });
    await test.services.db.query({
      text: "update onboardings set created_by = $2 where partner_id = $1",
      values: [partnerId, starter.id],
    });
    const [theirs, ours] = [await asPerson(test.services, owner), await asPerson(test.services, starter)];
    await setPartnerMayEdit(ours, partnerId, true);
    const handedIn = await submitDraft(theirs, partnerId, (await getDraft(theirs, partnerId)).version, "192.0.2.7");
    await rejectDraft(ours, partnerId, "The register number is another one.");
    const again = await getDraft(theirs, partnerId);
    expect(again.version).toBeGreaterThan(handedIn.version);
    const second = await submitDraft(theirs, partnerId, again.version, "192.0.2.8");
    await approveDraft(ours, partnerId, second.version, "198.51.100.1");
    const mails = await test.services.db.query<{ kind: string; to: string }>({
      text: `select kind, to_address as to from mails where to_address = any($1) order by created_at, id`,
      values: [[starter.email, owner.email]],
    });
    expect(mails).toEqual([
      { kind: "onboarding_submitted", to: starter.email },
      { kind: "onboarding_sent_back", to: owner.email },
      { kind: "onboarding_submitted", to: starter.email },
      { kind: "onboarding_approved", to: owner.email },
    ]);
    const [row] = await test.services.db.query<{ from: string }>({
      text: `select requested_from as "from" from onboardings where partner_id = $1`,
      values: [partnerId],
    });
    expect(row?.from).toBe("192.0.2.8");
  });
});
