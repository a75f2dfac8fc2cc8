import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { archiveStore, getStore, listStores, registerStore, restoreStore } from "@/server/domain/stores/service";
import { addressIn, type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import {
  archiveTerminal,
  changeTerminal,
  changeTerminals,
  createPairingCode,
  findPairedDevice,
  getTerminal,
  leaveDevice,
  listMoves,
  listPairedDevices,
  listTerminals,
  moveTerminal,
  pairDevice,
  registerTerminal,
  restoreTerminal,
  revokeDevice,
} from "./service";

let test: TestServices;
let ours: BuiltPartner;
let theirs: BuiltPartner;

beforeAll(async () => {
  test = await testServices({ simulator: false, clock: "movable" });
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
const device = { address: "192.0.2.1", userAgent: "Kiosk/1" };

async function terminal(storeId = ours.store.id, canShowQr = true) {
  return registerTerminal(mine(), { reference: unique("t"), store: { id: storeId }, can_show_qr: canShowQr });
}
async function store(name = "Corner") {
  return registerStore(mine(), { reference: unique("s"), name, address: addressIn("SE") });
}

describe("tenancy", () => {
  it("S1: another Partner's terminals and devices are answered like ones that do not exist", async () => {
    const ctx = mine();
    const id = theirs.terminal.id;
    const { code } = await createPairingCode(asUser(test.services, "ACQUIRER_ADMIN"), id, "KIOSK");
    const { deviceId } = await pairDevice(test.services, { code, ...device });
    expect(await codeOf(changeTerminal(ctx, id, { label: "x" }))).toBe("terminal_not_found");
    expect(await codeOf(moveTerminal(ctx, id, { store: { id: ours.store.id } }))).toBe("terminal_not_found");
    expect(await codeOf(archiveTerminal(ctx, id))).toBe("terminal_not_found");
    expect(await codeOf(restoreTerminal(ctx, id))).toBe("terminal_not_found");
    expect(await codeOf(createPairingCode(ctx, id, "TILL"))).toBe("terminal_not_found");
    expect(await codeOf(revokeDevice(ctx, deviceId))).toBe("not_found");
    expect(await listPairedDevices(ctx, id)).toEqual([]);
    expect(await listMoves(ctx, id)).toEqual([]);
    const result = await changeTerminals(ctx, { ids: [id], change: { kind: "archive" } }, { isDryRun: false });
    expect(result).toMatchObject({
      changed: 0,
      refused: 1,
      items: [{ id, label: id, detail: "There is no such terminal." }],
    });
    expect(await codeOf(moveTerminal(ctx, ours.terminal.id, { store: { id: theirs.store.id } }))).toBe(
      "store_not_found",
    );
    expect(await codeOf(moveTerminal(ctx, ours.terminal.id, { store: { reference: theirs.store.reference } }))).toBe(
      "store_not_found",
    );
    expect((await getTerminal(asUser(test.services, "ACQUIRER_ADMIN"), id)).status).toBe("ACTIVE");
  });

  it("S1: people and keys without the permission are refused", async () => {
    for (const ctx of [
      asUser(test.services, "PARTNER_STAFF", [ours.partner.id]),
      asUser(test.services, "READ_ONLY"),
      asApiKey(test.services, { partnerId: ours.partner.id, scopes: ["payments:write", "stores:read"] }),
    ]) {
      const id = ours.terminal.id;
      expect(await codeOf(changeTerminal(ctx, id, { label: "x" }))).toBe("permission_denied");
      expect(await codeOf(archiveTerminal(ctx, id))).toBe("permission_denied");
      expect(await codeOf(createPairingCode(ctx, id, "TILL"))).toBe("permission_denied");
      expect(
        await codeOf(registerTerminal(ctx, { reference: "x", store: { id: ours.store.id } }, ours.partner.id)),
      ).toBe("permission_denied");
    }
  });
});

describe("many at once", () => {
  it("a dry run says what would happen and writes nothing; the real run does just that", async () => {
    const [there, archived] = [await store("There"), await terminal()];
    await archiveTerminal(mine(), archived.id);
    const moving = await terminal();
    const twin = await terminal();
    await registerTerminal(mine(), { reference: twin.reference, store: { id: there.id } });
    const settled = await terminal(there.id);
    const input = {
      ids: [moving.id, twin.id, archived.id, settled.id, newId("terminal"), moving.id],
      change: { kind: "move" as const, store: { id: there.id }, reason: "Refit" },
    };
    const outcomes = ["CHANGED", "REFUSED", "REFUSED", "UNCHANGED", "REFUSED"];
    const plan = await changeTerminals(mine(), input, { isDryRun: true });
    expect(plan.items.map((item) => item.outcome)).toEqual(outcomes);
    expect((await getTerminal(mine(), moving.id)).store.id).toBe(ours.store.id);
    expect(await listMoves(mine(), moving.id)).toEqual([]);
    const result = await changeTerminals(mine(), input, { isDryRun: false });
    expect(result).toEqual(plan);
    expect(result).toMatchObject({ changed: 1, unchanged: 1, refused: 3 });
    expect(await getTerminal(mine(), moving.id)).toMatchObject({ store: { id: there.id } });
    expect(await listMoves(mine(), moving.id)).toMatchObject([
      { from: { id: ours.store.id }, to: { id: there.id, name: "There" }, reason: "Refit" },
    ]);
  });

  it("settings are set and taken back, and say where each value comes from", async () => {
    const { id } = await terminal();
    const set = (settings: { capture?: "manual" | null }) =>
      changeTerminals(mine(), { ids: [id], change: { kind: "settings", settings } }, { isDryRun: false });
    expect(await set({ capture: "manual" })).toMatchObject({ changed: 1 });
    expect(await set({ capture: "manual" })).toMatchObject({ unchanged: 1 });
    expect((await getTerminal(mine(), id)).settings.terminal).toEqual({ capture: "MANUAL" });
    await set({ capture: null });
    expect((await getTerminal(mine(), id)).settings.terminal).toEqual({});
  });
});

describe("with their store", () => {
  it("archiving takes the terminals along, restoring brings back those and no others", async () => {
    const { id } = await store();
    const [kept, old] = [
      await registerTerminal(mine(), { reference: "kept", store: { id } }),
      await registerTerminal(mine(), { reference: "old", store: { id } }),
    ];
    await archiveTerminal(mine(), old.id);
    test.clock.advance(1_000);
    await archiveStore(mine(), id, "Lease ended");
    expect((await getTerminal(mine(), kept.id)).status).toBe("ARCHIVED");
    test.clock.advance(1_000);
    expect(await restoreStore(mine(), id)).toMatchObject({ status: "active", archived_at: null });
    expect((await getTerminal(mine(), kept.id)).status).toBe("ACTIVE");
    expect((await getTerminal(mine(), old.id)).status).toBe("ARCHIVED");
    const events = await test.services.db.query({
      text: "select type, sequence from outbox_events where subject_id = $1 order by sequence",
      values: [id],
    });
    expect(events).toEqual([
      { type: "store.updated", sequence: 1 },
      { type: "store.updated", sequence: 2 },
    ]);
  });
});

describe("what can show a QR code", () => {
  it("a store without such a device is flagged until one is registered", async () => {
    const { id } = await store("Without");
    const flagged = async () =>
      (await listStores(mine(), { lacksQr: true, search: "without" }, { limit: 10 })).items.map((item) => item.id);
    expect(await flagged()).toEqual([id]);
    await terminal(id, false);
    expect(await getStore(mine(), id)).toMatchObject({ lacksQr: true, terminalCount: 1, qrTerminalCount: 0 });
    const { id: capable } = await terminal(id);
    expect(await flagged()).toEqual([]);
    await archiveTerminal(mine(), capable);
    expect(await flagged()).toEqual([id]);
    expect(await getStore(mine(), id)).toMatchObject({ lacksQr: true, terminalCount: 1 });
  });
});

describe("lists", () => {
  it("are searched over every identifier, sorted and paged without gaps", async () => {
    const place = await store("Haymarket");
    const labels = ["Zeta", "Alpha", "Alpha", "Mid"];
    const made = [];
    for (const label of labels)
      made.push(await registerTerminal(mine(), { reference: unique("sorted"), label, store: { id: place.id } }));
    for (const [sort, wanted] of [
      ["label", ["Alpha", "Alpha", "Mid", "Zeta"]],
      ["-label", ["Zeta", "Mid", "Alpha", "Alpha"]],
      ["-created_at", ["Mid", "Alpha", "Alpha", "Zeta"]],
    ] as const) {
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await listTerminals(mine(), { store: place.id }, { limit: 1, cursor, sort });
        seen.push(...page.items.map((item) => item.label));
        cursor = page.nextCursor;
        expect(page.total).toBe(4);
      } while (cursor !== null);
      expect(seen, sort).toEqual(wanted);
    }
    const [first] = made;
    for (const search of [first?.reference.toUpperCase() ?? "", first?.id.slice(8) ?? "", "zet"])
      expect((await listTerminals(mine(), { search }, { limit: 10 })).items.map((item) => item.id)).toEqual([
        first?.id,
      ]);
    for (const search of ["haymark", place.id, place.reference, "haymarket"])
      expect((await listStores(mine(), { search }, { limit: 10 })).items.map((item) => item.id)).toEqual([place.id]);
    expect((await listStores(mine(), { search: "11121", status: ["ACTIVE"] }, { limit: 100 })).total).toBeGreaterThan(
      1,
    );
  });
});

describe("pairing", () => {
  it("a code pairs one browser, once, within ten minutes", async () => {
    const { id } = await terminal();
    const { code } = await createPairingCode(mine(), id, "KIOSK");
    expect(code).toMatch(/^[B-DF-HJ-NP-TV-Z2-9]{5}-[B-DF-HJ-NP-TV-Z2-9]{5}$/);
    const { token } = await pairDevice(test.services, { code: ` ${code.toLowerCase()} `, ...device });
    expect(await findPairedDevice(test.services, token)).toMatchObject({
      terminalId: id,
      purpose: "KIOSK",
      mode: "test",
      isUsable: true,
    });
    expect((await getTerminal(mine(), id)).connection).toBe("online");
    expect(await codeOf(pairDevice(test.services, { code, ...device }))).toBe("link_invalid");
    const late = await createPairingCode(mine(), id, "TILL");
    test.clock.advance(600_001);
    expect(await codeOf(pairDevice(test.services, { code: late.code, ...device }))).toBe("link_invalid");
    const first = await createPairingCode(mine(), id, "TILL");
    await createPairingCode(mine(), id, "TILL");
    expect(await codeOf(pairDevice(test.services, { code: first.code, ...device }))).toBe("link_invalid");
    expect(await codeOf(pairDevice(test.services, { code: "BBBBB-BBBBB", ...device }))).toBe("link_invalid");
    expect(await codeOf(pairDevice(test.services, { code: "", ...device }))).toBe("link_invalid");
  });

  it("two browsers with the same code at once: one is paired", async () => {
    const { id } = await terminal();
    const { code } = await createPairingCode(mine(), id, "KIOSK");
    const results = await Promise.allSettled(
      Array.from({ length: 6 }, () => pairDevice(test.services, { code, ...device })),
    );
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    expect(await listPairedDevices(mine(), id)).toHaveLength(1);
  });

  it("a browser that was let go, or whose terminal was archived, is a stranger at once", async () => {
    const { id } = await terminal();
    const pair = async () => {
      const { code } = await createPairingCode(mine(), id, "TILL");
      return pairDevice(test.services, { code, ...device });
    };
    const [revoked, left, archived] = [await pair(), await pair(), await pair()];
    await revokeDevice(mine(), revoked.deviceId);
    await leaveDevice(test.services, left.token);
    expect(await findPairedDevice(test.services, revoked.token)).toBeNull();
    expect(await findPairedDevice(test.services, left.token)).toBeNull();
    expect(await findPairedDevice(test.services, archived.token)).not.toBeNull();
    const { code } = await createPairingCode(mine(), id, "TILL");
    await archiveTerminal(mine(), id);
    expect(await findPairedDevice(test.services, archived.token)).toBeNull();
    expect(await codeOf(pairDevice(test.services, { code, ...device }))).toBe("link_invalid");
    expect(await codeOf(createPairingCode(mine(), id, "TILL"))).toBe("state_conflict");
    await restoreTerminal(mine(), id);
    expect(await findPairedDevice(test.services, archived.token)).toBeNull();
  });

  it("an archived store lets its browsers go, and they do not come back with it", async () => {
    const place = await store();
    const { id } = await terminal(place.id);
    const { code } = await createPairingCode(mine(), id, "KIOSK");
    const { token } = await pairDevice(test.services, { code, ...device });
    const open = await createPairingCode(mine(), id, "KIOSK");
    await archiveStore(mine(), place.id);
    expect(await findPairedDevice(test.services, token)).toBeNull();
    expect(await codeOf(pairDevice(test.services, { code: open.code, ...device }))).toBe("link_invalid");
    await restoreStore(mine(), place.id);
    expect(await findPairedDevice(test.services, token)).toBeNull();
  });

  it("S62: neither codes nor tokens are written anywhere", async () => {
    const { id } = await terminal();
    const { code } = await createPairingCode(mine(), id, "KIOSK");
    const { token } = await pairDevice(test.services, { code, ...device });
    const [row] = await test.services.db.query<{ text: string }>({
      text: `select (select string_agg(c::text, '') from pairing_codes c) || (select string_agg(d::text, '') from paired_devices d)
        || (select string_agg(a::text, '') from audit_entries a) as text`,
      values: [],
    });
    expect(row?.text).toContain(id);
    for (const secret of [token, code, code.replace("-", "")]) {
      expect(row?.text).not.toContain(secret);
      expect(test.log.join("\n")).not.toContain(secret);
    }
  });
});
