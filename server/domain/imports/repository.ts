import { z } from "zod";
import type { TenantScope } from "@/server/auth/permissions";
import { type Cursor, LIST_TOTAL_MAX } from "@/server/core/pagination";
import type { Mode } from "@/server/core/schema";
import type { Row, Transaction } from "@/server/db/client";
import { nameFor } from "@/server/db/names";
import {
  type ImportColumns,
  ImportColumnsSchema,
  type ImportDefaults,
  ImportDefaultsSchema,
  type ImportFilter,
  type ImportItem,
  type ImportRecord,
  type ImportRowFilter,
  type RowProblem,
  RowProblemsSchema,
} from "./schema";
import type { ImportAction, ImportKind, ImportRowState, ImportState } from "./states";

type Queries = Pick<Transaction, "query">;

/** Rows of one statement: its parameters stay small. */
const CHUNK = 2_000;

const HeadSchema = z.array(z.string()).catch([]);
const ActionsSchema = z
  .object({ create: z.number().default(0), update: z.number().default(0), none: z.number().default(0) })
  .catch({ create: 0, update: 0, none: 0 });

export type ImportRow = ImportRecord & { createdByKind: string; requestId: string | null };

const SELECT = `select i.id, i.kind, i.state, i.partner_id as "partnerId", p.name as "partnerName", i.file_name as "fileName", i.file_bytes as "fileBytes",
    i.mode, i.head, i.columns, i.defaults, i.actions, i.error, i.row_count as "rowCount", i.valid_count as "validCount",
    i.invalid_count as "invalidCount", i.done_count as "doneCount", i.failed_count as "failedCount", i.created_by as "createdBy",
    i.created_by_kind as "createdByKind", ${nameFor("u", "$2")} as "createdByName", i.request_id as "requestId", i.created_at as "createdAt",
    i.started_at as "startedAt", i.finished_at as "finishedAt", coalesce(a.state = 'NOT_ONBOARDED', false) as "isDraft"
  from imports i left join partners p on p.id = i.partner_id left join users u on i.created_by_kind = 'USER' and u.id = i.created_by
    left join partner_accounts a on a.partner_id = i.partner_id and a.mode = i.mode`;
const IN_SCOPE = "i.mode = $1 and ($2::text[] is null or i.partner_id = any($2))";

const scopeValues = (scope: TenantScope): unknown[] => [scope.mode, scope.partners === "all" ? null : scope.partners];

type Raw = Row &
  Omit<ImportRow, "head" | "columns" | "defaults" | "actions"> &
  Record<"head" | "columns" | "defaults" | "actions", unknown>;
const read = (row: Raw): ImportRow => ({
  ...row,
  head: HeadSchema.parse(row.head),
  columns: ImportColumnsSchema.catch({}).parse(row.columns),
  defaults: ImportDefaultsSchema.catch({ existing: "update" }).parse(row.defaults),
  actions: ActionsSchema.parse(row.actions),
});

export async function findImport(tx: Queries, scope: TenantScope, id: string): Promise<ImportRow | null> {
  const [row] = await tx.query<Raw>({
    text: `${SELECT} where ${IN_SCOPE} and i.id = $3`,
    values: [...scopeValues(scope), id],
  });
  return row ? read(row) : null;
}

function conditions(scope: TenantScope, filter: ImportFilter): { where: string; values: unknown[] } {
  const search = filter.search ? `%${filter.search.toLowerCase().replace(/[\\%_]/g, "\\$&")}%` : null;
  return {
    where: `${IN_SCOPE} and ($3::text is null or i.partner_id = $3) and ($4::text[] is null or i.kind = any($4))
      and ($5::text[] is null or i.state = any($5)) and ($6::text is null or lower(i.file_name) like $6 or lower(i.id) like $6 or p.search_text like $6)
      and ($7::timestamptz is null or i.created_at >= $7) and ($8::timestamptz is null or i.created_at < $8)`,
    values: [
      ...scopeValues(scope),
      filter.partner ?? null,
      filter.kind?.length ? filter.kind : null,
      filter.state?.length ? filter.state : null,
      search,
      filter.createdFrom ?? null,
      filter.createdTo ?? null,
    ],
  };
}

export async function findImports(
  tx: Queries,
  scope: TenantScope,
  filter: ImportFilter,
  page: { limit: number; cursor: Cursor | null },
): Promise<ImportItem[]> {
  const { where, values } = conditions(scope, filter);
  const rows = await tx.query<Raw>({
    text: `${SELECT} where ${where} and ($9::timestamptz is null or (i.created_at, i.id) < ($9, $10))
      order by i.created_at desc, i.id desc limit $11`,
    values: [...values, page.cursor?.createdAt ?? null, page.cursor?.id ?? null, page.limit + 1],
  });
  return rows.map(read);
}

