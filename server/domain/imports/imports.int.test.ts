import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServiceContext } from "@/server/context";
import { checkInvariants } from "@/server/domain/invariants";
import { cancelDraft, getDraft, setPartnerMayEdit, submitDraft } from "@/server/domain/partners/service";
import { makePartner, unique } from "@/server/testing/builders";
import { asUser, type TestServices, testServices } from "@/server/testing/context";
import { fillDraft } from "@/server/testing/onboarding";
import type { ImportDefaults } from "./schema";
import {
  cancelImport,
  checkImport,
  continueImports,
  getImport,
  listImportRows,
  listImports,
  removeOldImports,
  startImport,
  uploadImport,
} from "./service";
import type { ImportKind } from "./states";

let test: TestServices;
beforeAll(async () => {
  test = await testServices({ simulator: false });
});
afterAll(() => test.close());

const admin = () => asUser(test.services, "ACQUIRER_ADMIN");

function upload(ctx: ServiceContext, kind: ImportKind, partnerId: string | null, text: string, name = "rows.csv") {
  return uploadImport(ctx, {
    kind,
    partnerId,
    fileName: name,
    contentType: "text/csv",
    bytes: new TextEncoder().encode(text),
  });
}

async function checked(
  ctx: ServiceContext,
  kind: ImportKind,
  partnerId: string | null,
  text: string,
  defaults: Partial<ImportDefaults> = {},
) {
  const made = await upload(ctx, kind, partnerId, text);
  return checkImport(ctx, made.id, { columns: made.columns, defaults });
}

async function finish(id: string) {
  for (;;) {
    const progress = await continueImports(test.services, id);
    if (progress === null || progress.isDone) break;
  }
  return getImport(admin(), id);
}

async function run(...args: Parameters<typeof checked>) {
  const { id } = await checked(...args);
  await startImport(args[0], id);
  return finish(id);
}

const count = async (table: string, partnerId: string, where = "true") => {
  const [row] = await test.services.db.query<{ count: number }>({
    text: `select count(*)::int as count from ${table} where partner_id = $1 and ${where}`,
    values: [partnerId],
  });
  return row?.count ?? 0;
};

const storeLines = (numbers: readonly number[], group = "group-rose", prefix = "S") =>
  [
    "reference,name,store_group,street,zip,city,country",
    ...numbers.map((n) => `${prefix}-${n},Store ${n},${group},Street ${n},10119,Berlin,DE`),
  ].join("\n");
const range = (length: number) => Array.from({ length }, (_, at) => at + 1);

async function draft() {
  const { partnerId } = await fillDraft(test.services, { reference: unique("imp"), stores: 0, terminals: 0 });
  return partnerId;
}

