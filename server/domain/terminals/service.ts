import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { decodeCursor, type ListPage, toListPage } from "@/server/core/pagination";
import { appendAudit } from "@/server/domain/audit/service";
import { requireOwnCode, requirePartner, withNeighbours } from "@/server/domain/partners/service";
import * as repository from "./repository";
import {
  type CreateTerminalInput,
  CreateTerminalSchema,
  type TerminalFilter,
  type TerminalItem,
  type TerminalRecord,
} from "./schema";

/** Lists terminals within the caller's Partners and mode, newest first. Errors: permission_denied, validation_failed (cursor). */
export async function listTerminals(
  ctx: ServiceContext,
  filter: TerminalFilter,
  page: { limit: number; cursor?: string | null },
): Promise<ListPage<TerminalItem>> {
  requirePermission(ctx, "terminals:read");
  const cursor = page.cursor ? decodeCursor(page.cursor) : null;
  const [rows, total] = await Promise.all([
    repository.findTerminals(ctx.db.prisma, ctx.scope, filter, { limit: page.limit, cursor }),
    repository.countTerminals(ctx.db.prisma, ctx.scope, filter),
  ]);
  return toListPage(rows, page.limit, total);
}

/** One terminal with its store. Errors: permission_denied, terminal_not_found (also for another's terminal). */
export async function getTerminal(ctx: ServiceContext, id: string): Promise<TerminalRecord> {
  requirePermission(ctx, "terminals:read");
  const terminal = await repository.findTerminal(ctx.db.prisma, ctx.scope, id);
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
