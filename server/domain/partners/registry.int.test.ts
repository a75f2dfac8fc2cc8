import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { createBrand, createStore, createStoreGroup, getStore, listStores } from "@/server/domain/stores/service";
import { createTerminal, getTerminal, listTerminals } from "@/server/domain/terminals/service";
import { asSystem, type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import { createPartner, getPartner, getPartnerAccount, listPartnerChoices, listPartners } from "./service";

let test: TestServices;
let ours: BuiltPartner;
let theirs: BuiltPartner;
let live: BuiltPartner;

beforeAll(async () => {
  test = await testServices({ simulator: false });
  ours = await makePartner(test.services);
  theirs = await makePartner(test.services, { country: "DE", currency: "EUR" });
  live = await makePartner(test.services, { mode: "live" });
});
afterAll(() => test.close());

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "nothing was refused",
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );
const page = { limit: 100 };

describe("tenancy", () => {
  const callers = (): [string, ServiceContext][] => [
    ["a Partner's user", asUser(test.services, "PARTNER_ADMIN", [ours.partner.id])],
    ["a Partner's user in live mode", asUser(test.services, "PARTNER_ADMIN", [ours.partner.id], "live")],
  ];

  it("S1: another Partner's ids are answered like ids that do not exist", async () => {
    for (const [who, ctx] of callers()) {
      expect(await codeOf(getPartner(ctx, theirs.partner.id)), who).toBe("not_found");
      expect(await codeOf(getPartnerAccount(ctx, theirs.partner.id)), who).toBe("not_found");
      expect(await codeOf(getStore(ctx, theirs.store.id)), who).toBe("store_not_found");
      expect(await codeOf(getTerminal(ctx, theirs.terminal.id)), who).toBe("terminal_not_found");
      expect(await codeOf(getPartner(ctx, "ptn_00000000000000000000000000")), who).toBe("not_found");
    }
    const key = asApiKey(test.services, { partnerId: ours.partner.id });
    expect(await codeOf(getStore(key, theirs.store.id))).toBe("store_not_found");
    expect(await codeOf(getTerminal(key, theirs.terminal.id))).toBe("terminal_not_found");
  });

  it("S1: lists, totals and choices hold the caller's own rows only, whatever the filter says", async () => {
    const ctx = asUser(test.services, "PARTNER_ADMIN", [ours.partner.id]);
    const partners = await listPartners(ctx, {}, page);
    expect(partners.items.map((item) => item.id)).toEqual([ours.partner.id]);
    expect(partners.total).toBe(1);
    expect((await listPartnerChoices(ctx)).map((choice) => choice.id)).toEqual([ours.partner.id]);
    expect(await listPartners(ctx, { search: theirs.partner.reference }, page)).toMatchObject({ items: [], total: 0 });
    expect(await listPartners(ctx, { search: theirs.account.id }, page)).toMatchObject({ items: [], total: 0 });
    expect(await listStores(ctx, { partner: theirs.partner.id }, page)).toMatchObject({ items: [], total: 0 });
    expect(await listStores(ctx, { search: theirs.store.klarnaStoreId }, page)).toMatchObject({ items: [], total: 0 });
    expect(await listTerminals(ctx, { store: theirs.store.id }, page)).toMatchObject({ items: [], total: 0 });
    expect((await listTerminals(ctx, {}, page)).items.map((item) => item.id)).toEqual([ours.terminal.id]);
  });

  it("S1: an empty list of Partners sees nothing, not everything", async () => {
    const ctx = asUser(test.services, "PARTNER_ADMIN", []);
    expect((await listPartners(ctx, {}, page)).total).toBe(0);
    expect((await listStores(ctx, {}, page)).total).toBe(0);
    expect((await listTerminals(ctx, {}, page)).total).toBe(0);
  });

  it("rows of one mode do not show in the other", async () => {
    const inTest = asUser(test.services, "ACQUIRER_ADMIN");
    const inLive = asUser(test.services, "ACQUIRER_ADMIN", "all", "live");
    expect(await codeOf(getStore(inTest, live.store.id))).toBe("store_not_found");
    expect((await getStore(inLive, live.store.id)).id).toBe(live.store.id);
    expect((await listStores(inLive, {}, page)).items.map((item) => item.id)).toEqual([live.store.id]);
    expect(
      (await listPartners(inTest, {}, page)).items.find((item) => item.id === live.partner.id)?.account,
    ).toBeNull();
  });

  it("people and keys without the permission are refused, and nobody but our own code registers", async () => {
    expect(await codeOf(listPartners(asUser(test.services, "PARTNER_STAFF", [ours.partner.id]), {}, page))).toBe(
      "permission_denied",
    );
    const key = asApiKey(test.services, { partnerId: ours.partner.id, scopes: ["payments:write"] });
    expect(await codeOf(listStores(key, {}, page))).toBe("permission_denied");
    expect(await codeOf(getPartner(asApiKey(test.services, { partnerId: ours.partner.id }), ours.partner.id))).toBe(
      "permission_denied",
    );
    const admin = asUser(test.services, "ACQUIRER_ADMIN");
    const input = { name: "Mine", reference: unique("p"), country: "SE", currency: "SEK" };
    expect(await codeOf(createPartner(admin, input))).toBe("permission_denied");
  });
});