describe("stores and terminals", () => {
  it("a draft takes 400 stores and 900 terminals from files, as drafts, and its version goes up", async () => {
    const partnerId = await draft();
    const before = await getDraft(admin(), partnerId);
    const stores = await run(admin(), "STORES", partnerId, storeLines(range(400)));
    expect(stores).toMatchObject({ state: "DONE", rowCount: 400, doneCount: 400, failedCount: 0, isDraft: true });
    const terminals = await run(
      admin(),
      "TERMINALS",
      partnerId,
      [
        "store,reference,label,device,qr",
        ...range(900).map((n) => `S-${1 + (n % 400)},T-${n},Till ${n},tablet,yes`),
      ].join("\n"),
    );
    expect(terminals).toMatchObject({ state: "DONE", doneCount: 900 });
    expect(await count("stores", partnerId, "status = 'DRAFT' and store_group_id is not null and country = 'DE'")).toBe(
      400,
    );
    expect(await count("terminals", partnerId, "status = 'DRAFT' and device = 'TABLET' and can_show_qr")).toBe(900);
    expect(await count("klarna_changes", partnerId)).toBe(0);
    const after = await getDraft(admin(), partnerId);
    expect(after).toMatchObject({ storeCount: 400, terminalCount: 900 });
    expect(after.version).toBeGreaterThan(before.version);
    expect(await count("audit_entries", partnerId, "action = 'store.created'")).toBe(400);
  });

  it("the check says what is wrong with each row and makes nothing", async () => {
    const partnerId = await draft();
    const lines = [
      "reference;name;type;store_group;street;zip;city;country;url;email",
      "OK-1;Good;physical;group-rose;Street 1;10119;Berlin;de;;",
      ";No reference;physical;group-rose;Street 1;10119;Berlin;DE;;",
      "OK-1;Twice;physical;group-rose;Street 1;10119;Berlin;DE;;",
      "B-3;Bad group;physical;nowhere;Street 1;10119;Berlin;DE;;",
      "B-4;Bad type;castle;group-rose;Street 1;10119;Berlin;DE;;",
      "B-5;No address;physical;group-rose;;;;;;",
      "B-6;Bad mail;physical;group-rose;Street 1;10119;Berlin;DE;;not-an-address",
      "W-1;Site;Website;All of tulip;;;;;blumen.example;",
    ].join("\n");
    const result = await checked(admin(), "STORES", partnerId, lines);
    expect(result).toMatchObject({
      state: "CHECKED",
      rowCount: 8,
      validCount: 2,
      invalidCount: 6,
      actions: { create: 2 },
    });
    const { items } = await listImportRows(admin(), result.id, { state: ["INVALID"] }, { limit: 50 });
    expect(items.map((row) => [row.rowNumber, row.problems.map((problem) => problem.field)])).toEqual([
      [3, ["reference"]],
      [4, ["reference"]],
      [5, ["store_group"]],
      [6, ["type"]],
      [7, ["street_address", "postal_code", "city"]],
      [8, ["support_email"]],
    ]);
    expect(items[1]?.problems[0]?.detail).toBe("is the same as in row 2");
    expect(await count("stores", partnerId)).toBe(0);
    await startImport(admin(), result.id);
    const done = await finish(result.id);
    expect(done).toMatchObject({ state: "DONE", doneCount: 2, invalidCount: 6 });
    const [site] = await test.services.db.query<{ url: string; type: string }>({
      text: "select url, type from stores where partner_id = $1 and reference = 'W-1'",
      values: [partnerId],
    });
    expect(site).toMatchObject({ url: "https://blumen.example", type: "WEBSITE" });
  });

  it("the same file again changes nothing; another file changes only the columns that it has", async () => {
    const partnerId = await draft();
    await run(admin(), "STORES", partnerId, storeLines(range(5)));
    const again = await checked(admin(), "STORES", partnerId, storeLines(range(6)));
    expect(again.actions).toEqual({ create: 1, update: 0, none: 5 });
    await startImport(admin(), again.id);
    await finish(again.id);
    expect(await count("stores", partnerId)).toBe(6);

    const edited = await run(admin(), "STORES", partnerId, "reference,opening_state\nS-1,temporarily closed\nS-2,open");
    expect(edited.actions).toEqual({ create: 0, update: 1, none: 1 });
    const [store] = await test.services.db.query<Record<string, unknown>>({
      text: "select name, opening_state, version, address->>'city' as city from stores where partner_id = $1 and reference = 'S-1'",
      values: [partnerId],
    });
    expect(store).toEqual({ name: "Store 1", opening_state: "TEMPORARILY_CLOSED", version: 2, city: "Berlin" });
    const skipped = await checked(admin(), "STORES", partnerId, "reference,opening_state\nS-1,open", {
      existing: "skip",
    });
    expect(skipped.actions).toEqual({ create: 0, update: 0, none: 1 });
  });

  it("an operational Partner's new stores are queued for Klarna in one call, its terminals are at once in use", async () => {
    const built = await makePartner(test.services);
    const partnerId = built.partner.id;
    await test.services.db.query({
      text: `with b as (insert into brands (id, partner_id, mode, reference, name) values ('brd_' || $1, $1, 'test', 'b', 'B') returning id)
        insert into store_groups (id, partner_id, mode, brand_id, reference, name) select 'stg_' || $1, $1, 'test', id, 'only', 'Only' from b`,
      values: [partnerId],
    });
    const done = await run(admin(), "STORES", partnerId, storeLines(range(40), "only"));
    expect(done).toMatchObject({ state: "DONE", doneCount: 40, isDraft: false });
    expect(await count("stores", partnerId, "status = 'ACTIVE'")).toBe(41);
    expect(await count("klarna_changes", partnerId)).toBe(1);
    await run(admin(), "STORES", partnerId, "reference,name\nS-3,Renamed");
    expect(
      await count("outbox_events", partnerId, "type = 'store.updated' and payload->'previous'->>'name' = 'Store 3'"),
    ).toBe(1);
    await run(admin(), "TERMINALS", partnerId, `store,reference\n${built.store.reference},X-1`);
    const labels = await run(
      admin(),
      "TERMINALS",
      partnerId,
      `store,reference,label\n${built.store.reference},X-1,Front till`,
    );
    expect(labels.actions).toEqual({ create: 0, update: 1, none: 0 });
    expect(await count("terminals", partnerId, "status = 'ACTIVE' and label = 'Front till' and version = 2")).toBe(1);
  });

  it("rows that were taken or spoiled between check and run fail alone", async () => {
    const partnerId = await draft();
    const ready = await checked(admin(), "STORES", partnerId, storeLines([1, 2, 3]));
    await run(admin(), "STORES", partnerId, storeLines([2]));
    await test.services.db.query({
      text: "update stores set status = 'ARCHIVED', archived_at = now() where partner_id = $1 and reference = 'S-2'",
      values: [partnerId],
    });
    await startImport(admin(), ready.id);
    expect(await finish(ready.id)).toMatchObject({ state: "DONE", doneCount: 2, failedCount: 1 });
    const { items } = await listImportRows(admin(), ready.id, { state: ["FAILED"] }, { limit: 10 });
    expect(items).toMatchObject([{ reference: "S-2", problems: [{ detail: "belongs to a store that is archived" }] }]);
  });

  it("an import that is broken off in the middle of a batch goes on without a row lost or doubled", async () => {
    const partnerId = await draft();
    const { id } = await checked(admin(), "STORES", partnerId, storeLines(range(1_200)));
    await startImport(admin(), id);
    await continueImports(test.services, id);
    // The second batch is undone by a database that goes away at its end.
    const failing = {
      ...test.services,
      db: {
        ...test.services.db,
        transaction: <T>(work: Parameters<typeof test.services.db.transaction<T>>[0]) =>
          test.services.db.transaction<T>(async (tx) => {
            await work(tx);
            throw new Error("the connection is gone");
          }),
      },
    };
    await expect(continueImports(failing, id)).rejects.toThrow("the connection is gone");
    expect(await count("stores", partnerId)).toBe(500);
    const [one, two] = await Promise.all([continueImports(test.services, id), continueImports(test.services, id)]);
    expect([one, two].filter((progress) => progress === null)).toHaveLength(1);
    expect(await finish(id)).toMatchObject({ state: "DONE", doneCount: 1_200, failedCount: 0 });
    expect(await count("stores", partnerId)).toBe(1_200);
  });

  it("a row that a constraint refuses fails alone, the rest of its batch is made", async () => {
    const partnerId = await draft();
    const { id } = await checked(admin(), "STORES", partnerId, storeLines([1, 2, 3]));
    await test.services.db.query({
      text: `alter table stores add constraint only_for_this_test check (reference <> 'S-2' or partner_id <> '${partnerId}') not valid`,
      values: [],
    });
    await startImport(admin(), id);
    const done = await finish(id);
    await test.services.db.query({ text: "alter table stores drop constraint only_for_this_test", values: [] });
    expect(done).toMatchObject({ state: "DONE", doneCount: 2, failedCount: 1 });
  });

  it("what is canceled stops; a draft that was decided meanwhile takes no more rows", async () => {
    const partnerId = await draft();
    const first = await checked(admin(), "STORES", partnerId, storeLines(range(600)));
    await startImport(admin(), first.id);
    await continueImports(test.services, first.id);
    expect(await cancelImport(admin(), first.id)).toMatchObject({ state: "CANCELED", doneCount: 500 });
    expect(await continueImports(test.services, first.id)).toBeNull();
    await expect(cancelImport(admin(), first.id)).rejects.toMatchObject({ code: "state_conflict" });

    const second = await checked(admin(), "STORES", partnerId, storeLines([901]));
    await startImport(admin(), second.id);
    await cancelDraft(admin(), partnerId);
    expect(await finish(second.id)).toMatchObject({ state: "FAILED", doneCount: 0 });
    await expect(upload(admin(), "STORES", partnerId, storeLines([902]))).rejects.toMatchObject({
      code: "state_conflict",
    });
  });
});