export async function countImports(tx: Queries, scope: TenantScope, filter: ImportFilter): Promise<number> {
  const { where, values } = conditions(scope, filter);
  const [row] = await tx.query<{ total: number }>({
    text: `select count(*)::int as total from (select 1 from imports i left join partners p on p.id = i.partner_id where ${where} limit ${LIST_TOTAL_MAX}) found`,
    values,
  });
  return row?.total ?? 0;
}

/** Imports that are not over, of one Partner or, for null, of Partners themselves. */
export async function countUnfinished(tx: Queries, partnerId: string | null, mode: Mode): Promise<number> {
  const [row] = await tx.query<{ count: number }>({
    text: "select count(*)::int as count from imports where partner_id is not distinct from $1 and mode = $2 and state in ('UPLOADED','CHECKED','RUNNING')",
    values: [partnerId, mode],
  });
  return row?.count ?? 0;
}

export async function insertImport(
  tx: Queries,
  row: {
    id: string;
    partnerId: string | null;
    mode: Mode;
    kind: ImportKind;
    fileName: string;
    fileBytes: number;
    head: readonly string[];
    columns: ImportColumns;
    rowCount: number;
    createdBy: string;
    createdByKind: string;
    now: Date;
  },
): Promise<void> {
  await tx.query<Row>({
    text: `insert into imports (id, partner_id, mode, kind, state, file_name, file_bytes, head, columns, row_count, created_by, created_by_kind, created_at, updated_at)
      values ($1,$2,$3,$4,'UPLOADED',$5,$6,$7::jsonb,$8::jsonb,$9,$10,$11,$12,$12)`,
    values: [
      row.id,
      row.partnerId,
      row.mode,
      row.kind,
      row.fileName,
      row.fileBytes,
      JSON.stringify(row.head),
      JSON.stringify(row.columns),
      row.rowCount,
      row.createdBy,
      row.createdByKind,
      row.now,
    ],
  });
}

export async function insertRows(
  tx: Queries,
  importId: string,
  rows: readonly { rowNumber: number; dataSecret: string }[],
): Promise<void> {
  for (let at = 0; at < rows.length; at += CHUNK) {
    await tx.query<Row>({
      text: `insert into import_rows (import_id, row_number, data_secret)
        select $1, r.number, r.data from unnest($2::int[], $3::text[]) as r(number, data)`,
      values: [
        importId,
        rows.slice(at, at + CHUNK).map((row) => row.rowNumber),
        rows.slice(at, at + CHUNK).map((row) => row.dataSecret),
      ],
    });
  }
}

export type StoredRow = Row & {
  rowNumber: number;
  dataSecret: string;
  state: ImportRowState;
  action: ImportAction | null;
  reference: string | null;
  problems: RowProblem[];
  resourceId: string | null;
};
const ROW = `select r.row_number as "rowNumber", r.data_secret as "dataSecret", r.state, r.action, r.reference, r.errors as problems,
    r.resource_id as "resourceId" from import_rows r`;
const readRow = (row: StoredRow): StoredRow => ({ ...row, problems: RowProblemsSchema.parse(row.problems) });

/** Rows after `after`, in the order of the file. The caller has found the import within its scope. */
export async function findRows(
  tx: Queries,
  importId: string,
  filter: ImportRowFilter,
  page: { limit: number; after: number },
): Promise<StoredRow[]> {
  const { where, values } = rowConditions(importId, filter);
  const rows = await tx.query<StoredRow>({
    text: `${ROW} where ${where} and r.row_number > $5 order by r.row_number limit $6`,
    values: [...values, page.after, page.limit],
  });
  return rows.map(readRow);
}

function rowConditions(importId: string, filter: ImportRowFilter): { where: string; values: unknown[] } {
  const search = filter.search?.toLowerCase() ?? null;
  return {
    where: `r.import_id = $1 and ($2::text[] is null or r.state = any($2)) and ($3::text[] is null or r.action = any($3))
      and ($4::text is null or position($4 in lower(r.reference)) > 0 or r.row_number::text = $4)`,
    values: [
      importId,
      filter.state?.length ? filter.state : null,
      filter.action?.length ? filter.action : null,
      search,
    ],
  };
}

export async function countRows(tx: Queries, importId: string, filter: ImportRowFilter): Promise<number> {
  const { where, values } = rowConditions(importId, filter);
  const [row] = await tx.query<{ total: number }>({
    text: `select count(*)::int as total from import_rows r where ${where}`,
    values,
  });
  return row?.total ?? 0;
}

/** Takes the right to check an import for a while; false when somebody else does, or it runs already. */
export async function leaseImport(tx: Queries, id: string, now: Date, until: Date): Promise<boolean> {
  const taken = await tx.query<Row>({
    text: `update imports set lease_until = $3 where id = $1 and state in ('UPLOADED','CHECKED') and (lease_until is null or lease_until < $2) returning 1`,
    values: [id, now, until],
  });
  return taken.length > 0;
}

export async function releaseImport(tx: Queries, id: string): Promise<void> {
  await tx.query<Row>({ text: "update imports set lease_until = null where id = $1", values: [id] });
}

