import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import type { Row } from "@/server/db/client";
import { once } from "@/server/db/idempotency";
import { appendAudit } from "@/server/domain/audit/service";
import { StoredSettingsSchema, type TerminalSettings } from "@/server/domain/partners/schema-settings";
import {
  inheritSettings,
  requireMayWiden,
  requireReadableQr,
  takingReference,
  withLimitCurrency,
} from "@/server/domain/partners/service";
import { type BulkResult, type Known, mergeSettings, type SettingsChange } from "@/server/domain/stores/schema";
import { changeEach, holdAccount, partnerFor, statusForNew } from "@/server/domain/stores/service";
import {
  holdStores,
  insertMove,
  insertTerminalRow,
  loadTerminalRows,
  type NewTerminalRow,
  type Queries,
  type StoreOfTerminal,
  scopeValues,
  storeKey,
  type TerminalRow,
  toPublicTerminal,
  updateTerminalRow,
} from "./rows";
import {
  type ChangeTerminalInput,
  ChangeTerminalSchema,
  type ChangeTerminalsInput,
  ChangeTerminalsSchema,
  type MoveTerminalInput,
  MoveTerminalSchema,
  type PublicTerminal,
  type RegisterTerminalInput,
  RegisterTerminalSchema,
  TerminalDeviceSchema,
} from "./schema";

/* Registering and changing terminals. Klarna hears of a terminal only by the reference that a payment names. */

const noTerminal = (): AppError => new AppError("terminal_not_found");

/** Errors: rule_broken for a store that is unknown, archived, or no place where people stand at a till. */
function requirePlace(store: StoreOfTerminal | undefined): StoreOfTerminal {
  const detail =
    store === undefined
      ? "is not known"
      : store.status === "ARCHIVED"
        ? "is archived"
        : store.type !== "PHYSICAL"
          ? "is not a physical store"
          : null;
  if (store === undefined || detail !== null)
    throw new AppError(store === undefined ? "store_not_found" : "rule_broken", {
      errors: [{ pointer: "/store", detail: detail ?? "is not known" }],
    });
  return store;
}

const auditFacts = (
  row: Pick<TerminalRow, "reference" | "label" | "device" | "status" | "storeId" | "canShowQr" | "settings">,
) => ({
  reference: row.reference,
  label: row.label,
  device: row.device,
  status: row.status,
  store_id: row.storeId,
  can_show_qr: row.canShowQr,
  settings: row.settings,
});

const merged = (
  own: TerminalSettings,
  change: SettingsChange,
  above: Required<TerminalSettings>,
  partnerCurrency: string,
): TerminalSettings =>
  withLimitCurrency(mergeSettings(own, change), { named: change.till_return_currency, above, partnerCurrency });

async function insert(
  tx: Queries,
  ctx: ServiceContext,
  partnerId: string,
  id: string,
  input: RegisterTerminalInput,
): Promise<void> {
  const account = await holdAccount(tx, ctx.scope, partnerId);
  if (!account) throw new AppError("not_found");
  const key = { partnerId, mode: ctx.scope.mode };
  const terminal = RegisterTerminalSchema.parse(input);
  const stores = await holdStores(tx, key, [terminal.store]);
  const store = requirePlace(stores.get(storeKey(terminal.store)));
  const partner = StoredSettingsSchema.parse(account.settings);
  const above = inheritSettings({ partner, store: store.settings }).values;
  const settings = terminal.settings ? merged({}, terminal.settings, above, account.partnerCurrency) : {};
  if (terminal.settings) {
    const { values } = inheritSettings({ partner, store: store.settings, terminal: settings });
    requireReadableQr(values);
    requireMayWiden(ctx, above, values);
  }
  const row: NewTerminalRow = {
    id,
    storeId: store.id,
    reference: terminal.reference,
    label: terminal.label ?? terminal.reference.slice(0, 99),
    device: TerminalDeviceSchema.parse(terminal.device.toUpperCase()),
    canShowQr: terminal.can_show_qr,
    status: statusForNew(ctx, account),
    settings,
  };
  await insertTerminalRow(tx, key, row, ctx.clock.now());
  await appendAudit(tx, ctx, {
    action: "terminal.created",
    subjectKind: "terminal",
    subjectId: id,
    partnerId,
    after: auditFacts(row),
  });
}

