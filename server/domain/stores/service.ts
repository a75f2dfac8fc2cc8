import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { decodeCursor, type ListPage, toListPage } from "@/server/core/pagination";
import { appendAudit } from "@/server/domain/audit/service";
import { requireOwnCode, requirePartner, withNeighbours } from "@/server/domain/partners/service";
import * as repository from "./repository";
import {
  type CreateBrandInput,
  CreateBrandSchema,
  type CreateStoreGroupInput,
  CreateStoreGroupSchema,
  type CreateStoreInput,
  CreateStoreSchema,
  type StoreFilter,
  type StoreItem,
  type StoreRecord,
} from "./schema";

/** Lists stores within the caller's Partners and mode, newest first. Errors: permission_denied, validation_failed (cursor). */
export async function listStores(
  ctx: ServiceContext,
  filter: StoreFilter,
  page: { limit: number; cursor?: string | null },
): Promise<ListPage<StoreItem>> {
  requirePermission(ctx, "stores:read");
  const cursor = page.cursor ? decodeCursor(page.cursor) : null;
  const [rows, total] = await Promise.all([
    repository.findStores(ctx.db.prisma, ctx.scope, filter, { limit: page.limit, cursor }),
    repository.countStores(ctx.db.prisma, ctx.scope, filter),
  ]);
  return toListPage(rows, page.limit, total);
}

/** Stores by name, for pickers: fifty at most. Errors: permission_denied. */
export async function listStoreChoices(ctx: ServiceContext, filter: StoreFilter = {}) {
  requirePermission(ctx, "stores:read");
  return repository.findChoices(ctx.db.prisma, ctx.scope, filter, 50);
}

/** One store with its terminals. Errors: permission_denied, store_not_found (also for another's store). */
export async function getStore(ctx: ServiceContext, id: string): Promise<StoreRecord> {
  requirePermission(ctx, "stores:read");
  const store = await repository.findStore(ctx.db.prisma, ctx.scope, id);
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
