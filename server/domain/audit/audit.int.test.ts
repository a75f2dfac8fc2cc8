import { afterAll, beforeAll, expect, it } from "vitest";
import { AppError } from "@/server/core/errors";
import { asSystem, type BuiltPartner, makePartner } from "@/server/testing/builders";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import { appendAudit, exportAudit, getAuditEntry, listAudit } from "./service";

let test: TestServices;
let ours: BuiltPartner;
let theirs: BuiltPartner;

beforeAll(async () => {
  test = await testServices({ simulator: false });
  ours = await makePartner(test.services);
  theirs = await makePartner(test.services);
});
afterAll(() => test.close());

it("an entry cannot be changed or deleted", async () => {
  for (const text of ["update audit_entries set action = 'nothing'", "delete from audit_entries"]) {
    await expect(test.services.db.query({ text, values: [] })).rejects.toMatchObject({ code: "23001" });
  }
});

it("an entry commits with its change or not at all", async () => {
  const subjectId = "thing-1";
  const ctx = asSystem(test.services);
  const failing = test.services.db.transaction(async (tx) => {
    await appendAudit(tx, ctx, { action: "thing.changed", subjectKind: "thing", subjectId });
    throw new Error("the change failed");
  });
  await expect(failing).rejects.toThrow("the change failed");
  expect((await listAudit(asUser(test.services, "ACQUIRER_ADMIN"), { subject: subjectId }, { limit: 10 })).total).toBe(
    0,
  );
});

it("who, how and what are kept; secrets and personal data are masked before they are written", async () => {
  const ctx = asApiKey(test.services, { partnerId: ours.partner.id });
  await test.services.db.transaction((tx) =>
    appendAudit(tx, ctx, {
      action: "thing.changed",
      subjectKind: "thing",
      subjectId: "thing-2",
      partnerId: ours.partner.id,
      before: { state: "OLD", email: "someone@example.com" },
      after: { state: "NEW", amount: 100, secret: "whsec_abc", name: "tg_test_sk_abcdef" },
    }),
  );
  const { items } = await listAudit(
    asUser(test.services, "PARTNER_ADMIN", [ours.partner.id]),
    { subject: "thing-2" },
    { limit: 10 },
  );
  expect(items).toMatchObject([
    {
      actorKind: "API_KEY",
      actorId: ctx.actor.id,
      way: "API",
      mode: "test",
      requestId: ctx.requestId,
      before: { state: "OLD", email: "•••" },
      after: { state: "NEW", amount: 100, secret: "•••", name: "tg_test_sk_•••" },
    },
  ]);
});

it("S1: a Partner reads its own entries only, and nobody reads without the permission", async () => {
  const ctx = asUser(test.services, "PARTNER_ADMIN", [ours.partner.id]);
  const mine = await listAudit(ctx, {}, { limit: 100 });
  expect(mine.items.length).toBeGreaterThan(0);
  expect(mine.items.every((item) => item.partnerId === ours.partner.id)).toBe(true);
  expect((await listAudit(ctx, { partner: theirs.partner.id }, { limit: 10 })).items).toEqual([]);
  expect((await listAudit(ctx, { subject: theirs.store.id }, { limit: 10 })).total).toBe(0);
  const staff = asUser(test.services, "PARTNER_STAFF", [ours.partner.id]);
  await expect(listAudit(staff, {}, { limit: 10 })).rejects.toBeInstanceOf(AppError);
});

it("pages follow each other without gap or repeat while entries arrive", async () => {
  const ctx = asUser(test.services, "ACQUIRER_ADMIN");
  const system = asSystem(test.services);
  const write = (subjectId: string) =>
    test.services.db.transaction((tx) =>
      appendAudit(tx, system, { action: "page.turned", subjectKind: "page", subjectId }),
    );
  for (let number = 1; number <= 9; number += 1) await write(`page-${number}`);
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const result: Awaited<ReturnType<typeof listAudit>> = await listAudit(
      ctx,
      { action: "page" },
      { limit: 4, cursor },
    );
    seen.push(...result.items.map((item) => item.subjectId));
    cursor = result.nextCursor;
    await write("late");
  } while (cursor);
  expect(seen).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1].map((number) => `page-${number}`));
});

it("entries are found by any id, and by actor, way, request and action together", async () => {
  const admin = asUser(test.services, "ACQUIRER_ADMIN");
  const ctx = asApiKey(test.services, { partnerId: ours.partner.id });
  await test.services.db.transaction(async (tx) => {
    for (const subjectId of ["find-1", "find-2"])
      await appendAudit(tx, ctx, {
        action: "needle.found",
        subjectKind: "needle",
        subjectId,
        partnerId: ours.partner.id,
      });
  });
  const subjects = async (filter: Parameters<typeof listAudit>[1]): Promise<string[]> =>
    (await listAudit(admin, filter, { limit: 10 })).items.map((item) => item.subjectId);
  expect(await subjects({ search: "find-1" })).toEqual(["find-1"]);
  expect(await subjects({ search: ctx.actor.id, action: "needle" })).toEqual(["find-2", "find-1"]);
  expect(await subjects({ search: ctx.requestId, action: "needle.found" })).toEqual(["find-2", "find-1"]);
  expect(await subjects({ request: ctx.requestId, way: ["API"], actorKind: ["API_KEY"] })).toEqual([
    "find-2",
    "find-1",
  ]);
  expect(await subjects({ request: ctx.requestId, way: ["SCREEN", "JOB"] })).toEqual([]);
  expect(await subjects({ search: "find" })).toEqual([]);
  const [found] = (await listAudit(admin, { search: "find-1" }, { limit: 1 })).items;
  expect(await subjects({ search: found?.id ?? "" })).toEqual(["find-1"]);
});

it("S1: an entry of another Partner is answered like one that does not exist", async () => {
  const admin = asUser(test.services, "ACQUIRER_ADMIN");
  const [entry] = (await listAudit(admin, { partner: theirs.partner.id }, { limit: 1 })).items;
  expect(await getAuditEntry(admin, entry?.id ?? "")).toMatchObject({ id: entry?.id, seal: null });
  const stranger = asUser(test.services, "PARTNER_ADMIN", [ours.partner.id]);
  await expect(getAuditEntry(stranger, entry?.id ?? "")).rejects.toMatchObject({ code: "not_found" });
  await expect(getAuditEntry(stranger, "aud_00000000000000000000000000")).rejects.toMatchObject({ code: "not_found" });
});

it("who may read but not export gets no file", async () => {
  await expect(exportAudit(asUser(test.services, "READ_ONLY"), {}, { limit: 10 })).rejects.toMatchObject({
    code: "permission_denied",
  });
  const { items } = await exportAudit(asUser(test.services, "PARTNER_ADMIN", [ours.partner.id]), {}, { limit: 100 });
  expect(items.length).toBeGreaterThan(0);
  expect(items.every((item) => item.partnerId === ours.partner.id)).toBe(true);
});
