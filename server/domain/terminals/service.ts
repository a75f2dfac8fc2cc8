import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { decodeCursor, type ListPage, type Page, toListPage, toPage } from "@/server/core/pagination";
import { appendAudit } from "@/server/domain/audit/service";
import { requireOwnCode, requirePartner, withNeighbours } from "@/server/domain/partners/service";
import * as repository from "./repository";
import { findTerminalRows, loadTerminalRows, toPublicTerminal } from "./rows";
import {
  type CreateTerminalInput,
  CreateTerminalSchema,
  type PublicTerminal,
  type TerminalFilter,
  type TerminalItem,
  type TerminalMoveItem,
  type TerminalRecord,
} from "./schema";

// biome-ignore lint/performance/noBarrelFile: a service that outgrew one file is split by use case, and this is its one door
export {
  archiveTerminal,
  beat,
  changeTerminal,
  changeTerminals,
  moveTerminal,
  registerTerminal,
  restoreTerminal,
} from "./change";
export {
  CODE_VALID_MS,
  codeFamily,
  createPairingCode,
  deviceContext,
  findPairedDevice,
  getCounterPlace,
  leaveDevice,
  listPairedDevices,
  pairDevice,
  revokeDevice,
} from "./pairing";
export { listClassicTerminals } from "./rails";

/** Which way a list is sorted: `label`, or `-created_at` for the newest first. */
function sortOf(sort: string | undefined): repository.TerminalSort {
  const by = (sort ?? "-created_at").replace(/^-/, "");
  return { by: by === "label" ? "label" : "created_at", isDescending: sort === undefined || sort.startsWith("-") };
}

/**
 * Lists terminals within the caller's Partners and mode, newest first unless `sort` (`label`, `created_at`, `-…`) says otherwise.
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listTerminals(
  ctx: ServiceContext,
  filter: TerminalFilter,
  page: { limit: number; cursor?: string | null; sort?: string },
): Promise<ListPage<TerminalItem>> {
  requirePermission(ctx, "terminals:read");
  const cursor = page.cursor ? decodeCursor(page.cursor) : null;
  const now = ctx.clock.now();
  const [rows, total] = await Promise.all([
    repository.findTerminals(
      ctx.db.prisma,
      ctx.scope,
      filter,
      { limit: page.limit, cursor, sort: sortOf(page.sort) },
      now,
    ),
    repository.countTerminals(ctx.db.prisma, ctx.scope, filter, now),
  ]);
  return toListPage(rows, page.limit, total);
}

/** Terminals as Partners see them, newest first. Errors: permission_denied, validation_failed (cursor). */
export async function listPublicTerminals(
  ctx: ServiceContext,
  filter: {
    /** Id or reference. */
    store?: string | undefined;
    status?: readonly PublicTerminal["status"][] | undefined;
    device?: readonly PublicTerminal["device"][] | undefined;
    reference?: string | undefined;
    created_from?: string | undefined;
    created_to?: string | undefined;
  },
  page: { limit: number; cursor?: string | null },
): Promise<Page<PublicTerminal>> {
  requirePermission(ctx, "terminals:read");
  const rows = await findTerminalRows(
    ctx.db,
    ctx.scope,
    {
      store: filter.store ?? null,
      statuses: filter.status?.map((status) => status.toUpperCase()) ?? null,
      devices: filter.device?.map((device) => device.toUpperCase()) ?? null,
      reference: filter.reference ?? null,
      from: filter.created_from === undefined ? null : new Date(filter.created_from),
      to: filter.created_to === undefined ? null : new Date(filter.created_to),
    },
    { limit: page.limit, cursor: page.cursor ? decodeCursor(page.cursor) : null },
  );
  const now = ctx.clock.now();
  const result = toPage(rows, page.limit);
  return { ...result, data: result.data.map((row) => toPublicTerminal(row, now)) };
}

/** One terminal as Partners see it. Errors: permission_denied, terminal_not_found (also for another's terminal). */
export async function getPublicTerminal(ctx: ServiceContext, id: string): Promise<PublicTerminal> {
  requirePermission(ctx, "terminals:read");
  const [row] = await loadTerminalRows(ctx.db, ctx.scope, [id]);
  if (!row) throw new AppError("terminal_not_found");
  return toPublicTerminal(row, ctx.clock.now());
}

/** Those of these terminals that the caller may see, by id, as Partners see them. Errors: permission_denied. */
export async function findPublicTerminals(
  ctx: ServiceContext,
  ids: readonly string[],
): Promise<Map<string, PublicTerminal>> {
  requirePermission(ctx, "terminals:read");
  const now = ctx.clock.now();
  const rows = await loadTerminalRows(ctx.db, ctx.scope, ids);
  return new Map(rows.map((row) => [row.id, toPublicTerminal(row, now)]));
}

/** Where a terminal stood, newest first; nothing for another's terminal. Errors: permission_denied. */
export async function listMoves(ctx: ServiceContext, terminalId: string): Promise<TerminalMoveItem[]> {
  requirePermission(ctx, "terminals:read");
  return repository.findMoves(ctx.db, ctx.scope, terminalId);
}

/** One terminal with its store. Errors: permission_denied, terminal_not_found (also for another's terminal). */
export async function getTerminal(ctx: ServiceContext, id: string): Promise<TerminalRecord> {
  requirePermission(ctx, "terminals:read");
  const terminal = await repository.findTerminal(ctx.db.prisma, ctx.scope, id, ctx.clock.now());
  if (!terminal) throw new AppError("terminal_not_found");
  return terminal;
}

/**
 * Registers a terminal at a store of the context's mode. Klarna hears its reference only.
 * Errors: permission_denied, not_found (Partner), store_not_found, reference_taken.
 */
export async function createTerminal(
  ctx: ServiceContext,
  input: CreateTerminalInput,
): Promise<{ id: string; reference: string }> {
  requireOwnCode(ctx);
  const terminal = CreateTerminalSchema.parse(input);
  requirePartner(ctx, terminal.partnerId);
  const createdAt = ctx.clock.now();
  const id = newId("terminal", createdAt.getTime());
  await withNeighbours("store_not_found", () =>
    ctx.db.transaction(async (tx) => {
      await repository.insertTerminal(tx, { id, mode: ctx.scope.mode, ...terminal, createdAt });
      await appendAudit(tx, ctx, {
        action: "terminal.created",
        subjectKind: "terminal",
        subjectId: id,
        partnerId: terminal.partnerId,
        after: { reference: terminal.reference, label: terminal.label, store_id: terminal.storeId },
      });
    }),
  );
  return { id, reference: terminal.reference };
}
