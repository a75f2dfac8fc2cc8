import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppError } from "@/server/core/errors";
import { saveFourEyesRules } from "@/server/domain/approvals/service";
import {
  changeAccount,
  checkDrift,
  getDraft,
  listDrift,
  listKlarnaChanges,
  resolveDrift,
  saveBrand,
  saveBusinessEntity,
  saveStoreGroup,
  snapshotStores,
  syncPartners,
  tellOfStores,
} from "@/server/domain/partners/service";
import { unique } from "@/server/testing/builders";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { onboardPartner } from "@/server/testing/onboarding";

let test: TestServices;
beforeAll(async () => {
  test = await testServices();
});
afterAll(() => test.close());

const admin = () => asUser(test.services, "ACQUIRER_ADMIN");

/** A call to Klarna that is not ours: somebody changes Klarna's side. */
async function klarna(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const answer = await fetch(`${test.simulator.url}/v2/accounts/${path}`, {
    method,
    headers: {
      authorization: `Basic ${test.simulator.apiKey}`,
      "content-type": "application/json",
      ...(method === "GET" ? {} : { "klarna-idempotency-key": crypto.randomUUID() }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
}

async function drain(partnerId: string): Promise<void> {
  await test.services.db.query({
    text: "update partner_accounts set klarna_free_at = null where partner_id = $1",
    values: [partnerId],
  });
  await syncPartners(test.services, { partnerId, paceMs: 0 });
}

async function openOf(partnerId: string) {
  return (await listDrift(admin(), { partner: partnerId }, { limit: 200 })).items;
}

const word = fc.stringMatching(/^[A-Z][a-z]{3,12}$/);

type Side = "ours" | "theirs";
type Edit = {
  subject: "brand" | "store" | "group" | "entity" | "account";
  index: number;
  field: string;
  value: string;
};

/** One change of one field; two of the same field are told apart by the last. */
const edits = fc.uniqueArray(
  fc.oneof(
    fc.record({
      subject: fc.constant("brand" as const),
      index: fc.nat(2),
      field: fc.constantFrom("name", "logo"),
      value: word,
    }),
    fc.record({
      subject: fc.constant("store" as const),
      index: fc.nat(5),
      field: fc.constantFrom("city", "street_address", "postal_code"),
      value: word,
    }),
    fc.record({
      subject: fc.constant("group" as const),
      index: fc.nat(2),
      field: fc.constantFrom("email", "contact_form"),
      value: word,
    }),
    fc.record({
      subject: fc.constant("entity" as const),
      index: fc.nat(1),
      field: fc.constantFrom("legal_name", "authority", "tax_number"),
      value: word,
    }),
    fc.record({
      subject: fc.constant("account" as const),
      index: fc.constant(0),
      field: fc.constantFrom("given_name", "family_name", "name"),
      value: word,
    }),
  ),
  { minLength: 20, maxLength: 20, selector: (edit) => `${edit.subject} ${edit.index} ${edit.field}` },
);

async function changeTheirs(accountId: string, partnerId: string, edit: Edit): Promise<void> {
  const base = encodeURIComponent(accountId);
  const draft = await getDraft(admin(), partnerId);
  const { value } = edit;
  const link = `https://static.example/${value.toLowerCase()}.png`;
  switch (edit.subject) {
    case "account":
      await klarna(
        "PATCH",
        base,
        edit.field === "name" ? { partner_account_name: value } : { partner_account_contact: { [edit.field]: value } },
      );
      return;
    case "brand": {
      const id = encodeURIComponent(draft.brands[edit.index]?.klarnaId ?? "");
      await klarna(
        "PATCH",
        `${base}/brands/${id}`,
        edit.field === "name" ? { display_name: value } : { element: { logo_url: link } },
      );
      return;
    }
    case "group": {
      const id = encodeURIComponent(draft.storeGroups[edit.index]?.klarnaId ?? "");
      await klarna("PATCH", `${base}/store-groups/${id}`, {
        support_contact: { [edit.field]: edit.field === "email" ? `${value.toLowerCase()}@klarna.example` : link },
      });
      return;
    }
    case "entity": {
      const id = encodeURIComponent(draft.entities[edit.index]?.klarnaId ?? "");
      await klarna(
        "PATCH",
        `${base}/partner-business-entities/${id}`,
        edit.field === "legal_name"
          ? { legal_registered_entity_name: value }
          : { supplementary_business_data: { legal_registration: { [edit.field]: value } } },
      );
      return;
    }
    default: {
      const list = await klarna("GET", `${base}/stores`);
      const stores = list.stores as { store_id: string; store_reference: string; address: Record<string, string> }[];
      const store = stores.find((one) => one.store_reference === `S-000${edit.index + 1}`);
      await klarna("PATCH", `${base}/stores/${encodeURIComponent(store?.store_id ?? "")}`, {
        address: { ...store?.address, [edit.field]: value.slice(0, 10) },
      });
    }
  }
}

/** Changes our rows behind the back of everything that would tell Klarna. */
async function changeOurs(partnerId: string, edit: Edit): Promise<void> {
  const draft = await getDraft(admin(), partnerId);
  const { value } = edit;
  const link = `https://static.example/${value.toLowerCase()}.png`;
  const set = (table: string, id: string | undefined, column: string, to: string) =>
    test.services.db.query({ text: `update ${table} set ${column} = $2 where id = $1`, values: [id, to] });
  switch (edit.subject) {
    case "account":
      if (edit.field === "name") {
        await test.services.db.query({
          text: "update partner_accounts set account_name = $2 where partner_id = $1",
          values: [partnerId, value],
        });
        return;
      }
      await test.services.db.query({
        text: "update partner_accounts set contact_secret = $2 where partner_id = $1",
        values: [
          partnerId,
          test.services.secrets.seal(
            JSON.stringify({ ...draft.contact, [edit.field]: value }),
            `partner_accounts|contact_secret|${partnerId}|test`,
          ),
        ],
      });
      return;
    case "brand":
      await set(
        "brands",
        draft.brands[edit.index]?.id,
        edit.field === "name" ? "name" : "logo_url",
        edit.field === "name" ? value : link,
      );
      return;
    case "group":
      await set(
        "store_groups",
        draft.storeGroups[edit.index]?.id,
        edit.field === "email" ? "support_email" : "support_url",
        edit.field === "email" ? `${value.toLowerCase()}@ours.example` : link,
      );
      return;
    case "entity":
      await set(
        "business_entities",
        draft.entities[edit.index]?.id,
        { legal_name: "legal_name", authority: "registration_authority" }[edit.field] ?? "tax_number",
        value,
      );
      return;
    default:
      await test.services.db.query({
        text: `update stores set address = jsonb_set(address, $2::text[], to_jsonb($3::text)) where id = (select id from stores where partner_id = $1 order by id offset $4 limit 1)`,
        values: [partnerId, [edit.field], value.slice(0, 10), edit.index],
      });
  }
}

describe("drift", () => {
  it("20 random field changes on either side are found and repaired both ways", async () => {
    await fc.assert(
      fc.asyncProperty(
        edits,
        fc.infiniteStream(fc.constantFrom<Side>("ours", "theirs")),
        fc.infiniteStream(fc.constantFrom<"push" | "take">("push", "take")),
        async (changes, sides, ways) => {
          const { partnerId, accountId } = await onboardPartner(test.services, test.simulator.url, {
            reference: unique("drift"),
          });
          expect(await checkDrift(admin(), partnerId)).toMatchObject({ open: 0 });
          const side = sides[Symbol.iterator]();
          const way = ways[Symbol.iterator]();
          for (const edit of changes) {
            if (side.next().value === "theirs") await changeTheirs(accountId, partnerId, edit);
            else await changeOurs(partnerId, edit);
          }
          const { open } = await checkDrift(admin(), partnerId);
          expect(open).toBe(changes.length);
          const found = await openOf(partnerId);
          expect(found).toHaveLength(changes.length);
          const expected = new Map<string, { how: string; value: string | null }>();
          for (const finding of found) {
            const how = way.next().value ?? "push";
            expected.set(`${finding.subjectId} ${finding.field}`, {
              how,
              value: how === "push" ? finding.ours : finding.theirs,
            });
            await resolveDrift(admin(), finding.id, how);
          }
          await drain(partnerId);
          await checkDrift(admin(), partnerId);
          expect(await openOf(partnerId)).toEqual([]);
          const failed = (await listKlarnaChanges(admin(), partnerId)).filter((change) => change.state !== "DONE");
          expect(failed).toEqual([]);
          const states = await test.services.db.query<{ state: string; count: number }>({
            text: "select state, count(*)::int as count from drift_findings where partner_id = $1 group by state",
            values: [partnerId],
          });
          const count = (state: string): number => states.find((row) => row.state === state)?.count ?? 0;
          const wanted = (how: string): number => [...expected.values()].filter((one) => one.how === how).length;
          expect({ pushed: count("PUSHED"), taken: count("TAKEN") }).toEqual({
            pushed: wanted("push"),
            taken: wanted("take"),
          });
        },
      ),
      { numRuns: 5, endOnFailure: true },
    );
  });

  it("finds what only one side has, and repairs it", async () => {
    const { partnerId, accountId } = await onboardPartner(test.services, test.simulator.url, {
      reference: unique("exists"),
    });
    const draft = await getDraft(admin(), partnerId);
    await klarna("POST", `${encodeURIComponent(accountId)}/brands`, {
      brand_reference: "brand-theirs",
      display_name: "Theirs",
      element: { logo_url: "https://static.example/theirs.png" },
    });
    await test.services.db.query({
      text: `insert into stores (id, partner_id, mode, reference, name, type, store_group_id, url, status) values ('sto_only_ours_' || $1, $1, 'test', 'ONLY-OURS', 'Ours', 'WEBSITE', $2, 'https://ours.example', 'ACTIVE')`,
      values: [partnerId, draft.storeGroups[0]?.id],
    });
    await checkDrift(admin(), partnerId);
    const found = await openOf(partnerId);
    expect(found.map((one) => [one.subjectKind, one.field, one.canPush, one.canTake]).sort()).toEqual([
      ["brand", "exists", false, true],
      ["store", "exists", true, false],
    ]);
    for (const one of found) await resolveDrift(admin(), one.id, one.canPush ? "push" : "take");
    await drain(partnerId);
    expect(await checkDrift(admin(), partnerId)).toMatchObject({ open: 0 });
    expect((await getDraft(admin(), partnerId)).brands.map((brand) => brand.reference)).toContain("brand-theirs");
  });

  it("what is on its way to Klarna is no difference", async () => {
    const { partnerId } = await onboardPartner(test.services, test.simulator.url, { reference: unique("busy") });
    const [brand] = (await getDraft(admin(), partnerId)).brands;
    if (!brand) throw new Error("there is a brand");
    const { id: _, klarnaId: _k, version, status: _s, dataState: _d, dataProblem: _p, ...data } = brand;
    await saveBrand(admin(), partnerId, { ...data, name: "Underway" }, version);
    await changeAccount(admin(), partnerId, { accountName: "Underway" });
    expect(await checkDrift(admin(), partnerId)).toMatchObject({ open: 0 });
    await drain(partnerId);
    expect(await checkDrift(admin(), partnerId)).toMatchObject({ open: 0 });
  });

  it("an edit made after the comparison is not undone by taking over what Klarna held before it", async () => {
    const { partnerId, accountId } = await onboardPartner(test.services, test.simulator.url, {
      reference: unique("late"),
    });
    const rename = (brand: number, name: string) =>
      changeTheirs(accountId, partnerId, { subject: "brand", index: brand, field: "name", value: name });
    await rename(0, "Klarnas");
    await rename(1, "Elsewhere");
    await checkDrift(admin(), partnerId);
    const [first, second] = (await getDraft(admin(), partnerId)).brands;
    if (!first || !second) throw new Error("there are brands");
    const { id: _, klarnaId: _k, version, status: _s, dataState: _d, dataProblem: _p, ...brand } = first;
    await saveBrand(admin(), partnerId, { ...brand, name: "Edited" }, version);
    const found = await openOf(partnerId);
    const of = (id: string) => found.find((one) => one.subjectId === id)?.id ?? "";
    for (const how of ["take", "push"] as const)
      expect(await codeOf(resolveDrift(admin(), of(first.id), how))).toBe("state_conflict");
    // Others are as they were compared.
    expect(await codeOf(resolveDrift(admin(), of(second.id), "take"))).toBe("none");
    await drain(partnerId);
    expect(await checkDrift(admin(), partnerId)).toMatchObject({ open: 0 });
    const names = (await getDraft(admin(), partnerId)).brands.map(({ name }) => name);
    expect(names.slice(0, 2)).toEqual(["Edited", "Elsewhere"]);
  });

  it("what only Klarna had is not written over one of ours that was made meanwhile", async () => {
    const { partnerId, accountId } = await onboardPartner(test.services, test.simulator.url, {
      reference: unique("twin"),
    });
    await klarna("POST", `${encodeURIComponent(accountId)}/brands`, {
      brand_reference: "brand-twin",
      display_name: "Theirs",
      element: { logo_url: "https://static.example/theirs.png" },
    });
    await checkDrift(admin(), partnerId);
    const made = { website: null, logoUrl: "https://static.example/ours.png", iconUrl: null, featureImageUrl: null };
    await saveBrand(admin(), partnerId, { reference: "brand-twin", name: "Ours", ...made });
    const [finding] = await openOf(partnerId);
    expect(await codeOf(resolveDrift(admin(), finding?.id ?? "", "take"))).toBe("state_conflict");
    const twin = (await getDraft(admin(), partnerId)).brands.find(({ reference }) => reference === "brand-twin");
    expect(twin?.name).toBe("Ours");
  });

  it("S7: Klarna's payout data is not taken over by one person where two are wanted", async () => {
    const { partnerId, accountId } = await onboardPartner(test.services, test.simulator.url, {
      reference: unique("payout"),
    });
    const entity = (await getDraft(admin(), partnerId)).entities[0];
    const path = `${encodeURIComponent(accountId)}/partner-business-entities/${encodeURIComponent(entity?.klarnaId ?? "")}`;
    const { supplementary_business_data: data } = (await klarna("GET", path)) as {
      supplementary_business_data: { partner_payouts_state: Record<string, unknown> };
    };
    const payouts = { ...data.partner_payouts_state, delay_in_days: 21 };
    await klarna("PATCH", path, { supplementary_business_data: { partner_payouts_state: payouts } });
    await checkDrift(admin(), partnerId);
    const [finding] = await openOf(partnerId);
    expect(finding?.field).toContain("partner_payouts_state");
    const rules = { partnerId, refundLimits: {}, apiKeys: null };
    await saveFourEyesRules(admin(), { ...rules, payoutData: true });
    expect(await codeOf(resolveDrift(admin(), finding?.id ?? "", "take"))).toBe("rule_broken");
    await saveFourEyesRules(admin(), { ...rules, payoutData: null });
    expect(await codeOf(resolveDrift(admin(), finding?.id ?? "", "take"))).toBe("none");
  });

  it("S1: another's finding does not exist, and a Partner's people repair nothing", async () => {
    const { partnerId, accountId } = await onboardPartner(test.services, test.simulator.url, {
      reference: unique("scope"),
    });
    await klarna("PATCH", encodeURIComponent(accountId), { partner_account_name: "Renamed" });
    await checkDrift(admin(), partnerId);
    const [finding] = await openOf(partnerId);
    const partner = asUser(test.services, "PARTNER_ADMIN", [partnerId]);
    expect(await codeOf(resolveDrift(partner, finding?.id ?? "", "take"))).toBe("permission_denied");
    expect(await codeOf(checkDrift(partner, partnerId))).toBe("permission_denied");
    const limited = asUser(test.services, "ACQUIRER_ADMIN", ["ptn_other"]);
    expect(await codeOf(resolveDrift(limited, finding?.id ?? "", "take"))).toBe("not_found");
    expect(await codeOf(checkDrift(limited, partnerId))).toBe("not_found");
  });
});

describe("in step", () => {
  it("each change is told as its own call, in order, and Klarna holds it then", async () => {
    const { partnerId } = await onboardPartner(test.services, test.simulator.url, { reference: unique("step") });
    const ctx = admin();
    const draft = await getDraft(ctx, partnerId);
    const [brand] = draft.brands;
    const [entity] = draft.entities;
    const [group] = draft.storeGroups;
    if (!brand || !entity || !group || !draft.contact) throw new Error("the draft is empty");
    const plain = ({ reference, name, website, logoUrl, iconUrl, featureImageUrl }: typeof brand) => ({
      reference,
      name,
      website,
      logoUrl,
      iconUrl,
      featureImageUrl,
    });
    await changeAccount(ctx, partnerId, { contact: { ...draft.contact, family_name: "Changed" } });
    await saveBrand(ctx, partnerId, { ...plain(brand), name: "Peony" }, brand.version);
    await saveBrand(ctx, partnerId, { ...plain(brand), reference: "brand-new", name: "Daisy" });
    const { id: _id, payoutHint: _hint, klarnaId: _klarna, version: _version, ...facts } = entity;
    await saveBusinessEntity(ctx, partnerId, { ...facts, taxNumber: "DE999999999" }, entity.version);
    await saveStoreGroup(ctx, partnerId, {
      reference: group.reference,
      name: group.name,
      brand: "brand-new",
      supportEmail: group.supportEmail,
      supportPhone: group.supportPhone,
      supportUrl: group.supportUrl,
      socialLinks: group.socialLinks,
    });
    const changes = (await listKlarnaChanges(ctx, partnerId)).filter((change) => change.state === "PENDING").reverse();
    expect(changes.map((change) => change.kind)).toEqual([
      "ACCOUNT_UPDATE",
      "BRAND_UPDATE",
      "BRAND_CREATE",
      "ENTITY_UPDATE",
      "GROUP_UPDATE",
    ]);
    await drain(partnerId);
    const sent = await test.services.db.query<{ path: string }>({
      text: "select path from klarna_change_calls where partner_id = $1 and path not like '%onboard%' order by id",
      values: [partnerId],
    });
    expect(
      sent.map((call) => /(brands|partner-business|store-groups|accounts)[^/]*(\/[^/]*)?$/.exec(call.path)?.[1]),
    ).toEqual(["accounts", "brands", "brands", "partner-business", "store-groups"]);
    expect(await checkDrift(ctx, partnerId)).toMatchObject({ open: 0 });
    expect(await codeOf(saveBrand(ctx, partnerId, { ...plain(brand), name: "Late" }, brand.version))).toBe(
      "state_conflict",
    );
  });

  it("stores that are made, moved and changed are told; a group without one waits for its first", async () => {
    const { partnerId } = await onboardPartner(test.services, test.simulator.url, { reference: unique("stores") });
    const ctx = admin();
    const group = await saveStoreGroup(ctx, partnerId, {
      reference: "group-later",
      name: "Later",
      brand: "brand-rose",
      supportEmail: "late@rose.example",
      supportPhone: null,
      supportUrl: null,
      socialLinks: [],
    });
    expect(await checkDrift(ctx, partnerId)).toMatchObject({ open: 0 });
    const account = { partnerId, mode: "test" as const };
    const insert = (id: string, reference: string) =>
      test.services.db.transaction(async (tx) => {
        await tx.query({
          text: `insert into stores (id, partner_id, mode, reference, name, type, store_group_id, url, status) values ($1,$2,'test',$3,'Web','WEBSITE',$4,'https://web.example','ACTIVE')`,
          values: [id, partnerId, reference, group.id],
        });
        await tellOfStores(tx, ctx, partnerId, [{ id, before: null }]);
      });
    const first = `sto_first_${partnerId}`;
    await insert(first, "WEB-1");
    await drain(partnerId);
    await insert(`sto_second_${partnerId}`, "WEB-2");
    await test.services.db.transaction(async (tx) => {
      const before = await snapshotStores(tx, account, [first]);
      await tx.query({ text: "update stores set url = 'https://moved.example' where id = $1", values: [first] });
      const count = await tellOfStores(tx, ctx, partnerId, [{ id: first, before: before.get(first) ?? null }]);
      expect(count).toBe(1);
    });
    await drain(partnerId);
    const left = (await listKlarnaChanges(ctx, partnerId)).filter((change) => change.state !== "DONE");
    expect(left).toEqual([]);
    expect(await checkDrift(ctx, partnerId)).toMatchObject({ open: 0 });
    const [row] = await test.services.db.query<{ count: number }>({
      text: "select count(*)::int as count from stores where partner_id = $1 and reference like 'WEB-%' and klarna_store_id is not null",
      values: [partnerId],
    });
    expect(row?.count).toBe(2);
  });

  it("what Klarna refuses ends as failed with an alarm and holds up nothing behind it", async () => {
    const { partnerId } = await onboardPartner(test.services, test.simulator.url, { reference: unique("fails") });
    const ctx = admin();
    const draft = await getDraft(ctx, partnerId);
    const entity = draft.entities[1];
    const [brand] = draft.brands;
    if (!entity || !brand) throw new Error("the draft is empty");
    const { id, payoutHint: _hint, klarnaId: _klarna, version: _version, ...facts } = entity;
    // The number alone passes our rules and Klarna's of an update; the country with it does not.
    await saveBusinessEntity(ctx, partnerId, { ...facts, registrationNumber: "ATU12345678" });
    await saveBrand(ctx, partnerId, {
      reference: brand.reference,
      name: "After",
      website: null,
      logoUrl: brand.logoUrl,
      iconUrl: null,
      featureImageUrl: null,
    });
    await drain(partnerId);
    const changes = await listKlarnaChanges(ctx, partnerId);
    expect(changes.find((change) => change.subjectId === id)).toMatchObject({
      state: "FAILED",
      klarnaErrorCode: "VALIDATION_ERROR",
    });
    expect(changes.find((change) => change.subjectId === brand.id)?.state).toBe("DONE");
    const alarms = await test.services.db.query({
      text: "select 1 from alarms where subject_id = $1 and kind = 'klarna_change_failed' and cleared_at is null",
      values: [id],
    });
    expect(alarms).toHaveLength(1);
  });
});
