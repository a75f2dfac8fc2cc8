import { requirePermission, type ServiceContext } from "@/server/context";
import { maskCardNumbers } from "@/server/core/card-numbers";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { decodeCursor, type ListPage, toListPage } from "@/server/core/pagination";
import { DAY_MS } from "@/server/core/time";
import { getFourEyes } from "@/server/domain/approvals/service";
import { appendAudit } from "@/server/domain/audit/service";
import { decodeText, readTable, requireTableFile } from "@/server/domain/imports/csv";
import type { PaymentFilter } from "@/server/domain/payments/schema";
import { findPaymentsFor, listPaymentRecordsPage } from "@/server/domain/payments/service";
import { fingerprintOf, type Planned, planRows, type Wish } from "./plan";
import * as repository from "./repository";
import type {
  BulkFile,
  BulkRowFilter,
  BulkRowPage,
  BulkRunFilter,
  BulkRunItem,
  BulkRunRecord,
  Selection,
} from "./schema";
import {
  BULK_COLUMNS,
  BULK_FILE_BYTES_MAX,
  BULK_ROWS_MAX,
  type BulkColumn,
  type BulkKind,
  type BulkSource,
} from "./states";

// biome-ignore lint/performance/noBarrelFile: a service that outgrew one file is split by use case, and this is its one door
export { continueBulk } from "./run";

/*
 * Captures and refunds of many payments: first what each row would do, then the doing, row by row in the background. What was
 * asked for once is not asked for again: a run goes on after a crash where it stopped, and the same file or selection again
 * leaves out what it has done.
 */

const PERMISSIONS = { CAPTURE: "payments:capture", REFUND: "payments:refund" } as const;
const RUNNING_MAX = 5;
/** What a preview said holds no longer than this. */
const PREVIEW_LIFE_MS = DAY_MS;

function requireKind(ctx: ServiceContext, kind: BulkKind): void {
  requirePermission(ctx, PERMISSIONS[kind]);
  // Decides in whose name the background acts, and whether a second person is needed.
  if (ctx.actor.kind !== "USER") throw new AppError("permission_denied");
}

/**
 * Previews the chosen payments of one Partner: captures all that is left of each, or refunds it.
 *
 * Errors: permission_denied, not_found (a payment outside the caller's sight), rule_broken (of several Partners).
 */
export async function planSelection(ctx: ServiceContext, kind: BulkKind, input: Selection): Promise<BulkRunRecord> {
  requireKind(ctx, kind);
  const ids = [...new Set(input.payments)];
  const owners = await repository.findOwners(ctx.db, ctx.scope, ids);
  const partners = new Set(owners.map((owner) => owner.partnerId));
  const [partnerId] = partners;
  if (owners.length !== ids.length || partnerId === undefined)
    throw new AppError("not_found", { detail: "One of the payments does not exist." });
  if (partners.size > 1) throw new AppError("rule_broken", { detail: "Choose payments of one Partner." });
  const reason = kind === "REFUND" ? (input.reason ?? null) : null;
  return plan(ctx, { kind, source: "SELECTION", partnerId, fileName: null, wishes: ids.map(wholeOf(reason)) });
}

/** All that is left of a payment. */
const wholeOf =
  (reason: string | null) =>
  (given: string, index: number): Wish => ({
    ...{ rowNumber: index + 1, given, reason },
    ...{ amount: null, currency: null, capture: null, reference: null },
  });

/**
 * Previews all payments that a filter finds now, of one Partner and at most 5,000, with something left to capture or to
 * refund: all that is left of each. What the filter finds later is not among them.
 *
 * Errors: permission_denied, rule_broken (no filter, nothing found, of several Partners, too many).
 */
