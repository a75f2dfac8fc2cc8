import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { decodeCursor, type ListPage, toListPage } from "@/server/core/pagination";
import { addMs, MINUTE_MS } from "@/server/core/time";
import type { Transaction } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { decodeText, readTable, requireTableFile } from "./csv";
import {
  type FileRow,
  type ImportAccount,
  isRefused,
  type Judged,
  judgePartners,
  judgeStores,
  judgeTerminals,
  type Plan,
} from "./judge";
import * as repository from "./repository";
import { openCells, sealCells } from "./rows";
import {
  type CheckImportInput,
  CheckImportSchema,
  guessColumns,
  type ImportColumns,
  type ImportFilter,
  type ImportItem,
  type ImportRecord,
  type ImportRowFilter,
  type ImportRowItem,
  type ImportRowPage,
  type UploadImportInput,
} from "./schema";
import { IMPORT_FIELDS, IMPORT_ROWS_MAX, type ImportKind } from "./states";

// biome-ignore lint/performance/noBarrelFile: a service that outgrew one file is split by use case, and this is its one door
export { removeOldImports } from "./retention";
export { continueImports } from "./run";

/*
 * A file becomes rows, rows are checked (nothing is made), and only what was checked is run, by the background, batch by
 * batch. What a batch makes and how far the import has come commit together.
 */

const CHECK_MS = 3 * MINUTE_MS;
const CHECK_CHUNK = 2_000;
const UNFINISHED_MAX = 20;

/** Rows of these kinds need this permission besides `imports:write`. */
function requireKind(ctx: ServiceContext, kind: ImportKind): void {
  requirePermission(ctx, "imports:write");
  if (kind === "PARTNERS") {
    requirePermission(ctx, "partners:write");
    if (ctx.scope.partners !== "all") throw new AppError("permission_denied");
  } else {
    requirePermission(ctx, kind === "STORES" ? "stores:write" : "terminals:write");
  }
}

/**
 * The account that rows go into, held until the transaction ends.
 * Errors: not_found (also another's Partner), state_conflict (closed, or the draft was decided), permission_denied (a draft
 * that the Partner's people may not fill now).
 */
async function requireAccount(
  tx: Pick<Transaction, "query">,
  ctx: ServiceContext,
  partnerId: string,
): Promise<ImportAccount> {
  const account = await repository.holdAccount(tx, ctx.scope, partnerId);
  if (!account) throw new AppError("not_found", { detail: "There is no such Partner." });
  if (account.partnerState === "CLOSED") throw new AppError("state_conflict", { detail: "The Partner is closed." });
  const isDraft = account.state === "NOT_ONBOARDED";
  if (isDraft) {
    const state = account.onboardingState ?? "";
    if (!["DRAFT", "SUBMITTED", "REFUSED"].includes(state))
      throw new AppError("state_conflict", { detail: "The draft has been decided." });
    if (ctx.scope.partners !== "all" && (!account.partnerMayEdit || state === "SUBMITTED"))
      throw new AppError("permission_denied", { detail: "The draft cannot be changed now." });
  }
  return { partnerId: account.partnerId, mode: account.mode, country: account.country, isDraft };
}

/**
 * Takes a file, at most 8 MB and 50,000 rows (2,000 Partners), and keeps its rows sealed. Nothing else happens yet;
 * `columns` of the answer is a guess.
 *
 * Errors: permission_denied, not_found, state_conflict, validation_failed (the file), content_type_unsupported,
 * body_too_large, rule_broken (too many unfinished imports).
 */
export async function uploadImport(ctx: ServiceContext, input: UploadImportInput): Promise<ImportRecord> {
  requireKind(ctx, input.kind);
  if ((input.kind === "PARTNERS") !== (input.partnerId === null))
    throw new AppError("validation_failed", { errors: [{ pointer: "/partner", detail: "does not fit the kind" }] });
  const fileName = requireTableFile({ name: input.fileName, contentType: input.contentType, bytes: input.bytes });
  const table = readTable(decodeText(input.bytes), IMPORT_ROWS_MAX[input.kind]);
  const now = ctx.clock.now();
  const id = newId("import", now.getTime());
  const rows = table.rows.map((row) => ({
    rowNumber: row.number,
    dataSecret: sealCells(ctx, id, { rowNumber: row.number, cells: row.cells.slice(0, table.head.length) }),
  }));
  await ctx.db.transaction(async (tx) => {
    if (input.partnerId !== null) await requireAccount(tx, ctx, input.partnerId);
    if ((await repository.countUnfinished(tx, input.partnerId, ctx.scope.mode)) >= UNFINISHED_MAX)
      throw new AppError("rule_broken", { detail: "Finish or cancel other imports first." });
    await repository.insertImport(tx, {
      id,
      partnerId: input.partnerId,
      mode: ctx.scope.mode,
      kind: input.kind,
      fileName,
      fileBytes: input.bytes.length,
      head: table.head,
      columns: guessColumns(input.kind, table.head),
      rowCount: rows.length,
      createdBy: ctx.actor.id,
      createdByKind: ctx.actor.kind,
      now,
    });
    await repository.insertRows(tx, id, rows);
    await appendAudit(tx, ctx, {
      action: "import.uploaded",
      subjectKind: "import",
      subjectId: id,
      partnerId: input.partnerId,
      after: { kind: input.kind, rows: rows.length, bytes: input.bytes.length },
    });
    return { id };
  });
  return getImport(ctx, id);
}

