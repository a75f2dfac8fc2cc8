import type { Actor } from "@/server/auth/permissions";
import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { decodeCursor, LIST_TOTAL_MAX, type ListPage, toListPage } from "@/server/core/pagination";
import { redact } from "@/server/core/redact";
import type { Mode } from "@/server/core/schema";
import type { Transaction } from "@/server/db/client";
import * as chain from "./chain";
import * as repository from "./repository";
import type { AuditFilter, AuditItem, AuditRecord } from "./schema";

/** What happened to what. `before` and `after` hold snake_case facts; text under a key that is not known as safe is masked. */
export type AuditInput = {
  /** `<noun>.<past participle>`, for example `partner.created`. */
  action: string;
  subjectKind: string;
  subjectId: string;
  partnerId?: string | null;
  /** The context's mode unless given; null for what belongs to no mode, such as a sign-in. */
  mode?: Mode | null;
  before?: unknown;
  after?: unknown;
};

/** What an audit entry takes from its context. Sign-in and jobs that have no whole context make one of these. */
export type AuditContext = Pick<ServiceContext, "way" | "requestId" | "clock"> & {
  readonly actor: Pick<Actor, "kind" | "id"> & { readonly as?: { readonly id: string; readonly name: string } };
  readonly scope: { readonly mode: Mode } | null;
};

/**
 * Writes one audit entry within the transaction of the change that it tells of.
 *
 * The entry cannot be changed or deleted afterwards. Personal data and secrets are masked before they are written.
 */
export async function appendAudit(tx: Pick<Transaction, "query">, ctx: AuditContext, input: AuditInput): Promise<void> {
  await repository.insertEntry(tx, { ...toEntry(ctx, input), createdAt: ctx.clock.now() });
}

/** As `appendAudit`, for many at once: one statement. */
export async function appendAuditMany(
  tx: Pick<Transaction, "query">,
  ctx: AuditContext,
  inputs: readonly AuditInput[],
): Promise<void> {
  if (inputs.length === 0) return;
  await repository.insertEntries(
    tx,
    inputs.map((input) => toEntry(ctx, input)),
    ctx.clock.now(),
  );
}

function toEntry(ctx: AuditContext, input: AuditInput): Omit<repository.NewAuditEntry, "createdAt"> {
  return {
    id: newId("audit", ctx.clock.now().getTime()),
    partnerId: input.partnerId ?? null,
    mode: input.mode === undefined ? (ctx.scope?.mode ?? null) : input.mode,
    actorKind: ctx.actor.kind,
    actorId: ctx.actor.id,
    way: ctx.way,
    action: input.action,
    subjectKind: input.subjectKind,
    subjectId: input.subjectId,
    requestId: ctx.requestId,
    before: input.before === undefined ? null : redact(input.before),
    after: afterOf(ctx, input),
  };
}

/** Who acted as another person is the actor; that person stands in `after`, so that the entry names both. */
function afterOf(ctx: AuditContext, input: AuditInput): unknown {
  const after = input.after === undefined ? null : redact(input.after);
  const { as } = ctx.actor;
  if (as === undefined) return after;
  const facts = typeof after === "object" && !Array.isArray(after) ? after : { result: after };
  return { ...facts, acting_as: redact({ id: as.id, name: as.name }) };
}

/**
 * Lists audit entries, newest first, within the caller's Partners and mode.
 *
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listAudit(
  ctx: ServiceContext,
  filter: AuditFilter,
  page: { limit: number; cursor?: string | null },
): Promise<ListPage<AuditItem>> {
  requirePermission(ctx, "audit:read");
  const cursor = page.cursor ? decodeCursor(page.cursor) : null;
  const [rows, total] = await Promise.all([
    repository.findEntries(ctx.db, ctx.scope, filter, { limit: page.limit, cursor }),
    repository.countEntries(ctx.db, ctx.scope, filter, LIST_TOTAL_MAX),
  ]);
  return toListPage(rows, page.limit, total);
}

/** One entry. Errors: permission_denied, not_found. */
export async function getAuditEntry(ctx: ServiceContext, id: string): Promise<AuditRecord> {
  requirePermission(ctx, "audit:read");
  const [entry] = await repository.findEntries(ctx.db, ctx.scope, { id }, { limit: 1, cursor: null });
  if (!entry) throw new AppError("not_found");
  return { ...entry, seal: await repository.findSeal(ctx.db, entry.id) };
}

/** All entries of a filter, page by page, as a file takes them. Errors: permission_denied. */
export async function exportAudit(
  ctx: ServiceContext,
  filter: AuditFilter,
  page: { limit: number; cursor?: string | null },
): Promise<ListPage<AuditItem>> {
  requirePermission(ctx, "audit:export");
  requirePermission(ctx, "audit:read");
  const cursor = page.cursor ? decodeCursor(page.cursor) : null;
  const rows = await repository.findEntries(ctx.db, ctx.scope, filter, { limit: page.limit, cursor });
  return toListPage(rows, page.limit, 0);
}

export const sealAudit = chain.sealAudit;
export const checkChain = chain.checkChain;
export const verifyAudit = chain.verifyAudit;
export const getChainStatus = chain.getChainStatus;