export async function planFound(ctx: ServiceContext, kind: BulkKind, filter: PaymentFilter): Promise<BulkRunRecord> {
  requireKind(ctx, kind);
  const refuse = (detail: string): never => {
    throw new AppError("rule_broken", { detail });
  };
  const isSet = (value: unknown): boolean =>
    Array.isArray(value) ? value.length > 0 : value !== undefined && value !== "" && value !== false;
  if (!Object.values(filter).some(isSet)) refuse("Set a filter first.");
  const [task, done] = kind === "CAPTURE" ? (["capture", "captured"] as const) : (["refund", "refunded"] as const);
  const found = await findPaymentsFor(ctx, task, filter, BULK_ROWS_MAX + 1);
  const partners = new Set(found.map((payment) => payment.partnerId));
  const [partnerId] = partners;
  if (partnerId === undefined) {
    const { data } = await listPaymentRecordsPage(ctx, filter, { limit: 1 });
    return refuse(data.length === 0 ? "The filter finds no payment." : `Nothing that the filter finds can be ${done}.`);
  }
  if (partners.size > 1) refuse("The filter finds payments of several Partners. Choose one of them in it.");
  if (found.length > BULK_ROWS_MAX)
    refuse(
      `More than ${BULK_ROWS_MAX.toLocaleString("en")} payments of the filter can be ${done}. Choose a shorter time.`,
    );
  const wishes = found.map((payment) => payment.id).map(wholeOf(null));
  return plan(ctx, { kind, source: "SELECTION", partnerId, fileName: null, wishes });
}

/**
 * Previews a CSV file, at most 700 KB and 5,000 rows, of payments of one Partner. Columns: see BULK_COLUMNS.
 *
 * Errors: permission_denied, not_found (the Partner), validation_failed (the file), content_type_unsupported, body_too_large.
 */
export async function planFile(ctx: ServiceContext, kind: BulkKind, file: BulkFile): Promise<BulkRunRecord> {
  requireKind(ctx, kind);
  if (!(await repository.hasAccount(ctx.db, ctx.scope, file.partnerId)))
    throw new AppError("not_found", { detail: "There is no such Partner." });
  if (file.bytes.length > BULK_FILE_BYTES_MAX)
    throw new AppError("body_too_large", { detail: "The file is larger than 700 KB. Split it." });
  const fileName = requireTableFile({ name: file.fileName, contentType: "text/csv", bytes: file.bytes });
  const table = readTable(decodeText(file.bytes), BULK_ROWS_MAX);
  const at = readHead(kind, table.head);
  const wishes = table.rows.map(({ number, cells }): Wish => {
    const cell = (id: BulkColumn["id"]): string | null => {
      const index = at.get(id);
      const text = index === undefined ? "" : plainCell(cells[index] ?? "");
      return text === "" ? null : text;
    };
    return {
      rowNumber: number,
      given: (cell("payment") ?? "").slice(0, 255),
      amount: cell("amount"),
      currency: cell("currency")?.toUpperCase() ?? null,
      capture: cell("capture"),
      reference: cell("reference")?.slice(0, 255) ?? null,
      reason: cell("reason")?.slice(0, 255) ?? null,
    };
  });
  return plan(ctx, { kind, source: "FILE", partnerId: file.partnerId, fileName, wishes });
}

/**
 * Without what no reference has: control characters, card numbers, and the mark that our own files put before what looks like
 * a formula.
 */
function plainCell(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, " ").trim();
  return maskCardNumbers(/^'[=+\-@|%]/.test(plain) ? plain.slice(1) : plain, "•••");
}

/** Where each column is. Errors: validation_failed (no column names the payment). */
function readHead(kind: BulkKind, head: readonly string[]): Map<BulkColumn["id"], number> {
  const plain = head.map((name) => name.toLowerCase().replace(/[^a-z0-9]/g, ""));
  const at = new Map<BulkColumn["id"], number>();
  for (const column of BULK_COLUMNS.filter((one) => one.kinds.includes(kind))) {
    // In the order of the names: an id says more than a reference.
    const index = column.aliases.map((alias) => plain.indexOf(alias)).find((found) => found !== -1);
    const spare = column.id === "payment" && index === undefined ? plain.indexOf("reference") : -1;
    if (index !== undefined) at.set(column.id, index);
    else if (spare !== -1) at.set("payment", spare);
  }
  if (at.get("payment") === undefined) {
    const detail = "No column is called “payment”. The first row names the columns.";
    throw new AppError("validation_failed", { detail, errors: [{ pointer: "/file", detail }] });
  }
  // One column is not two things.
  if (at.get("reference") === at.get("payment")) at.delete("reference");
  return at;
}

