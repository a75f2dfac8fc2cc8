import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError, type FieldError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import type { Row } from "@/server/db/client";
import { once } from "@/server/db/idempotency";
import { appendAudit } from "@/server/domain/audit/service";
import { StoredSettingsSchema } from "@/server/domain/partners/schema-settings";
import {
  inheritSettings,
  requireMayWiden,
  requireReadableQr,
  snapshotStores,
  takingReference,
  tellOfStores,
  withLimitCurrency,
} from "@/server/domain/partners/service";
import { appendStoreUpdated } from "./events";
import {
  type AccountRow,
  findGroups,
  holdAccount,
  insertStoreRow,
  loadStoreRows,
  type NewStoreRow,
  type Queries,
  type StoreRow,
  toPublicStore,
  updateStoreRow,
} from "./rows";
import {
  AppPlatformSchema,
  type ChangeStoreInput,
  ChangeStoreSchema,
  type Known,
  mergeSettings,
  OpeningStateSchema,
  type PublicStore,
  type RegisterStoreInput,
  RegisterStoreSchema,
  StoreTypeSchema,
} from "./schema";

/* Registering and changing stores. What Klarna knows of a store is queued for Klarna in the same transaction. */

const noStore = (): AppError => new AppError("store_not_found");
const broken = (pointer: string, detail: string): AppError =>
  new AppError("rule_broken", { errors: [{ pointer, detail }] });

/** The Partner that something is for: the only one of the scope, or the one that was named. Errors: validation_failed, not_found. */
export function partnerFor(ctx: ServiceContext, partnerId: string | undefined): string {
  const { partners } = ctx.scope;
  if (partnerId === undefined) {
    if (partners !== "all" && partners.length === 1 && partners[0] !== undefined) return partners[0];
    throw new AppError("validation_failed", { errors: [{ pointer: "/partner", detail: "name the Partner" }] });
  }
  if (partners !== "all" && !partners.includes(partnerId)) throw new AppError("not_found");
  return partnerId;
}

/**
 * Whether stores and terminals of this account may be changed now, and the status of a new one. A draft that was handed in
 * stays as it is; the Partner's own people need the acquirer's word to fill it.
 */
export function statusForNew(ctx: ServiceContext, account: AccountRow): "DRAFT" | "ACTIVE" {
  if (account.partnerState === "CLOSED") throw new AppError("state_conflict", { detail: "The Partner is closed." });
  if (account.state !== "NOT_ONBOARDED") return "ACTIVE";
  const isOwn = ctx.scope.partners !== "all";
  const isOpen =
    account.onboardingState === null ||
    account.onboardingState === "DRAFT" ||
    account.onboardingState === "REFUSED" ||
    (account.onboardingState === "SUBMITTED" && !isOwn);
  if (!isOpen || (isOwn && !account.partnerMayEdit))
    throw new AppError("state_conflict", { detail: "The onboarding of this Partner cannot be changed now." });
  return "DRAFT";
}

async function groupOf(tx: Queries, account: { partnerId: string; mode: Mode }, wanted: Known | undefined) {
  const groups = await findGroups(tx, account, wanted ?? null);
  const [group] = groups;
  if (wanted !== undefined) {
    if (!group) throw broken("/store_group", "is not a store group in use");
    return group;
  }
  if (groups.length > 1) throw broken("/store_group", "is needed: the account has several store groups");
  return group ?? null;
}

/** What each type has, and what it may not have. */
function typeErrors(store: Pick<NewStoreRow, "type" | "address" | "url" | "appPlatform">): FieldError[] {
  const errors: FieldError[] = [];
  if (store.type === "PHYSICAL" && store.address === null)
    errors.push({ pointer: "/address", detail: "is required for a physical store" });
  if (store.type === "WEBSITE" && store.url === null)
    errors.push({ pointer: "/url", detail: "is required for a website" });
  if (store.type === "MOBILE_APP" && store.appPlatform === null)
    errors.push({ pointer: "/app", detail: "is required for a mobile app" });
  if (store.type !== "MOBILE_APP" && store.appPlatform !== null)
    errors.push({ pointer: "/app", detail: "belongs to a mobile app" });
  return errors;
}

const auditFacts = (
  row: Pick<
    StoreRow,
    "reference" | "name" | "type" | "status" | "country" | "groupId" | "openingState" | "url" | "settings"
  >,
) => ({
  reference: row.reference,
  name: row.name,
  type: row.type,
  status: row.status,
  country: row.country,
  url: row.url,
  store_group: { id: row.groupId },
  opening: { state: row.openingState },
  settings: row.settings,
});