/**
 * Registers a terminal at a physical store. `partnerId` is needed where the scope is more than one Partner.
 * Claims the caller's Idempotency-Key.
 * Errors: permission_denied, validation_failed, not_found (Partner), store_not_found, rule_broken, reference_taken, state_conflict.
 */
export async function registerTerminal(
  ctx: ServiceContext,
  input: RegisterTerminalInput,
  partnerId?: string,
): Promise<PublicTerminal> {
  requirePermission(ctx, "terminals:write");
  const owner = partnerFor(ctx, partnerId);
  const id = newId("terminal", ctx.clock.now().getTime());
  return takingReference(() =>
    once(ctx, id, async (tx) => {
      await insert(tx, ctx, owner, id, input);
      const [row] = await loadTerminalRows(tx, ctx.scope, [id]);
      if (!row) throw noTerminal();
      return toPublicTerminal(row, ctx.clock.now());
    }),
  );
}

type Step = (
  row: TerminalRow,
  tx: Queries,
  account: { newStatus: "DRAFT" | "ACTIVE"; partnerCurrency: string },
) => Promise<TerminalRow | null>;

/** One change of one terminal: locked, and written with its audit. `step` answers null for no change. */
async function applyChange(
  tx: Queries,
  ctx: ServiceContext,
  id: string,
  step: Step,
  options: { action?: string; reason?: string | null } = {},
): Promise<{ row: TerminalRow; isChanged: boolean }> {
  const [found] = await loadTerminalRows(tx, ctx.scope, [id]);
  if (!found) throw noTerminal();
  const account = await holdAccount(tx, ctx.scope, found.partnerId);
  const [row] = await loadTerminalRows(tx, ctx.scope, [id], { isLocked: true });
  if (!row || !account) throw noTerminal();
  const { partnerCurrency } = account;
  const next = await step({ ...row }, tx, { newStatus: statusForNew(ctx, account), partnerCurrency });
  const now = ctx.clock.now();
  if (next === null || JSON.stringify(next) === JSON.stringify(row)) return { row, isChanged: false };
  await updateTerminalRow(tx, ctx.scope, next, now);
  await appendAudit(tx, ctx, {
    action: options.action ?? "terminal.updated",
    subjectKind: "terminal",
    subjectId: id,
    partnerId: row.partnerId,
    before: auditFacts(row),
    after: { ...auditFacts(next), ...(options.reason ? { reason: options.reason } : {}) },
  });
  const [after] = await loadTerminalRows(tx, ctx.scope, [id]);
  if (!after) throw noTerminal();
  return { row: after, isChanged: true };
}

const requireInUse = (row: TerminalRow): void => {
  if (row.status === "ARCHIVED")
    throw new AppError("state_conflict", { detail: "The terminal is archived. Restore it first." });
};

const levelsOf = (row: TerminalRow) => ({
  partner: row.partnerSettings,
  store: row.storeSettings,
  terminal: row.settings,
});

function changed(
  ctx: ServiceContext,
  row: TerminalRow,
  patch: ChangeTerminalInput,
  { partnerCurrency }: { partnerCurrency: string },
): TerminalRow {
  requireInUse(row);
  const next = { ...row };
  if (patch.label !== undefined) next.label = patch.label;
  if (patch.device !== undefined) next.device = TerminalDeviceSchema.parse(patch.device.toUpperCase());
  if (patch.can_show_qr !== undefined) next.canShowQr = patch.can_show_qr;
  if (patch.settings !== undefined) {
    const above = inheritSettings({ ...levelsOf(row), terminal: {} }).values;
    next.settings = merged(row.settings, patch.settings, above, partnerCurrency);
    const { values } = inheritSettings(levelsOf(next));
    requireReadableQr(values);
    requireMayWiden(ctx, inheritSettings(levelsOf(row)).values, values);
  }
  return next;
}

