import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "@/server/boot/settings";
import { createContext, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { TerminalSettings } from "@/server/domain/partners/schema-settings";
import { saveTerminalSettings } from "@/server/domain/partners/service";
import type { SettingsChange } from "@/server/domain/stores/schema";
import { changeStore, changeStores, registerStore } from "@/server/domain/stores/service";
import { addressIn, asSystem, type BuiltPartner, makePartner, unique } from "@/server/testing/builders";
import { asApiKey, asUser, type TestServices, testServices } from "@/server/testing/context";
import {
  changeTerminal,
  changeTerminals,
  createPairingCode,
  getTerminal,
  moveTerminal,
  registerTerminal,
} from "./service";

/* Returns at a paired till move money without anybody signed in: only who may refund widens what they may give back. */

let test: TestServices;
beforeAll(async () => {
  test = await testServices({ simulator: false });
});
afterAll(() => test.close());

const refusal = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: unknown) => (error instanceof AppError ? `${error.code}: ${error.detail}` : String(error)),
  );

/** A role that people made: everything of a Partner's admin but refunds. */
function withoutRefunds(partnerId: string): ServiceContext {
  const admin = asUser(test.services, "PARTNER_ADMIN", [partnerId]);
  if (admin.actor.kind !== "USER") throw new Error("not a person");
  const permissions = admin.actor.permissions.filter((permission) => permission !== "payments:refund");
  return createContext(test.services, {
    actor: { ...admin.actor, permissions },
    scope: { partners: [partnerId], mode: "test" },
    way: "SCREEN",
  });
}

const LEVELS = ["partner", "store", "terminal"] as const;
type Level = (typeof LEVELS)[number];
/** Sets all three; the Partner's replace what stood there. */
async function set(ctx: ServiceContext, own: BuiltPartner, level: Level, settings: TerminalSettings): Promise<unknown> {
  if (level === "partner") return saveTerminalSettings(ctx, own.partner.id, settings);
  const given = {
    ...{ till_returns: null, till_return_limit: null, till_return_currency: null },
    ...settings,
    ...{ capture: null, rail: null },
  };
  if (level === "store") return changeStore(ctx, own.store.id, { settings: given });
  return changeTerminal(ctx, own.terminal.id, { settings: given });
}

const WIDENS =
  /^permission_denied: Only who may refund can turn on returns at the till, or raise or remove their limit\.$/;
const CHANGES: readonly { from: TerminalSettings; to: TerminalSettings; isWider: boolean }[] = [
  { from: {}, to: { till_returns: true }, isWider: true },
  { from: { till_returns: false }, to: { till_returns: true, till_return_limit: 1 }, isWider: true },
  { from: { till_return_limit: 100 }, to: { till_return_limit: 101 }, isWider: true },
  { from: { till_return_limit: 100 }, to: { till_return_limit: 0 }, isWider: true },
  { from: { till_return_limit: 100 }, to: {}, isWider: true },
  { from: { till_return_limit: 100 }, to: { till_return_limit: 100, till_return_currency: "EUR" }, isWider: true },
  { from: { till_return_limit: 100 }, to: { till_return_limit: 99, till_return_currency: "EUR" }, isWider: true },
  { from: { till_returns: true, till_return_limit: 100 }, to: { till_returns: true }, isWider: true },
  { from: { till_returns: true, till_return_limit: 100 }, to: { till_returns: false }, isWider: true },
  { from: { till_returns: true }, to: { till_returns: false }, isWider: false },
  { from: { till_returns: true }, to: {}, isWider: false },
  { from: { till_returns: true }, to: { till_returns: true, till_return_limit: 5 }, isWider: false },
  {
    from: { till_returns: true, till_return_limit: 100 },
    to: { till_returns: true, till_return_limit: 99, expires_in: 600 },
    isWider: false,
  },
];