async function findOwn(ctx: ServiceContext, id: string): Promise<repository.ImportRow> {
  requirePermission(ctx, "imports:write");
  const found = await repository.findImport(ctx.db, ctx.scope, id);
  if (!found) throw new AppError("not_found", { detail: "There is no such import." });
  return found;
}

/** One import and how far it is. Errors: permission_denied, not_found. */
export async function getImport(ctx: ServiceContext, id: string): Promise<ImportRecord> {
  const { createdByKind: _kind, requestId: _request, ...record } = await findOwn(ctx, id);
  return record;
}

/** Imports within the caller's Partners and mode, newest first. Errors: permission_denied, validation_failed (cursor). */
export async function listImports(
  ctx: ServiceContext,
  filter: ImportFilter,
  page: { limit: number; cursor?: string | null },
): Promise<ListPage<ImportItem>> {
  requirePermission(ctx, "imports:write");
  const cursor = page.cursor ? decodeCursor(page.cursor) : null;
  const [rows, total] = await Promise.all([
    repository.findImports(ctx.db, ctx.scope, filter, { limit: page.limit, cursor }),
    repository.countImports(ctx.db, ctx.scope, filter),
  ]);
  return toListPage(rows, page.limit, total);
}

/** Rows of an import as the file has them, with what is wrong or became of each. Errors: permission_denied, not_found, validation_failed (cursor). */
export async function listImportRows(
  ctx: ServiceContext,
  id: string,
  filter: ImportRowFilter,
  page: { limit: number; cursor?: string | null },
): Promise<ImportRowPage> {
  const found = await findOwn(ctx, id);
  const after = page.cursor ? Number(page.cursor) : 0;
  if (!Number.isSafeInteger(after) || after < 0)
    throw new AppError("validation_failed", {
      errors: [{ pointer: "/cursor", detail: "is not a cursor of this list" }],
    });
  const [rows, total] = await Promise.all([
    repository.findRows(ctx.db, found.id, filter, { limit: page.limit + 1, after }),
    repository.countRows(ctx.db, found.id, filter),
  ]);
  const items = rows.slice(0, page.limit).map(
    ({ dataSecret, ...row }): ImportRowItem => ({
      ...row,
      cells: openCells(ctx, found.id, { rowNumber: row.rowNumber, dataSecret }),
    }),
  );
  const last = items.at(-1);
  return { items, total, nextCursor: rows.length > page.limit && last ? String(last.rowNumber) : null };
}

/** Columns that exist, each for one field, and what rows are recognised by. Errors: validation_failed. */
function requireColumns(kind: ImportKind, head: readonly string[], columns: ImportColumns): void {
  const fields = IMPORT_FIELDS[kind];
  const errors = Object.entries(columns).flatMap(([field, column]) => {
    const pointer = `/columns/${field}`;
    if (!fields.some((known) => known.id === field)) return [{ pointer, detail: "is not a field of this kind" }];
    if (!head.includes(column)) return [{ pointer, detail: "is not a column of the file" }];
    return [];
  });
  for (const field of fields) {
    const isKey = field.id === "reference" || field.id === "store";
    if (field.isRequired && (isKey || kind === "PARTNERS") && columns[field.id] === undefined)
      errors.push({ pointer: `/columns/${field.id}`, detail: "Choose a column." });
  }
  if (errors.length > 0) throw new AppError("validation_failed", { errors });
}

export function judge(
  tx: Pick<Transaction, "query">,
  kind: ImportKind,
  account: ImportAccount | null,
  plan: Plan,
  rows: readonly FileRow[],
): Promise<Judged<unknown>[]> {
  if (kind === "PARTNERS") return judgePartners(tx, plan, rows);
  if (account === null) throw new Error("stores and terminals belong to an account");
  return kind === "STORES" ? judgeStores(tx, account, plan, rows) : judgeTerminals(tx, account, plan, rows);
}

/**
 * The dry run: reads every row with these columns and keeps what it would do or what is wrong with it. May be repeated
 * with other columns until the import is started.
 *
 * Errors: permission_denied, not_found, state_conflict (started, canceled, or being checked), validation_failed (columns).
 */