async function plan(
  ctx: ServiceContext,
  input: { kind: BulkKind; source: BulkSource; partnerId: string; fileName: string | null; wishes: readonly Wish[] },
): Promise<BulkRunRecord> {
  const of = { partnerId: input.partnerId, mode: ctx.scope.mode };
  const now = ctx.clock.now();
  await repository.settleRows(ctx.db, { now, run: null });
  const named = new Set(
    input.wishes.map((wish) => wish.given).filter((given) => given !== "" && !given.includes("\0")),
  );
  const [payments, rules] = await Promise.all([
    repository.findPayments(ctx.db, of, [...named]),
    getFourEyes(ctx.db, input.partnerId),
  ]);
  const ask = (doneAlready: (key: string) => string | null): Planned[] =>
    planRows({ ...input, fingerprint: fingerprintOf(input.kind, input.wishes), payments, rules, doneAlready });
  // What a row is depends on those before it, and those before it on whether they were done: asked until nothing changes.
  const done = new Map<string, string>();
  let rows = ask(() => null);
  for (let turn = 0; turn < 2; turn += 1) {
    for (const [key, run] of await repository.findDone(
      ctx.db,
      of,
      rows.map((row) => row.intentKey),
    ))
      done.set(key, run);
    if (done.size === 0) break;
    rows = ask((key) => done.get(key) ?? null);
  }
  const id = newId("bulkRun", now.getTime());
  await ctx.db.transaction(async (tx) => {
    await repository.insertRun(tx, { id, ...of, ...input, createdBy: ctx.actor.id, now }, rows);
    await appendAudit(tx, ctx, {
      action: "bulk.checked",
      subjectKind: "bulk_run",
      subjectId: id,
      partnerId: input.partnerId,
      after: { kind: input.kind, rows: rows.length, ready: rows.filter((row) => row.state === "READY").length },
    });
  });
  return getBulkRun(ctx, id);
}

async function findOwn(ctx: ServiceContext, id: string): Promise<repository.RunRow> {
  requirePermission(ctx, "payments:read");
  const found = await repository.findRun(ctx.db, ctx.scope, id);
  if (!found) throw new AppError("not_found", { detail: "There is no such run." });
  return found;
}

async function findOwnOf(ctx: ServiceContext, id: string, kind: BulkKind): Promise<repository.RunRow> {
  requireKind(ctx, kind);
  const found = await findOwn(ctx, id);
  if (found.kind !== kind) throw new AppError("not_found", { detail: "There is no such run." });
  return found;
}

/** One run with how far it is. Errors: permission_denied, not_found. */
export async function getBulkRun(ctx: ServiceContext, id: string): Promise<BulkRunRecord> {
  const { requestId: _request, ...run } = await findOwn(ctx, id);
  return { ...run, counts: await repository.countRows(ctx.db, run) };
}

/** Runs within the caller's Partners and mode, newest first. Errors: permission_denied, validation_failed (cursor). */
export async function listBulkRuns(
  ctx: ServiceContext,
  filter: BulkRunFilter,
  page: { limit: number; cursor?: string | null },
): Promise<ListPage<BulkRunItem>> {
  requirePermission(ctx, "payments:read");
  const cursor = page.cursor ? decodeCursor(page.cursor) : null;
  const [rows, total] = await Promise.all([
    repository.findRuns(ctx.db, ctx.scope, filter, { limit: page.limit, cursor }),
    repository.countRuns(ctx.db, ctx.scope, filter),
  ]);
  return toListPage(
    rows.map(({ requestId: _request, ...row }) => row),
    page.limit,
    total,
  );
}

