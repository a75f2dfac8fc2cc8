import { afterAll, beforeAll, expect, it } from "vitest";
import type { Role } from "@/server/auth/permissions";
import { newId } from "@/server/core/ids";
import { type BuiltPartner, makePartner } from "@/server/testing/builders";
import { sessionAs, type TestServices, testServices } from "@/server/testing/context";
import { createCallerFactory, router } from "../init";
import { auditRouter } from "./audit";
import { partnersRouter } from "./partners";
import { storesRouter } from "./stores";
import { terminalsRouter } from "./terminals";

const createCaller = createCallerFactory(
  router({ audit: auditRouter, partners: partnersRouter, stores: storesRouter, terminals: terminalsRouter }),
);
let test: TestServices;
let ours: BuiltPartner;
let theirs: BuiltPartner;

beforeAll(async () => {
  test = await testServices({ simulator: false });
  ours = await makePartner(test.services);
  theirs = await makePartner(test.services);
});
afterAll(() => test.close());

function callerAs(role: Role | null, partners: "all" | string[] = "all") {
  const session = role === null ? null : sessionAs(test.services, role, partners);
  return createCaller({
    services: test.services,
    session,
    mode: "test",
    requestId: newId("request"),
    isOwnOrigin: true,
  });
}

it("lists answer items, cursor and total; records answer by id", async () => {
  const caller = callerAs("READ_ONLY");
  expect(await caller.partners.list({ limit: 1 })).toMatchObject({ items: [{ id: theirs.partner.id }], total: 2 });
  const first = await caller.stores.list({ limit: 1 });
  const second = await caller.stores.list({ limit: 1, cursor: first.nextCursor });
  expect([...first.items, ...second.items].map((item) => item.id)).toEqual([theirs.store.id, ours.store.id]);
  expect(second.nextCursor).toBeNull();
  expect(await caller.terminals.list({ filter: { store: ours.store.id } })).toMatchObject({
    items: [{ id: ours.terminal.id }],
    total: 1,
  });
  expect((await caller.partners.get({ id: ours.partner.id })).name).toBe(ours.partner.name);
  expect((await caller.stores.choices({ partner: ours.partner.id })).map((choice) => choice.id)).toEqual([
    ours.store.id,
  ]);
  expect((await caller.audit.list({ filter: { action: "terminal" } })).total).toBe(2);
});

it("nobody signed in, a role without the permission, another Partner's id: refused with the right code", async () => {
  await expect(callerAs(null).stores.list({})).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  const staff = callerAs("PARTNER_STAFF", [ours.partner.id]);
  await expect(staff.partners.list({})).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(staff.audit.list({})).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(staff.stores.get({ id: theirs.store.id })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(staff.terminals.get({ id: theirs.terminal.id })).rejects.toMatchObject({ code: "NOT_FOUND" });
  const admin = callerAs("PARTNER_ADMIN", [ours.partner.id]);
  await expect(admin.partners.get({ id: theirs.partner.id })).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect((await admin.audit.list({})).items.every((item) => item.partnerId === ours.partner.id)).toBe(true);
});

it("bad input is refused before anything is asked of the database", async () => {
  const caller = callerAs("READ_ONLY");
  await expect(caller.stores.list({ limit: 101 })).rejects.toMatchObject({ code: "BAD_REQUEST" });
  await expect(caller.stores.list({ cursor: "nonsense" })).rejects.toMatchObject({ code: "BAD_REQUEST" });
  await expect(caller.terminals.list({ filter: { search: "a\u0000b" } })).rejects.toMatchObject({
    code: "BAD_REQUEST",
  });
  await expect(caller.partners.list({ filter: { country: ["Sweden"] } })).rejects.toMatchObject({
    code: "BAD_REQUEST",
  });
});