/**
 * Changes what is named of a terminal. `version` is that which the caller saw.
 * Errors: permission_denied, terminal_not_found, rule_broken, state_conflict.
 */
export async function changeTerminal(
  ctx: ServiceContext,
  id: string,
  input: ChangeTerminalInput,
  options: { version?: number } = {},
): Promise<PublicTerminal> {
  requirePermission(ctx, "terminals:write");
  const patch = ChangeTerminalSchema.parse(input);
  const { row } = await ctx.db.transaction((tx) =>
    applyChange(tx, ctx, id, async (terminal, _inner, account) => {
      if (options.version !== undefined && options.version !== terminal.version)
        throw new AppError("state_conflict", { detail: "Somebody else changed the terminal. Reload and look again." });
      return changed(ctx, terminal, patch, account);
    }),
  );
  return toPublicTerminal(row, ctx.clock.now());
}

function move(tx: Queries, ctx: ServiceContext, id: string, wanted: Known, reason: string | null) {
  return applyChange(
    tx,
    ctx,
    id,
    async (row, inner) => {
      requireInUse(row);
      const stores = await holdStores(inner, row, [wanted]);
      const store = requirePlace(stores.get(storeKey(wanted)));
      if (store.id === row.storeId) return null;
      const { values } = inheritSettings({ ...levelsOf(row), store: store.settings });
      requireReadableQr(values);
      // Browsers stay paired: at the other store they might give back what they may not here.
      if (values.till_returns) requireMayWiden(ctx, inheritSettings(levelsOf(row)).values, values);
      await insertMove(inner, {
        id: newId("terminalMove"),
        partnerId: row.partnerId,
        mode: row.mode,
        terminalId: id,
        from: row.storeId,
        to: store.id,
        reason,
        by: ctx.actor.id,
        at: ctx.clock.now(),
      });
      return { ...row, storeId: store.id };
    },
    { action: "terminal.moved", reason },
  );
}

/**
 * Puts a terminal into another physical store of the same Partner; where it was stays in its history, and payments taken
 * there stay with that store. Claims the caller's Idempotency-Key.
 * Errors: permission_denied, terminal_not_found, store_not_found, rule_broken, reference_taken, state_conflict.
 */
export async function moveTerminal(ctx: ServiceContext, id: string, input: MoveTerminalInput): Promise<PublicTerminal> {
  requirePermission(ctx, "terminals:write");
  const { store, reason } = MoveTerminalSchema.parse(input);
  return takingReference(() =>
    once(ctx, id, async (tx) => {
      const { row } = await move(tx, ctx, id, store, reason ?? null);
      return toPublicTerminal(row, ctx.clock.now());
    }),
  );
}

function archive(tx: Queries, ctx: ServiceContext, id: string, reason: string | null) {
  const now = ctx.clock.now();
  return applyChange(
    tx,
    ctx,
    id,
    async (row, inner) => {
      if (row.status === "ARCHIVED") return null;
      // What was paired with it ends, and no open code can pair anything more.
      await inner.query<Row>({
        text: "update paired_devices set revoked_at = $4, revoked_by = $5 where partner_id = $1 and mode = $2 and terminal_id = $3 and revoked_at is null",
        values: [row.partnerId, row.mode, id, now, ctx.actor.id],
      });
      await inner.query<Row>({
        text: "delete from pairing_codes where partner_id = $1 and mode = $2 and terminal_id = $3 and used_at is null",
        values: [row.partnerId, row.mode, id],
      });
      return { ...row, status: "ARCHIVED", archivedAt: now };
    },
    { action: "terminal.archived", reason },
  );
}

function restore(tx: Queries, ctx: ServiceContext, id: string) {
  return applyChange(
    tx,
    ctx,
    id,
    async (row, _inner, { newStatus }) => {
      if (row.status !== "ARCHIVED") return null;
      if (row.storeStatus === "ARCHIVED")
        throw new AppError("state_conflict", { detail: "Its store is archived. Restore the store first." });
      return { ...row, status: newStatus, archivedAt: null };
    },
    { action: "terminal.restored" },
  );
}