/** Rows of a run in their order. Errors: permission_denied, not_found, validation_failed (cursor). */
export async function listBulkRows(
  ctx: ServiceContext,
  id: string,
  filter: BulkRowFilter,
  page: { limit: number; cursor?: string | null },
): Promise<BulkRowPage> {
  const run = await findOwn(ctx, id);
  const after = page.cursor ? Number(page.cursor) : 0;
  if (!Number.isSafeInteger(after) || after < 0)
    throw new AppError("validation_failed", {
      errors: [{ pointer: "/cursor", detail: "is not a cursor of this list" }],
    });
  const [rows, counts] = await Promise.all([
    repository.findRows(ctx.db, run, filter, { after, limit: page.limit + 1 }),
    repository.countRows(ctx.db, run),
  ]);
  const items = rows.slice(0, page.limit);
  const last = items.at(-1);
  const total = counts
    .filter((count) => !filter.state?.length || filter.state.includes(count.state))
    .reduce((sum, count) => sum + count.count, 0);
  return { items, total, nextCursor: rows.length > page.limit && last ? String(last.rowNumber) : null };
}

/**
 * Has the background do what the preview said. CHECKED becomes RUNNING; one that runs already is answered as it is.
 *
 * Errors: permission_denied, not_found, state_conflict (over), rule_broken (no row is ready, the preview is too old, too many
 * runs of the Partner at once).
 */
export async function startBulkRun(ctx: ServiceContext, id: string, kind: BulkKind): Promise<BulkRunRecord> {
  const run = await findOwnOf(ctx, id, kind);
  const now = ctx.clock.now();
  if (run.state === "RUNNING" || run.state === "DONE") return getBulkRun(ctx, id);
  if (run.state === "CHECKED" && now.getTime() - run.createdAt.getTime() > PREVIEW_LIFE_MS)
    throw new AppError("rule_broken", { detail: "The preview is older than a day. Make it anew." });
  const counts = await repository.countRows(ctx.db, run);
  const ready = counts.filter((count) => count.state === "READY");
  if (ready.length === 0) throw new AppError("rule_broken", { detail: "No row is ready." });
  await ctx.db.transaction(async (tx) => {
    if ((await repository.countRunning(tx, run)) >= RUNNING_MAX)
      throw new AppError("rule_broken", { detail: "Several runs of this Partner are under way. Wait for one to end." });
    if (!(await repository.moveRun(tx, run, "start", { now, requestId: ctx.requestId }))) {
      if ((await repository.findRun(tx, ctx.scope, id))?.state === "RUNNING") return;
      throw new AppError("state_conflict", { detail: "The run was stopped." });
    }
    // Who starts it answers for it.
    await repository.setStarter(tx, run, ctx.actor.id);
    await appendAudit(tx, ctx, {
      action: "bulk.started",
      subjectKind: "bulk_run",
      subjectId: id,
      partnerId: run.partnerId,
      after: {
        kind: run.kind,
        rows: ready.reduce((sum, count) => sum + count.count, 0),
        amounts: ready.map(({ amount, currency }) => ({ amount, currency })),
      },
    });
  });
  ctx.nudge("bulk");
  return getBulkRun(ctx, id);
}

/** Ends a run; what it has asked for stays asked for. Errors: permission_denied, not_found, state_conflict (over already). */
export async function stopBulkRun(ctx: ServiceContext, id: string, kind: BulkKind): Promise<BulkRunRecord> {
  const run = await findOwnOf(ctx, id, kind);
  await ctx.db.transaction(async (tx) => {
    if (!(await repository.moveRun(tx, run, "cancel", { now: ctx.clock.now() })))
      throw new AppError("state_conflict", { detail: "The run is over." });
    await appendAudit(tx, ctx, {
      action: "bulk.stopped",
      subjectKind: "bulk_run",
      subjectId: id,
      partnerId: run.partnerId,
      before: { state: run.state },
      after: { state: "CANCELED" },
    });
  });
  return getBulkRun(ctx, id);
}