describe("who may", () => {
  it("S1: a Partner's people import into their own Partner only and see no other import", async () => {
    const [mine, other] = [await draft(), await draft()];
    await setPartnerMayEdit(admin(), mine, true);
    const theirs = await checked(admin(), "STORES", other, storeLines([1]));
    const partner = asUser(test.services, "PARTNER_ADMIN", [mine]);
    await expect(upload(partner, "STORES", other, storeLines([1]))).rejects.toMatchObject({ code: "not_found" });
    await expect(getImport(partner, theirs.id)).rejects.toMatchObject({ code: "not_found" });
    await expect(listImportRows(partner, theirs.id, {}, { limit: 5 })).rejects.toMatchObject({ code: "not_found" });
    await expect(startImport(partner, theirs.id)).rejects.toMatchObject({ code: "not_found" });
    await expect(cancelImport(partner, theirs.id)).rejects.toMatchObject({ code: "not_found" });
    await expect(checkImport(partner, theirs.id, { columns: theirs.columns })).rejects.toMatchObject({
      code: "not_found",
    });
    const live = asUser(test.services, "ACQUIRER_ADMIN", "all", "live");
    await expect(getImport(live, theirs.id)).rejects.toMatchObject({ code: "not_found" });
    const own = await run(partner, "STORES", mine, storeLines([1]));
    expect(own).toMatchObject({ state: "DONE", doneCount: 1 });
    expect((await listImports(partner, {}, { limit: 50 })).items.map((item) => item.id)).toEqual([own.id]);
  });

  it("a Partner's people fill a draft only while it is theirs to fill", async () => {
    const partnerId = await draft();
    const partner = asUser(test.services, "PARTNER_ADMIN", [partnerId]);
    await expect(upload(partner, "STORES", partnerId, storeLines([1]))).rejects.toMatchObject({
      code: "permission_denied",
    });
    await setPartnerMayEdit(admin(), partnerId, true);
    const ready = await checked(partner, "STORES", partnerId, storeLines([1, 2]));
    for (const [number, group] of ["rose", "tulip", "lily"].entries())
      await run(partner, "STORES", partnerId, storeLines([7 + number], `group-${group}`));
    await run(partner, "TERMINALS", partnerId, "store,reference\nS-7,T-1");
    await submitDraft(partner, partnerId, (await getDraft(partner, partnerId)).version);
    await expect(startImport(partner, ready.id)).rejects.toMatchObject({ code: "permission_denied" });
  });

  it.each(["READ_ONLY", "ACQUIRER_FINANCE", "PARTNER_STAFF"] as const)("%s may not import anything", async (role) => {
    const partnerId = await draft();
    const ctx = asUser(test.services, role, role === "PARTNER_STAFF" ? [partnerId] : "all");
    await expect(upload(ctx, "STORES", partnerId, storeLines([1]))).rejects.toMatchObject({
      code: "permission_denied",
    });
    await expect(listImports(ctx, {}, { limit: 5 })).rejects.toMatchObject({ code: "permission_denied" });
  });

  it("cells are sealed where they lie and no value of a file reaches the audit", async () => {
    const partnerId = await draft();
    const { id } = await run(admin(), "STORES", partnerId, storeLines([1]).replace("Street 1", "Planted-Street 77"));
    const [row] = await test.services.db.query<{ text: string }>({
      text: "select data_secret || errors::text as text from import_rows where import_id = $1",
      values: [id],
    });
    expect(row?.text).not.toContain("Planted-Street");
    const audit = await test.services.db.query<{ text: string }>({
      text: "select coalesce(before::text, '') || coalesce(after::text, '') as text from audit_entries where partner_id = $1",
      values: [partnerId],
    });
    expect(audit.map((entry) => entry.text).join()).not.toContain("Planted-Street");
  });
});

