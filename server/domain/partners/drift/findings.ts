import { z } from "zod";
import { requirePermission, type ServiceContext } from "@/server/context";
import { decodeCursor, LIST_TOTAL_MAX, type ListPage, toListPage } from "@/server/core/pagination";
import type { Row } from "@/server/db/client";
import type { DriftItem, DriftSubject } from "@/server/domain/partners/schema-sync";
import { leaves } from "@/server/domain/partners/wire";
import { EXISTS } from "./compare";

/* A finding: one field in which Klarna and we differ, with both values sealed. */

export const valuesPlace = (id: string): string => `drift_findings|values_secret|${id}`;
export const ValuesSchema = z.object({ ours: z.unknown(), theirs: z.unknown() });

const PRIVATE = /stakeholders|partner_payouts_state/;

function shown(field: string, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (PRIVATE.test(field) || (field === EXISTS && JSON.stringify(value).includes("stakeholders"))) return "differs";
  if (typeof value === "string") return value;
  if (typeof value !== "object" || Array.isArray(value)) return JSON.stringify(value);
  return [...leaves({ ...value })].map(([key, text]) => `${key}: ${text}`).join("\n");
}

export type FindingRow = Row & {
  id: string;
  partnerId: string;
  partnerName: string;
  subjectKind: DriftSubject;
  subjectId: string;
  subjectName: string | null;
  field: string;
  valuesSecret: string;
  state: DriftItem["state"];
  foundAt: Date;
  resolvedAt: Date | null;
};

export const FINDING = `select d.id, d.partner_id as "partnerId", p.name as "partnerName", d.subject_kind as "subjectKind", d.subject_id as "subjectId",
    coalesce((select name from stores where id = d.subject_id), (select name from brands where id = d.subject_id),
      (select name from store_groups where id = d.subject_id), (select legal_name from business_entities where id = d.subject_id)) as "subjectName",
    d.field, d.values_secret as "valuesSecret", d.state, d.found_at as "foundAt", d.resolved_at as "resolvedAt"
  from drift_findings d join partners p on p.id = d.partner_id`;

export function toItem(ctx: ServiceContext, { valuesSecret, ...row }: FindingRow): DriftItem & { createdAt: Date } {
  const values = ValuesSchema.parse(JSON.parse(ctx.secrets.open(valuesSecret, valuesPlace(row.id))));
  const isOpen = row.state === "OPEN";
  const hasOurs = values.ours !== null;
  return {
    ...row,
    ours: shown(row.field, values.ours),
    theirs: shown(row.field, values.theirs),
    canPush:
      isOpen && (row.field !== EXISTS || hasOurs) && (row.subjectKind !== "payment_account" || row.field === EXISTS),
    canTake:
      isOpen && (row.field !== EXISTS || !hasOurs) && (row.subjectKind !== "payment_account" || row.field === EXISTS),
    createdAt: row.foundAt,
  };
}

/** Differences within the caller's Partners and mode, newest first. Errors: permission_denied, validation_failed (cursor). */
export async function listDrift(
  ctx: ServiceContext,
  filter: { partner?: string; state?: readonly DriftItem["state"][]; subject?: string },
  page: { limit: number; cursor?: string | null },
): Promise<ListPage<DriftItem & { createdAt: Date }>> {
  requirePermission(ctx, "drift:repair");
  const cursor = page.cursor ? decodeCursor(page.cursor) : null;
  const where = `d.mode = $1 and ($2::text[] is null or d.partner_id = any($2)) and ($3::text is null or d.partner_id = $3)
    and d.state = any($4) and ($5::text is null or d.subject_id = $5)`;
  const values: unknown[] = [
    ctx.scope.mode,
    ctx.scope.partners === "all" ? null : ctx.scope.partners,
    filter.partner ?? null,
    filter.state?.length ? filter.state : ["OPEN"],
    filter.subject ?? null,
  ];
  const [rows, [count]] = await Promise.all([
    ctx.db.query<FindingRow>({
      text: `${FINDING} where ${where} and ($6::timestamptz is null or (d.found_at, d.id) < ($6, $7)) order by d.found_at desc, d.id desc limit $8`,
      values: [...values, cursor?.createdAt ?? null, cursor?.id ?? null, page.limit + 1],
    }),
    ctx.db.query<{ total: number }>({
      text: `select count(*)::int as total from (select 1 from drift_findings d where ${where} limit ${LIST_TOTAL_MAX}) found`,
      values,
    }),
  ]);
  return toListPage(
    rows.map((row) => toItem(ctx, row)),
    page.limit,
    count?.total ?? 0,
  );
}