describe("rules of the tables", () => {
  const refusal = async (text: string, values: unknown[]): Promise<string> =>
    test.services.db.query({ text, values }).then(
      () => "accepted",
      (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
    );

  it("S2: composite keys refuse a row that points into another Partner or mode", async () => {
    const terminal = `insert into terminals (id, partner_id, mode, store_id, reference, label, device, can_show_qr) values ($1,$2,$3,$4,$5,'x','TABLET',true)`;
    expect(await refusal(terminal, ["ter_x1", ours.partner.id, "test", theirs.store.id, "x1"])).toBe("23503");
    expect(await refusal(terminal, ["ter_x2", ours.partner.id, "live", ours.store.id, "x2"])).toBe("23503");
    const payment = `insert into payments (id, partner_id, mode, state, amount, currency, reference, channel, launch, capture, store_id, terminal_id, expires_at, created_by)
                     values ($1,$2,'test','CANCELED',100,'SEK',$1,'IN_STORE','QR','AUTOMATIC',$3,$4,now(),'x')`;
    expect(await refusal(payment, ["pay_x1", ours.partner.id, ours.store.id, theirs.terminal.id])).toBe("23503");
    expect(await refusal(payment, ["pay_x2", ours.partner.id, theirs.store.id, ours.terminal.id])).toBe("23503");
    expect(await refusal(payment, ["pay_x3", ours.partner.id, ours.store.id, ours.terminal.id])).toBe("accepted");
    const refund = `insert into refunds (id, partner_id, mode, payment_id, state, amount, currency, created_by) values ($1,$2,'test','pay_x3','FAILED',1,'SEK','x')`;
    expect(await refusal(refund, ["ref_x1", theirs.partner.id])).toBe("23503");
  });

  it("S2: services answer a neighbour of another Partner like one that does not exist", async () => {
    const ctx = asSystem(test.services);
    const brand = await createBrand(ctx, { partnerId: theirs.partner.id, name: unique("brand") });
    expect(await codeOf(createStoreGroup(ctx, { partnerId: ours.partner.id, brandId: brand.id, name: "x" }))).toBe(
      "not_found",
    );
    const input = { partnerId: ours.partner.id, storeId: theirs.store.id, reference: "t", label: "t" };
    expect(await codeOf(createTerminal(ctx, input))).toBe("store_not_found");
  });

  it("a reference is used once by each Partner and mode, and may be used by another", async () => {
    const ctx = asSystem(test.services);
    const store = { reference: ours.store.reference, name: "Again", type: "WEBSITE" as const };
    expect(await codeOf(createStore(ctx, { ...store, partnerId: ours.partner.id }))).toBe("reference_taken");
    expect((await createStore(ctx, { ...store, partnerId: theirs.partner.id })).reference).toBe(store.reference);
    expect(
      await codeOf(
        createPartner(ctx, { name: "x", reference: ours.partner.reference, country: "SE", currency: "SEK" }),
      ),
    ).toBe("reference_taken");
  });
});

describe("records and lists", () => {
  it("a record tells what stands around it", async () => {
    const ctx = asUser(test.services, "ACQUIRER_OPERATIONS");
    expect(await getPartner(ctx, ours.partner.id)).toMatchObject({
      name: ours.partner.name,
      state: "OPERATIONAL",
      accounts: [
        { mode: "test", klarnaPartnerAccountId: ours.account.id, state: "OPERATIONAL", productState: "ENABLED" },
      ],
      storeCount: 1,
      terminalCount: 1,
      paymentCount: 1,
    });
    expect(await getStore(ctx, ours.store.id)).toMatchObject({
      partnerName: ours.partner.name,
      city: "Stockholm",
      country: "SE",
      terminals: [{ id: ours.terminal.id }],
      paymentCount: 1,
    });
    expect(await getTerminal(ctx, ours.terminal.id)).toMatchObject({ store: { id: ours.store.id }, paymentCount: 1 });
  });

  it("filters narrow items and total alike", async () => {
    const ctx = asUser(test.services, "READ_ONLY");
    const found = await listPartners(
      ctx,
      { country: ["DE"], state: ["OPERATIONAL"], accountState: ["OPERATIONAL"] },
      page,
    );
    expect(found.items.map((item) => item.id)).toEqual([theirs.partner.id]);
    expect(found.total).toBe(1);
    expect((await listStores(ctx, { type: ["WEBSITE"] }, page)).items.every((item) => item.type === "WEBSITE")).toBe(
      true,
    );
    expect((await listTerminals(ctx, { device: ["KIOSK"] }, page)).total).toBe(0);
    expect((await listTerminals(ctx, { search: ours.terminal.reference.toUpperCase() }, page)).total).toBe(1);
  });

  it("pages stay stable while rows arrive: nothing twice, nothing skipped", async () => {
    const built = await makePartner(test.services);
    const system = asSystem(test.services);
    const add = (reference: string) =>
      createStore(system, { partnerId: built.partner.id, reference, name: reference, type: "WEBSITE" });
    const before = [built.store.id];
    for (let count = 0; count < 11; count += 1) before.push((await add(unique("site"))).id);
    const ctx = asUser(test.services, "PARTNER_ADMIN", [built.partner.id]);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const result: Awaited<ReturnType<typeof listStores>> = await listStores(ctx, {}, { limit: 5, cursor });
      seen.push(...result.items.map((item) => item.id));
      cursor = result.nextCursor;
      await add(unique("late"));
    } while (cursor);
    expect(seen).toEqual(before.toReversed());
  });

  it("a cursor that we did not issue is refused", async () => {
    expect(await codeOf(listStores(asUser(test.services, "READ_ONLY"), {}, { limit: 5, cursor: "nonsense" }))).toBe(
      "validation_failed",
    );
  });
});