export async function finishCheck(
  tx: Queries,
  id: string,
  facts: {
    columns: ImportColumns;
    defaults: ImportDefaults;
    valid: number;
    invalid: number;
    actions: ImportRecord["actions"];
    now: Date;
  },
): Promise<boolean> {
  const done = await tx.query<Row>({
    text: `update imports set state = 'CHECKED', columns = $2::jsonb, defaults = $3::jsonb, valid_count = $4, invalid_count = $5, actions = $6::jsonb,
        lease_until = null, updated_at = $7 where id = $1 and state in ('UPLOADED','CHECKED') returning 1`,
    values: [
      id,
      JSON.stringify(facts.columns),
      JSON.stringify(facts.defaults),
      facts.valid,
      facts.invalid,
      JSON.stringify(facts.actions),
      facts.now,
    ],
  });
  return done.length > 0;
}

export type RowResult = {
  rowNumber: number;
  state: ImportRowState;
  action: ImportAction | null;
  reference: string | null;
  problems: readonly RowProblem[];
  resourceId: string | null;
};

export async function writeResults(tx: Queries, importId: string, results: readonly RowResult[]): Promise<void> {
  for (let at = 0; at < results.length; at += CHUNK) {
    await tx.query<Row>({
      text: `update import_rows w set state = r.state, action = r.action, reference = r.reference, errors = r.problems, resource_id = r."resourceId"
        from jsonb_to_recordset($2::jsonb) as r("rowNumber" int, state text, action text, reference text, problems jsonb, "resourceId" text)
        where w.import_id = $1 and w.row_number = r."rowNumber"`,
      values: [importId, JSON.stringify(results.slice(at, at + CHUNK))],
    });
  }
}

/** Moves an import that stands in one of these states; false when it does not. */
export async function moveImport(
  tx: Queries,
  id: string,
  from: readonly ImportState[],
  to: ImportState,
  facts: { now: Date; error?: string; requestId?: string },
): Promise<boolean> {
  const moved = await tx.query<Row>({
    text: `update imports set state = $3, updated_at = $4, error = coalesce($5, error), request_id = coalesce($6, request_id),
        started_at = case when $3 = 'RUNNING' then $4 else started_at end, finished_at = case when $3 in ('DONE','FAILED','CANCELED') then $4 else finished_at end
      where id = $1 and state = any($2) and (lease_until is null or lease_until < $4) returning 1`,
    values: [id, from, to, facts.now, facts.error ?? null, facts.requestId ?? null],
  });
  return moved.length > 0;
}

/** The import that has waited longest, held until the transaction ends. */
export async function lockNextRunning(tx: Queries, onlyId: string | null): Promise<ImportRow | null> {
  const [held] = await tx.query<Row & { id: string; mode: Mode }>({
    text: `select id, mode from imports where state = 'RUNNING' and ($1::text is null or id = $1) order by updated_at, id limit 1 for no key update skip locked`,
    values: [onlyId],
  });
  return held ? findImport(tx, { partners: "all", mode: held.mode }, held.id) : null;
}

export async function addProgress(
  tx: Queries,
  id: string,
  progress: { done: number; failed: number; now: Date },
): Promise<void> {
  await tx.query<Row>({
    text: "update imports set done_count = done_count + $2, failed_count = failed_count + $3, updated_at = $4 where id = $1",
    values: [id, progress.done, progress.failed, progress.now],
  });
}

export type HeldAccount = Row & {
  partnerId: string;
  mode: Mode;
  country: string;
  partnerState: string;
  state: string;
  onboardingState: string | null;
  partnerMayEdit: boolean;
};

/** The Partner's account, held as it is until the transaction ends: nobody approves or closes it meanwhile. */
export async function holdAccount(tx: Queries, scope: TenantScope, partnerId: string): Promise<HeldAccount | null> {
  const [row] = await tx.query<HeldAccount>({
    text: `select a.partner_id as "partnerId", a.mode, p.country, p.state as "partnerState", a.state, o.state as "onboardingState",
        coalesce(o.partner_may_edit, false) as "partnerMayEdit"
      from partner_accounts a join partners p on p.id = a.partner_id left join onboardings o on o.partner_id = a.partner_id and o.mode = a.mode
      where a.mode = $1 and ($2::text[] is null or a.partner_id = any($2)) and a.partner_id = $3 for share of a`,
    values: [...scopeValues(scope), partnerId],
  });
  return row ?? null;
}

/** Whoever saw the draft before sees that it has changed. What Klarna said of stores no longer holds. */
export async function touchDraft(tx: Queries, partnerId: string, mode: Mode, now: Date): Promise<void> {
  await tx.query<Row>({
    text: `update onboardings set version = version + 1, updated_at = $3,
        field_errors = coalesce((select jsonb_agg(e) from jsonb_array_elements(field_errors) e where e->>'section' <> 'stores'), '[]'::jsonb)
      where partner_id = $1 and mode = $2 and state in ('DRAFT','SUBMITTED','REFUSED')`,
    values: [partnerId, mode, now],
  });
}
