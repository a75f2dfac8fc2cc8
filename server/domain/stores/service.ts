import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { decodeCursor, type ListPage, type Page, toListPage, toPage } from "@/server/core/pagination";
import { appendAudit } from "@/server/domain/audit/service";
import { requireOwnCode, requirePartner, withNeighbours } from "@/server/domain/partners/service";
import * as repository from "./repository";
import { findStoreRows, loadStoreRows, toPublicStore } from "./rows";
import {
  type CreateBrandInput,
  CreateBrandSchema,
  type CreateStoreGroupInput,
  CreateStoreGroupSchema,
  type CreateStoreInput,
  CreateStoreSchema,
  type PublicStore,
  type StoreFilter,
  type StoreGroupChoice,
  type StoreItem,
  type StoreRecord,
} from "./schema";

// biome-ignore lint/performance/noBarrelFile: a service that outgrew one file is split by use case, and this is its one door
export { archiveStore, changeStore, partnerFor, registerStore, restoreStore, statusForNew } from "./change";
export { changeEach, changeStores } from "./change-many";
export { announceOnboarded } from "./events";
export { holdAccount } from "./rows";

/** Which way a list is sorted: `name`, or `-created_at` for the newest first. */
function sortOf(sort: string | undefined): repository.StoreSort {
  const by = (sort ?? "-created_at").replace(/^-/, "");
  return { by: by === "name" ? "name" : "created_at", isDescending: sort === undefined || sort.startsWith("-") };
}

/**
 * Lists stores within the caller's Partners and mode, newest first unless `sort` (`name`, `created_at`, `-…`) says otherwise.
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listStores(
  ctx: ServiceContext,
  filter: StoreFilter,
  page: { limit: number; cursor?: string | null; sort?: string },
): Promise<ListPage<StoreItem>> {
  requirePermission(ctx, "stores:read");
  const cursor = page.cursor ? decodeCursor(page.cursor) : null;
  const [rows, total] = await Promise.all([
    repository.findStores(ctx.db, ctx.scope, filter, { limit: page.limit, cursor, sort: sortOf(page.sort) }),
    repository.countStores(ctx.db.prisma, ctx.scope, filter),
  ]);
  return toListPage(rows, page.limit, total);
}

/** Stores as Partners see them, newest first. Errors: permission_denied, validation_failed (cursor). */
export async function listPublicStores(
  ctx: ServiceContext,
  filter: {
    type?: readonly PublicStore["type"][] | undefined;
    status?: readonly PublicStore["status"][] | undefined;
    reference?: string | undefined;
    /** Id or reference. */
    store_group?: string | undefined;
    created_from?: string | undefined;
    created_to?: string | undefined;
  },
  page: { limit: number; cursor?: string | null },
): Promise<Page<PublicStore>> {
  requirePermission(ctx, "stores:read");
  const rows = await findStoreRows(
    ctx.db,
    ctx.scope,
    {
      types: filter.type?.map((type) => type.toUpperCase()) ?? null,
      statuses: filter.status?.map((status) => status.toUpperCase()) ?? null,
      reference: filter.reference ?? null,
      group: filter.store_group ?? null,
      from: filter.created_from === undefined ? null : new Date(filter.created_from),
      to: filter.created_to === undefined ? null : new Date(filter.created_to),
    },
    { limit: page.limit, cursor: page.cursor ? decodeCursor(page.cursor) : null },
  );
  const result = toPage(rows, page.limit);
  return { ...result, data: result.data.map(toPublicStore) };
}

/** One store as Partners see it. Errors: permission_denied, store_not_found (also for another's store). */
export async function getPublicStore(ctx: ServiceContext, id: string): Promise<PublicStore> {
  requirePermission(ctx, "stores:read");
  const [row] = await loadStoreRows(ctx.db, ctx.scope, [id]);
  if (!row) throw new AppError("store_not_found");
  return toPublicStore(row);
}