export async function checkImport(ctx: ServiceContext, id: string, input: CheckImportInput): Promise<ImportRecord> {
  const found = await findOwn(ctx, id);
  requireKind(ctx, found.kind);
  const { columns, defaults } = CheckImportSchema.parse(input);
  requireColumns(found.kind, found.head, columns);
  const account =
    found.partnerId === null ? null : await ctx.db.transaction((tx) => requireAccount(tx, ctx, found.partnerId ?? ""));
  const now = ctx.clock.now();
  if (!(await repository.leaseImport(ctx.db, id, now, addMs(now, CHECK_MS))))
    throw new AppError("state_conflict", { detail: "The import was started, canceled, or is being checked." });
  try {
    const counts = await checkRows(ctx, found, account, { head: found.head, columns, defaults });
    await repository.finishCheck(ctx.db, id, { columns, defaults, ...counts, now: ctx.clock.now() });
  } catch (error) {
    await repository.releaseImport(ctx.db, id);
    throw error;
  }
  return getImport(ctx, id);
}

async function checkRows(
  ctx: ServiceContext,
  found: repository.ImportRow,
  account: ImportAccount | null,
  plan: Plan,
): Promise<{ valid: number; invalid: number; actions: ImportRecord["actions"] }> {
  const actions = { create: 0, update: 0, none: 0 };
  const firstOf = new Map<string, number>();
  let invalid = 0;
  let after = 0;
  for (;;) {
    const stored = await repository.findRows(ctx.db, found.id, {}, { limit: CHECK_CHUNK, after });
    if (stored.length === 0) break;
    const rows = stored.map((row) => ({ rowNumber: row.rowNumber, cells: openCells(ctx, found.id, row) }));
    const judged = await judge(ctx.db, found.kind, account, plan, rows);
    const results = judged.map((row): repository.RowResult => {
      const problems = isRefused(row) ? row.problems : twice(firstOf, row.key, row.rowNumber);
      const common = { rowNumber: row.rowNumber, reference: row.reference, resourceId: null };
      if (isRefused(row) || problems.length > 0) {
        invalid += 1;
        return { ...common, state: "INVALID", action: null, problems };
      }
      actions[row.action === "CREATE" ? "create" : row.action === "UPDATE" ? "update" : "none"] += 1;
      return { ...common, state: "VALID", action: row.action, problems: [] };
    });
    await repository.writeResults(ctx.db, found.id, results);
    after = stored.at(-1)?.rowNumber ?? after;
  }
  return { invalid, actions, valid: actions.create + actions.update + actions.none };
}

function twice(firstOf: Map<string, number>, key: string, rowNumber: number) {
  const first = firstOf.get(key);
  if (first === undefined) {
    firstOf.set(key, rowNumber);
    return [];
  }
  return [{ field: "reference", detail: `is the same as in row ${first}` }];
}

/**
 * Has the background make what the check announced; rows with errors are left out.
 *
 * Errors: permission_denied, not_found, state_conflict (not checked, or started already), rule_broken (no row is ready).
 */
export async function startImport(ctx: ServiceContext, id: string): Promise<ImportRecord> {
  const found = await findOwn(ctx, id);
  requireKind(ctx, found.kind);
  await ctx.db.transaction(async (tx) => {
    const account = found.partnerId === null ? null : await requireAccount(tx, ctx, found.partnerId);
    const now = ctx.clock.now();
    if (!(await repository.moveImport(tx, id, ["CHECKED"], "RUNNING", { now, requestId: ctx.requestId })))
      throw new AppError("state_conflict", { detail: "Check the rows first." });
    if (found.validCount === 0) throw new AppError("rule_broken", { detail: "No row is ready." });
    if (account?.isDraft) await repository.touchDraft(tx, account.partnerId, account.mode, now);
    await appendAudit(tx, ctx, {
      action: "import.started",
      subjectKind: "import",
      subjectId: id,
      partnerId: found.partnerId,
      after: { kind: found.kind, rows: found.validCount, left_out: found.invalidCount, ...found.actions },
    });
  });
  ctx.nudge("imports");
  return getImport(ctx, id);
}

/** Ends an import; what it has made stays. Errors: permission_denied, not_found, state_conflict (over already). */
export async function cancelImport(ctx: ServiceContext, id: string): Promise<ImportRecord> {
  const found = await findOwn(ctx, id);
  requireKind(ctx, found.kind);
  await ctx.db.transaction(async (tx) => {
    const now = ctx.clock.now();
    if (!(await repository.moveImport(tx, id, ["UPLOADED", "CHECKED", "RUNNING"], "CANCELED", { now })))
      throw new AppError("state_conflict", { detail: "The import is over, or its rows are being checked." });
    await appendAudit(tx, ctx, {
      action: "import.canceled",
      subjectKind: "import",
      subjectId: id,
      partnerId: found.partnerId,
      before: { state: found.state },
      after: { state: "CANCELED", done: found.doneCount },
    });
  });
  return getImport(ctx, id);
}