describe("S4: returns at the till", () => {
  it.each(LEVELS)("are turned on, and their limit raised or removed, by who may refund: %s", async (level) => {
    const own = await makePartner(test.services);
    for (const [row, { from, to, isWider }] of CHANGES.entries()) {
      await set(asSystem(test.services), own, level, from);
      const said = await refusal(set(withoutRefunds(own.partner.id), own, level, to));
      expect([row, said]).toEqual([row, isWider ? expect.stringMatching(WIDENS) : "done"]);
      const admin = asUser(test.services, "PARTNER_ADMIN", [own.partner.id]);
      expect([row, await refusal(set(admin, own, level, to))]).toEqual([row, "done"]);
    }
  });

  it("taking a value back is judged by what then holds from above", async () => {
    const own = await makePartner(test.services);
    const ctx = withoutRefunds(own.partner.id);
    await set(asSystem(test.services), own, "partner", { till_returns: true, till_return_limit: 500 });
    await set(asSystem(test.services), own, "store", { till_returns: false, till_return_limit: 900 });
    // From no returns to the Partner's; a limit that becomes lower is none of it.
    expect(await refusal(changeStore(ctx, own.store.id, { settings: { till_returns: null } }))).toMatch(WIDENS);
    expect(await refusal(changeStore(ctx, own.store.id, { settings: { till_return_limit: null } }))).toBe("done");
    await set(asSystem(test.services), own, "terminal", { till_return_limit: 10 });
    expect(await refusal(changeTerminal(ctx, own.terminal.id, { settings: { till_return_limit: null } }))).toMatch(
      WIDENS,
    );
  });

  it("no other way in: many at once, a new terminal, another store, an API key without refunds", async () => {
    const own = await makePartner(test.services);
    const ctx = withoutRefunds(own.partner.id);
    const settings = { till_returns: true };
    for (const work of [
      changeTerminals(ctx, { ids: [own.terminal.id], change: { kind: "settings", settings } }, { isDryRun: false }),
      changeStores(ctx, { ids: [own.store.id], change: { kind: "settings", settings } }, { isDryRun: false }),
    ])
      expect(await work).toMatchObject({
        changed: 0,
        items: [{ outcome: "REFUSED", detail: expect.stringMatching(/^Only who may refund/) }],
      });
    const fresh = { reference: unique("t"), store: { id: own.store.id }, can_show_qr: true };
    expect(await refusal(registerTerminal(ctx, { ...fresh, settings }))).toMatch(WIDENS);
    const key = asApiKey(test.services, { partnerId: own.partner.id, scopes: ["stores:write"] });
    expect(await refusal(changeTerminal(key, own.terminal.id, { settings }))).toMatch(WIDENS);

    const wide = asUser(test.services, "PARTNER_ADMIN", [own.partner.id]);
    const other = await registerStore(wide, { reference: unique("s"), name: "Corner", address: addressIn("SE") });
    await changeStore(wide, other.id, { settings });
    expect(await refusal(moveTerminal(ctx, own.terminal.id, { store: { id: other.id } }))).toMatch(WIDENS);
    expect((await getTerminal(ctx, own.terminal.id)).store.id).toBe(own.store.id);
    expect(await refusal(moveTerminal(wide, own.terminal.id, { store: { id: other.id } }))).toBe("done");
  });

  it.each(LEVELS)("turning returns on stands in the audit with what was before: %s", async (level) => {
    const own = await makePartner(test.services);
    await set(asSystem(test.services), own, level, { till_returns: false });
    await set(asSystem(test.services), own, level, { till_returns: true, till_return_limit: 700 });
    const [entry] = await test.services.db.query<{ before: unknown; after: unknown }>({
      text: "select before, after from audit_entries where partner_id = $1 and subject_kind = $2 order by position desc limit 1",
      values: [own.partner.id, level],
    });
    const settings = { before: { till_returns: false }, after: { till_returns: true, till_return_limit: 700 } };
    expect(entry).toMatchObject(
      level === "partner" ? settings : { before: { settings: settings.before }, after: { settings: settings.after } },
    );
  });

  it("settings that a newer version wrote beside are passed over, the others hold", async () => {
    const own = await makePartner(test.services);
    await set(asSystem(test.services), own, "terminal", { till_returns: true, till_return_limit: 700 });
    await test.services.db.query({
      text: `update terminals set settings = settings || '{"of_tomorrow": 1}'::jsonb where id = $1`,
      values: [own.terminal.id],
    });
    expect((await getTerminal(asSystem(test.services), own.terminal.id)).settings.terminal).toMatchObject({
      till_returns: true,
      till_return_limit: 700,
    });
  });

  it.each(LEVELS)("a limit is kept with its currency, the Partner's own where none is named: %s", async (level) => {
    const own = await makePartner(test.services);
    const ctx = asSystem(test.services);
    const table = { partner: "partner_accounts", store: "stores", terminal: "terminals" }[level];
    const stored = async () => {
      const [row] = await test.services.db.query<{ limit: string | null; currency: string | null }>({
        text: `select settings ->> 'till_return_limit' as limit, settings ->> 'till_return_currency' as currency from ${table}
          where partner_id = $1 and mode = 'test'`,
        values: [own.partner.id],
      });
      return [row?.limit, row?.currency];
    };
    await set(ctx, own, level, { till_return_limit: 500 });
    expect(await stored()).toEqual(["500", "SEK"]);
    await set(ctx, own, level, { till_return_limit: 500, till_return_currency: "EUR" });
    expect(await stored()).toEqual(["500", "EUR"]);
    const { effective_settings } = await changeTerminal(ctx, own.terminal.id, {});
    expect(effective_settings).toMatchObject({ till_return_limit: 500, till_return_currency: "EUR" });
    await set(ctx, own, level, { till_return_limit: 500, till_return_currency: "auto" });
    expect(await stored()).toEqual(["500", "SEK"]);
    await set(ctx, own, level, { till_return_limit: 0, till_return_currency: "EUR" });
    expect(await stored()).toEqual(["0", null]);
    await set(ctx, own, level, {});
    expect(await stored()).toEqual([null, null]);
    expect(await refusal(set(ctx, own, level, { till_return_currency: "EUR" }))).toMatch(/^rule_broken/);

    // What was stored before limits had a currency.
    await test.services.db.query({
      text: `update ${table} set settings = '{"till_return_limit": 700}' where partner_id = $1`,
      values: [own.partner.id],
    });
    const file = path.join(ROOT, "prisma/migrations/20261121184500_till_return_currency/migration.sql");
    for (const text of (await readFile(file, "utf8")).split(";\n").filter((statement) => /\bUPDATE\b/.test(statement)))
      await test.services.db.query({ text, values: [] });
    expect(await stored()).toEqual(["700", "SEK"]);
  });

  it("a limit changed without its currency keeps it; one over another takes that of the one above", async () => {
    const own = await makePartner(test.services);
    const ctx = asSystem(test.services);
    await set(ctx, own, "partner", { till_return_limit: 900, till_return_currency: "EUR" });
    const limitOf = async (settings: SettingsChange) => {
      const { effective_settings } = await changeTerminal(ctx, own.terminal.id, { settings });
      return [effective_settings.till_return_limit, effective_settings.till_return_currency];
    };
    expect(await limitOf({ till_return_limit: 50 })).toEqual([50, "EUR"]);
    expect(await limitOf({ till_return_currency: "NOK" })).toEqual([50, "NOK"]);
    expect(await limitOf({ till_return_limit: 60 })).toEqual([60, "NOK"]);
    expect(await limitOf({ till_return_limit: null })).toEqual([900, "EUR"]);
    expect(await limitOf({ till_return_limit: 0 })).toEqual([0, "auto"]);
  });

  it("a till is paired where returns are taken by who may refund; a kiosk, and a till without returns, as before", async () => {
    const own = await makePartner(test.services);
    const ctx = withoutRefunds(own.partner.id);
    const pair = (by: ServiceContext, purpose: "TILL" | "KIOSK") =>
      refusal(createPairingCode(by, own.terminal.id, purpose));
    expect(await pair(ctx, "TILL")).toBe("done");
    // Wherever it is turned on.
    for (const level of LEVELS) {
      await set(asSystem(test.services), own, level, { till_returns: true });
      expect([level, await pair(ctx, "TILL")]).toEqual([
        level,
        "permission_denied: This terminal takes returns: only who may refund can pair a till with it.",
      ]);
      expect([level, await pair(ctx, "KIOSK")]).toEqual([level, "done"]);
      expect([level, await pair(asUser(test.services, "PARTNER_ADMIN", [own.partner.id]), "TILL")]).toEqual([
        level,
        "done",
      ]);
      await set(asSystem(test.services), own, level, {});
    }
  });
});