async function insert(
  tx: Queries,
  ctx: ServiceContext,
  partnerId: string,
  id: string,
  input: RegisterStoreInput,
): Promise<void> {
  const account = await holdAccount(tx, ctx.scope, partnerId);
  if (!account) throw new AppError("not_found");
  const key = { partnerId, mode: ctx.scope.mode };
  const store = RegisterStoreSchema.parse(input);
  const row: NewStoreRow = {
    id,
    reference: store.reference,
    name: store.name,
    type: StoreTypeSchema.parse(store.type.toUpperCase()),
    status: statusForNew(ctx, account),
    groupId: (await groupOf(tx, key, store.store_group))?.id ?? null,
    address: store.address ?? null,
    country: store.address?.country ?? null,
    url: store.url ?? null,
    appPlatform: store.app ? AppPlatformSchema.parse(store.app.platform.toUpperCase()) : null,
    appBundleNames: store.app?.bundle_names ?? [],
    openingState: OpeningStateSchema.parse(store.opening_state.toUpperCase()),
    supportEmail: store.support?.email ?? null,
    supportPhone: store.support?.phone ?? null,
  };
  const errors = typeErrors(row);
  if (errors.length > 0) throw new AppError("rule_broken", { errors });
  await insertStoreRow(tx, key, row, ctx.clock.now());
  await appendAudit(tx, ctx, {
    action: "store.created",
    subjectKind: "store",
    subjectId: id,
    partnerId,
    after: auditFacts({ ...row, settings: {} }),
  });
  await tellOfStores(tx, ctx, partnerId, [{ id, before: null }]);
}

/**
 * Registers a store and queues it for Klarna; of an account that is not onboarded it becomes part of the draft.
 * `partnerId` is needed where the scope is more than one Partner. Claims the caller's Idempotency-Key.
 * Errors: permission_denied, validation_failed, not_found (Partner), rule_broken, reference_taken, state_conflict.
 */
export async function registerStore(
  ctx: ServiceContext,
  input: RegisterStoreInput,
  partnerId?: string,
): Promise<PublicStore> {
  requirePermission(ctx, "stores:write");
  const owner = partnerFor(ctx, partnerId);
  const id = newId("store", ctx.clock.now().getTime());
  const made = await takingReference(() =>
    once(ctx, id, async (tx) => {
      await insert(tx, ctx, owner, id, input);
      const [row] = await loadStoreRows(tx, ctx.scope, [id]);
      if (!row) throw noStore();
      return toPublicStore(row);
    }),
  );
  ctx.nudge("partners");
  return made;
}

type Step = (row: StoreRow, tx: Queries, account: AccountRow) => Promise<StoreRow | null>;

/** One change of one store: locked, written with audit, event and what Klarna has to hear. `step` answers null for no change. */
export async function applyChange(
  tx: Queries,
  ctx: ServiceContext,
  id: string,
  step: Step,
  options: { action?: string; reason?: string | null } = {},
): Promise<{ row: StoreRow; isChanged: boolean }> {
  const [found] = await loadStoreRows(tx, ctx.scope, [id]);
  if (!found) throw noStore();
  // The account first, as everything that onboards or closes it does.
  const account = await holdAccount(tx, ctx.scope, found.partnerId);
  const [row] = await loadStoreRows(tx, ctx.scope, [id], { isLocked: true });
  if (!row || !account) throw noStore();
  statusForNew(ctx, account);
  const key = { partnerId: row.partnerId, mode: row.mode };
  const before = toPublicStore(row);
  const wires = await snapshotStores(tx, key, [id]);
  const next = await step({ ...row }, tx, account);
  if (next === null || JSON.stringify(toPublicStore(next)) === JSON.stringify(before)) return { row, isChanged: false };
  const errors = typeErrors(next);
  if (errors.length > 0) throw new AppError("rule_broken", { errors });
  await updateStoreRow(tx, ctx.scope, next, ctx.clock.now());
  await appendAudit(tx, ctx, {
    action: options.action ?? "store.updated",
    subjectKind: "store",
    subjectId: id,
    partnerId: row.partnerId,
    before: auditFacts(row),
    after: { ...auditFacts(next), ...(options.reason ? { reason: options.reason } : {}) },
  });
  await tellOfStores(tx, ctx, row.partnerId, [{ id, before: wires.get(id) ?? null }]);
  const [after] = await loadStoreRows(tx, ctx.scope, [id]);
  if (!after) throw noStore();
  if (after.status !== "DRAFT") await appendStoreUpdated(tx, ctx, before, after);
  return { row: after, isChanged: true };
}

export function nudge(ctx: ServiceContext): void {
  ctx.nudge("partners");
  ctx.nudge("outbox");
}