/**
 * Takes a terminal out of use: payments there are refused, paired browsers are let go. Archiving an archived one changes
 * nothing. Claims the caller's Idempotency-Key. Errors: permission_denied, terminal_not_found, state_conflict.
 */
export async function archiveTerminal(
  ctx: ServiceContext,
  id: string,
  reason: string | null = null,
): Promise<PublicTerminal> {
  requirePermission(ctx, "terminals:write");
  return once(ctx, id, async (tx) => toPublicTerminal((await archive(tx, ctx, id, reason)).row, ctx.clock.now()));
}

/** Takes an archived terminal into use again. Errors: as `archiveTerminal`. */
export async function restoreTerminal(ctx: ServiceContext, id: string): Promise<PublicTerminal> {
  requirePermission(ctx, "terminals:write");
  const { row } = await ctx.db.transaction((tx) => restore(tx, ctx, id));
  return toPublicTerminal(row, ctx.clock.now());
}

/** Signs of life are written about once a minute. */
const SEEN_STEP_S = 55;

/** Notes that a terminal is alive; nothing else of it changes. */
export async function noteSeen(
  tx: Queries,
  terminal: { partnerId: string; mode: string; id: string },
  now: Date,
): Promise<void> {
  await tx.query<Row>({
    name: "terminal_seen",
    text: `update terminals set last_seen_at = $4 where partner_id = $1 and mode = $2 and id = $3
      and (last_seen_at is null or last_seen_at < $4::timestamptz - interval '${SEEN_STEP_S} seconds')`,
    values: [terminal.partnerId, terminal.mode, terminal.id, now],
  });
}

/**
 * A sign of life, about once a minute. The answer tells the till what holds at it.
 * Errors: permission_denied, terminal_not_found, state_conflict (archived).
 */
export async function beat(ctx: ServiceContext, id: string): Promise<PublicTerminal> {
  requirePermission(ctx, "terminals:write");
  const [row] = await loadTerminalRows(ctx.db, ctx.scope, [id]);
  if (!row) throw noTerminal();
  requireInUse(row);
  const now = ctx.clock.now();
  await noteSeen(ctx.db, row, now);
  const isRecent = row.lastSeenAt !== null && now.getTime() - row.lastSeenAt.getTime() < SEEN_STEP_S * 1_000;
  return toPublicTerminal({ ...row, lastSeenAt: isRecent ? row.lastSeenAt : now }, now);
}

async function labelsOf(ctx: ServiceContext, ids: readonly string[]): Promise<{ id: string; label: string }[]> {
  const rows = await ctx.db.query<Row & { id: string; label: string }>({
    text: "select t.id, t.label from terminals t where t.mode = $1 and ($2::text[] is null or t.partner_id = any($2)) and t.id = any($3)",
    values: [...scopeValues(ctx.scope), ids],
  });
  const labels = new Map(rows.map((row) => [row.id, row.label]));
  return [...new Set(ids)].map((id) => ({ id, label: labels.get(id) ?? id }));
}

/**
 * The same change for many terminals, one by one; `isDryRun` only says what would happen. Another's terminal is answered as
 * one that does not exist. Errors: permission_denied, validation_failed.
 */
export async function changeTerminals(
  ctx: ServiceContext,
  input: ChangeTerminalsInput,
  options: { isDryRun: boolean },
): Promise<BulkResult> {
  requirePermission(ctx, "terminals:write");
  const { ids, change } = ChangeTerminalsSchema.parse(input);
  return changeEach(
    ctx,
    await labelsOf(ctx, ids),
    (tx, id) => {
      switch (change.kind) {
        case "archive":
          return archive(tx, ctx, id, null);
        case "restore":
          return restore(tx, ctx, id);
        case "move":
          return move(tx, ctx, id, change.store, change.reason ?? null);
        case "settings":
          return applyChange(tx, ctx, id, async (row, _inner, account) =>
            changed(ctx, row, { settings: change.settings }, account),
          );
        default:
          return change satisfies never;
      }
    },
    options,
  );
}