/** Those of these stores that the caller may see, by id, as Partners see them. Errors: permission_denied. */
export async function findPublicStores(ctx: ServiceContext, ids: readonly string[]): Promise<Map<string, PublicStore>> {
  requirePermission(ctx, "stores:read");
  const rows = await loadStoreRows(ctx.db, ctx.scope, ids);
  return new Map(rows.map((row) => [row.id, toPublicStore(row)]));
}

/** Store groups in use of one Partner, with their brands, for pickers. Errors: permission_denied. */
export async function listStoreGroupChoices(ctx: ServiceContext, partnerId: string): Promise<StoreGroupChoice[]> {
  requirePermission(ctx, "stores:read");
  return repository.findGroupChoices(ctx.db.prisma, ctx.scope, partnerId);
}

/** Stores by name, for pickers: fifty at most. Errors: permission_denied. */
export async function listStoreChoices(ctx: ServiceContext, filter: StoreFilter = {}) {
  requirePermission(ctx, "stores:read");
  return repository.findChoices(ctx.db.prisma, ctx.scope, filter, 50);
}

/** One store with its terminals. Errors: permission_denied, store_not_found (also for another's store). */
export async function getStore(ctx: ServiceContext, id: string): Promise<StoreRecord> {
  requirePermission(ctx, "stores:read");
  const store = await repository.findStore(ctx.db, ctx.scope, id);
  if (!store) throw new AppError("store_not_found");
  return store;
}

/** Registers a brand in the context's mode. Errors: permission_denied, not_found, reference_taken (name). */
export async function createBrand(ctx: ServiceContext, input: CreateBrandInput): Promise<{ id: string }> {
  requireOwnCode(ctx);
  const brand = CreateBrandSchema.parse(input);
  requirePartner(ctx, brand.partnerId);
  const createdAt = ctx.clock.now();
  const id = newId("brand", createdAt.getTime());
  await withNeighbours("not_found", () =>
    ctx.db.transaction(async (tx) => {
      await repository.insertBrand(tx, { id, mode: ctx.scope.mode, ...brand, createdAt });
      await appendAudit(tx, ctx, {
        action: "brand.created",
        subjectKind: "brand",
        subjectId: id,
        partnerId: brand.partnerId,
        after: { name: brand.name },
      });
    }),
  );
  return { id };
}

/** Registers a store group under one brand. Errors: permission_denied, not_found, reference_taken (name). */
export async function createStoreGroup(ctx: ServiceContext, input: CreateStoreGroupInput): Promise<{ id: string }> {
  requireOwnCode(ctx);
  const group = CreateStoreGroupSchema.parse(input);
  requirePartner(ctx, group.partnerId);
  const createdAt = ctx.clock.now();
  const id = newId("storeGroup", createdAt.getTime());
  await withNeighbours("not_found", () =>
    ctx.db.transaction(async (tx) => {
      await repository.insertStoreGroup(tx, { id, mode: ctx.scope.mode, ...group, createdAt });
      await appendAudit(tx, ctx, {
        action: "store_group.created",
        subjectKind: "store_group",
        subjectId: id,
        partnerId: group.partnerId,
        after: { name: group.name },
      });
    }),
  );
  return { id };
}

/**
 * Registers a store in the context's mode; Klarna has it already or learns it with its first payment.
 * Errors: permission_denied, not_found (Partner, store group), reference_taken.
 */
export async function createStore(
  ctx: ServiceContext,
  input: CreateStoreInput,
): Promise<{ id: string; reference: string }> {
  requireOwnCode(ctx);
  const store = CreateStoreSchema.parse(input);
  requirePartner(ctx, store.partnerId);
  const createdAt = ctx.clock.now();
  const id = newId("store", createdAt.getTime());
  const country = store.country ?? store.address?.country ?? null;
  await withNeighbours("not_found", () =>
    ctx.db.transaction(async (tx) => {
      await repository.insertStore(tx, { id, mode: ctx.scope.mode, ...store, country, createdAt });
      await appendAudit(tx, ctx, {
        action: "store.created",
        subjectKind: "store",
        subjectId: id,
        partnerId: store.partnerId,
        after: { reference: store.reference, name: store.name, type: store.type, country },
      });
    }),
  );
  return { id, reference: store.reference };
}