export async function changing(
  tx: Queries,
  ctx: ServiceContext,
  row: StoreRow,
  patch: ChangeStoreInput,
  account: AccountRow,
): Promise<StoreRow> {
  if (row.status === "ARCHIVED")
    throw new AppError("state_conflict", { detail: "The store is archived. Restore it first." });
  const next: StoreRow = { ...row };
  if (patch.name !== undefined) next.name = patch.name;
  if (patch.store_group !== undefined) {
    const group = await groupOf(tx, row, patch.store_group);
    next.groupId = group?.id ?? null;
    next.groupReference = group?.reference ?? null;
    next.brandId = group?.brandId ?? null;
    next.brandReference = group?.brandReference ?? null;
  }
  if (patch.address !== undefined) {
    next.address = patch.address;
    next.country = patch.address.country;
  }
  if (patch.url !== undefined) next.url = patch.url;
  if (patch.app !== undefined) {
    next.appPlatform = AppPlatformSchema.parse(patch.app.platform.toUpperCase());
    next.appBundleNames = patch.app.bundle_names;
  }
  if (patch.opening_state !== undefined)
    next.openingState = OpeningStateSchema.parse(patch.opening_state.toUpperCase());
  if (patch.support?.email !== undefined) next.supportEmail = patch.support.email;
  if (patch.support?.phone !== undefined) next.supportPhone = patch.support.phone;
  if (patch.settings !== undefined) {
    const partner = StoredSettingsSchema.parse(account.settings);
    next.settings = withLimitCurrency(mergeSettings(row.settings, patch.settings), {
      named: patch.settings.till_return_currency,
      above: inheritSettings({ partner }).values,
      partnerCurrency: account.partnerCurrency,
    });
    const { values } = inheritSettings({ partner, store: next.settings });
    requireReadableQr(values);
    requireMayWiden(ctx, inheritSettings({ partner, store: row.settings }).values, values);
  }
  return next;
}

/**
 * Changes what is named of a store. A store that came with a payment is taken over by giving it a store group.
 * `version` is that which the caller saw. Errors: permission_denied, store_not_found, rule_broken, state_conflict.
 */
export async function changeStore(
  ctx: ServiceContext,
  id: string,
  input: ChangeStoreInput,
  options: { version?: number } = {},
): Promise<PublicStore> {
  requirePermission(ctx, "stores:write");
  const patch = ChangeStoreSchema.parse(input);
  if (patch.settings !== undefined) requirePermission(ctx, "terminals:write");
  const { row } = await ctx.db.transaction((tx) =>
    applyChange(tx, ctx, id, async (store, inner, account) => {
      if (options.version !== undefined && options.version !== store.version)
        throw new AppError("state_conflict", { detail: "Somebody else changed the store. Reload and look again." });
      return changing(inner, ctx, store, patch, account);
    }),
  );
  nudge(ctx);
  return toPublicStore(row);
}

export async function archive(tx: Queries, ctx: ServiceContext, id: string, reason: string | null) {
  const now = ctx.clock.now();
  return applyChange(
    tx,
    ctx,
    id,
    async (row, inner) => {
      if (row.status === "ARCHIVED") return null;
      // Its terminals go with it, and come back with it: those that were archived at the very same time.
      await inner.query<Row>({
        text: `update terminals set status = 'ARCHIVED', archived_at = $4, version = version + 1, updated_at = $4
          where partner_id = $1 and mode = $2 and store_id = $3 and status <> 'ARCHIVED'`,
        values: [row.partnerId, row.mode, id, now],
      });
      await inner.query<Row>({
        text: `update paired_devices set revoked_at = $4, revoked_by = $5 where partner_id = $1 and mode = $2 and revoked_at is null
          and terminal_id in (select id from terminals where partner_id = $1 and mode = $2 and store_id = $3)`,
        values: [row.partnerId, row.mode, id, now, ctx.actor.id],
      });
      return { ...row, status: "ARCHIVED", archivedAt: now };
    },
    { action: "store.archived", reason },
  );
}

export async function restore(tx: Queries, ctx: ServiceContext, id: string) {
  const now = ctx.clock.now();
  return applyChange(
    tx,
    ctx,
    id,
    async (row, inner, account) => {
      if (row.status !== "ARCHIVED") return null;
      const status = statusForNew(ctx, account);
      await inner.query<Row>({
        text: `update terminals set status = $5, archived_at = null, version = version + 1, updated_at = $6
          where partner_id = $1 and mode = $2 and store_id = $3 and status = 'ARCHIVED' and archived_at = $4`,
        values: [row.partnerId, row.mode, id, row.archivedAt, status, now],
      });
      return { ...row, status, archivedAt: null };
    },
    { action: "store.restored" },
  );
}

/**
 * Takes a store out of use with its terminals: payments there are refused from now on. Klarna cannot delete one and is told
 * nothing. Archiving an archived store changes nothing. Claims the caller's Idempotency-Key.
 * Errors: permission_denied, store_not_found, state_conflict.
 */
export async function archiveStore(
  ctx: ServiceContext,
  id: string,
  reason: string | null = null,
): Promise<PublicStore> {
  requirePermission(ctx, "stores:write");
  const made = await once(ctx, id, async (tx) => toPublicStore((await archive(tx, ctx, id, reason)).row));
  nudge(ctx);
  return made;
}

/** Takes an archived store and the terminals that went with it into use again. Errors: as `archiveStore`. */
export async function restoreStore(ctx: ServiceContext, id: string): Promise<PublicStore> {
  requirePermission(ctx, "stores:write");
  const { row } = await ctx.db.transaction((tx) => restore(tx, ctx, id));
  nudge(ctx);
  return toPublicStore(row);
}