it("cells are kept for a month after an import was over, files that nobody went on with for a week", async () => {
  const partnerId = await draft();
  const done = await run(admin(), "STORES", partnerId, storeLines([1]));
  const left = await checked(admin(), "STORES", partnerId, storeLines([2]));
  const fresh = await checked(admin(), "STORES", partnerId, storeLines([3]));
  await test.services.db.query({
    text: "update imports set finished_at = now() - interval '31 days' where id = $1",
    values: [done.id],
  });
  await test.services.db.query({
    text: "update imports set updated_at = now() - interval '8 days' where id = $1",
    values: [left.id],
  });
  await removeOldImports(test.services);
  expect(await getImport(admin(), done.id)).toMatchObject({ state: "DONE", doneCount: 1 });
  expect((await listImportRows(admin(), done.id, {}, { limit: 5 })).items).toEqual([]);
  expect(await getImport(admin(), left.id)).toMatchObject({ state: "CANCELED" });
  expect(await getImport(admin(), fresh.id)).toMatchObject({ state: "CHECKED" });
  expect((await listImportRows(admin(), fresh.id, {}, { limit: 5 })).items).toHaveLength(1);
});

describe("Partners", () => {
  const head =
    "reference,name,country,currency,firstname,lastname,email,legal_name,registration_number,street,zip,city,brand,website";
  it("each row becomes a draft with contact, entity, brand and group; one that is there already is left as it is", async () => {
    const [a, b] = [unique("file"), unique("file")];
    const text = [
      head,
      `${a},Alpha,DE,EUR,Ann,Alpha,ann@alpha.example,Alpha GmbH,HRB 1,Street 1,10119,Berlin,Alpha,alpha.example`,
      `${b},Beta,se,sek,,,,,,,,,,`,
      `${b}-x,Broken,SE,XXX,,,,,,,,,,`,
    ].join("\n");
    const done = await run(admin(), "PARTNERS", null, text);
    expect(done).toMatchObject({ state: "DONE", doneCount: 2, invalidCount: 1 });
    const { items } = await listImportRows(admin(), done.id, { state: ["DONE"] }, { limit: 5 });
    const draftOfA = await getDraft(admin(), items[0]?.resourceId ?? "");
    expect(draftOfA).toMatchObject({
      partnerName: "Alpha",
      contact: { given_name: "Ann", email: "ann@alpha.example" },
      entities: [{ legalName: "Alpha GmbH", registrationNumber: "HRB 1", address: { city: "Berlin" } }],
      brands: [{ name: "Alpha", website: "https://alpha.example" }],
      storeGroups: [{ name: "Alpha", brand: a }],
    });
    const again = await checked(admin(), "PARTNERS", null, text);
    expect(again.actions).toEqual({ create: 0, update: 0, none: 2 });
    await expect(
      upload(asUser(test.services, "PARTNER_ADMIN", [items[0]?.resourceId ?? ""]), "PARTNERS", null, text),
    ).rejects.toMatchObject({ code: "permission_denied" });
  });
});

it("nothing that must hold was broken", async () => {
  expect((await checkInvariants(test.services.db)).filter((one) => one.broken > 0)).toEqual([]);
});
