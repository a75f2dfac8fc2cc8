import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { addressIn, type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import { fillDraft } from "@/server/testing/onboarding";
import {
  announceOnboarded,
  archiveStore,
  changeStore,
  changeStores,
  getStore,
  listStoreGroupChoices,
  registerStore,
  restoreStore,
} from "./service";

let test: TestServices;
let ours: BuiltPartner;
let theirs: BuiltPartner;

beforeAll(async () => {
  test = await testServices({ clock: "movable" });
  ours = await makePartner(test.services);
  theirs = await makePartner(test.services);
});
afterAll(() => test.close());

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "nothing was refused",
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );
const mine = () => asUser(test.services, "PARTNER_ADMIN", [ours.partner.id]);
const acquirer = () => asUser(test.services, "ACQUIRER_OPERATIONS");
const made = (name = "Corner") => registerStore(mine(), { reference: unique("s"), name, address: addressIn("SE") });
const eventsOf = (id: string) =>
  test.services.db.query<{ type: string; sequence: number; payload: { object: Record<string, unknown> } }>({
    text: "select type, sequence, payload from outbox_events where subject_id = $1 order by sequence",
    values: [id],
  });

describe("tenancy", () => {
  it("S1: another Partner's stores and groups are answered like ones that do not exist", async () => {
    const ctx = mine();
    const id = theirs.store.id;
    expect(await codeOf(changeStore(ctx, id, { name: "x" }))).toBe("store_not_found");
    expect(await codeOf(archiveStore(ctx, id))).toBe("store_not_found");
    expect(await codeOf(restoreStore(ctx, id))).toBe("store_not_found");
    expect(await listStoreGroupChoices(ctx, theirs.partner.id)).toEqual([]);
    expect(
      await codeOf(registerStore(ctx, { reference: "x", name: "x", address: addressIn("SE") }, theirs.partner.id)),
    ).toBe("not_found");
    const result = await changeStores(ctx, { ids: [id], change: { kind: "archive" } }, { isDryRun: false });
    expect(result).toMatchObject({ refused: 1, items: [{ label: id, detail: "There is no such store." }] });
    expect((await getStore(acquirer(), id)).status).toBe("ACTIVE");
  });

  it("S1: people and keys without the permission are refused; who sees several Partners names one", async () => {
    for (const ctx of [
      asUser(test.services, "PARTNER_STAFF", [ours.partner.id]),
      asUser(test.services, "ACQUIRER_FINANCE"),
      asApiKey(test.services, { partnerId: ours.partner.id, scopes: ["stores:read"] }),
    ]) {
      expect(await codeOf(changeStore(ctx, ours.store.id, { name: "x" }))).toBe("permission_denied");
      expect(await codeOf(archiveStore(ctx, ours.store.id))).toBe("permission_denied");
      expect(
        await codeOf(changeStores(ctx, { ids: [ours.store.id], change: { kind: "archive" } }, { isDryRun: true })),
      ).toBe("permission_denied");
    }
    expect(await codeOf(registerStore(acquirer(), { reference: "x", name: "x", address: addressIn("SE") }))).toBe(
      "validation_failed",
    );
  });
});

describe("changes", () => {
  it("who saw an older version changes nothing", async () => {
    const { id } = await made();
    const { version } = await getStore(mine(), id);
    await changeStore(mine(), id, { name: "First" }, { version });
    expect(await codeOf(changeStore(mine(), id, { name: "Second" }, { version }))).toBe("state_conflict");
    expect((await getStore(mine(), id)).name).toBe("First");
  });

  it("a dry run of many leaves rows, events, audit and Klarna's queue as they were", async () => {
    const [first, second] = [await made("A"), await made("B")];
    await archiveStore(mine(), second.id);
    const count = async () =>
      (
        await test.services.db.query({
          text: `select (select count(*) from outbox_events) e, (select count(*) from audit_entries) a, (select count(*) from klarna_changes) k,
            (select string_agg(version::text || opening_state, ',' order by id) from stores) s`,
          values: [],
        })
      )[0];
    const before = await count();
    const input = {
      ids: [first.id, second.id, newId("store")],
      change: { kind: "opening" as const, opening_state: "temporarily_closed" as const },
    };
    const plan = await changeStores(mine(), input, { isDryRun: true });
    expect(plan.items.map((item) => item.outcome)).toEqual(["CHANGED", "REFUSED", "REFUSED"]);
    expect(await count()).toEqual(before);
    expect(await changeStores(mine(), input, { isDryRun: false })).toEqual(plan);
    expect((await getStore(mine(), first.id)).openingState).toBe("TEMPORARILY_CLOSED");
  });
});

describe("events", () => {
  it("store.onboarded is told once when Klarna has given an id, however it came", async () => {
    const { id } = await made();
    await announceOnboarded(test.services);
    expect(await eventsOf(id)).toEqual([]);
    await test.services.db.query({
      text: "update stores set klarna_store_id = $2 where id = $1",
      values: [id, `krn:store:${id}`],
    });
    const runs = await Promise.all([announceOnboarded(test.services), announceOnboarded(test.services)]);
    expect(runs.reduce((sum, run) => sum + run.announced, 0)).toBe(1);
    await announceOnboarded(test.services);
    expect(await eventsOf(id)).toMatchObject([
      {
        type: "store.onboarded",
        sequence: 1,
        payload: { object: { id, object: "store", klarna_store_id: `krn:store:${id}` } },
      },
    ]);
    await changeStore(mine(), id, { name: "Later" });
    expect((await eventsOf(id)).map((event) => event.sequence)).toEqual([1, 2]);
  });
});

describe("of a draft", () => {
  it("stores are drafts, Klarna and Partners hear nothing, and the Partner's people need the acquirer's word", async () => {
    const { partnerId } = await fillDraft(test.services, { reference: unique("draft"), stores: 1, terminals: 1 });
    const [group] = await listStoreGroupChoices(acquirer(), partnerId);
    const store = await registerStore(
      acquirer(),
      { reference: "new", name: "New", address: addressIn("DE"), store_group: { id: group?.id ?? "" } },
      partnerId,
    );
    expect(store).toMatchObject({ status: "draft", store_group: { id: group?.id } });
    await changeStore(acquirer(), store.id, { name: "Newer" });
    expect(await eventsOf(store.id)).toEqual([]);
    const [queued] = await test.services.db.query<{ count: number }>({
      text: "select count(*)::int as count from klarna_changes where partner_id = $1",
      values: [partnerId],
    });
    expect(queued?.count).toBe(0);
    const theirsToFill = asUser(test.services, "PARTNER_ADMIN", [partnerId]);
    expect(await codeOf(changeStore(theirsToFill, store.id, { name: "Ours" }))).toBe("state_conflict");
    await test.services.db.query({
      text: "update onboardings set partner_may_edit = true where partner_id = $1",
      values: [partnerId],
    });
    expect(await changeStore(theirsToFill, store.id, { name: "Ours" })).toMatchObject({ name: "Ours" });
    await test.services.db.query({
      text: "update onboardings set state = 'SUBMITTED' where partner_id = $1",
      values: [partnerId],
    });
    expect(await codeOf(changeStore(theirsToFill, store.id, { name: "Late" }))).toBe("state_conflict");
    expect(await changeStore(acquirer(), store.id, { name: "Acquirer's" })).toMatchObject({ name: "Acquirer's" });
  });
});
