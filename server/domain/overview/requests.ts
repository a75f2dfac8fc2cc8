import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { LIST_TOTAL_MAX, type ListPage, toListPage } from "@/server/core/pagination";
import type { Row } from "@/server/db/client";
import type { RequestFilter, RequestItem } from "./schema";

/** A place in a list by time and id; unlike other lists' ids, those of requests may come from the caller's clock. */
export function decodePlace(cursor: string | null | undefined): { at: Date; id: string } | null {
  if (!cursor) return null;
  const [, ms, id] = /^(\d{1,15}):([\w-]{1,64})$/.exec(Buffer.from(cursor, "base64url").toString("utf8")) ?? [];
  if (ms === undefined || id === undefined) {
    throw new AppError("validation_failed", {
      errors: [{ pointer: "/cursor", detail: "is not a cursor of this list" }],
    });
  }
  return { at: new Date(Number(ms)), id };
}

const OUTCOME_BOUNDS: Readonly<Record<"2xx" | "4xx" | "5xx", readonly [number, number]>> = {
  "2xx": [200, 399],
  "4xx": [400, 499],
  "5xx": [500, 599],
};

/**
 * Lists what Partners' systems asked and what we answered, masked, newest first.
 *
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listRequests(
  ctx: ServiceContext,
  filter: RequestFilter,
  page: { limit: number; cursor?: string | null | undefined },
): Promise<ListPage<RequestItem>> {
  requirePermission(ctx, "request_log:read");
  const place = decodePlace(page.cursor);
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const parts = [`r.mode = ${bind(ctx.scope.mode)}`];
  if (ctx.scope.partners !== "all") parts.push(`r.partner_id = any(${bind(ctx.scope.partners)}::text[])`);
  if (filter.search) {
    const whole = bind(filter.search);
    parts.push(`(r.id = ${whole} or r.path ilike ${bind(`%${filter.search.replace(/[\\%_]/g, "\\$&")}%`)})`);
  }
  if (filter.partner) parts.push(`r.partner_id = ${bind(filter.partner)}`);
  if (filter.apiKey) parts.push(`r.api_key_id = ${bind(filter.apiKey)}`);
  if (filter.method?.length) parts.push(`r.method = any(${bind(filter.method)}::text[])`);
  if (filter.outcome?.length) {
    const spans = filter.outcome.map((outcome) => {
      const [low, high] = OUTCOME_BOUNDS[outcome];
      return `r.status between ${bind(low)} and ${bind(high)}`;
    });
    parts.push(`(${spans.join(" or ")})`);
  }
  if (filter.createdFrom) parts.push(`r.created_at >= ${bind(new Date(filter.createdFrom))}`);
  if (filter.createdTo) parts.push(`r.created_at < ${bind(new Date(filter.createdTo))}`);
  const where = parts.join(" and ");
  const counting = ctx.db.query<Row & { total: number }>({
    text: `select count(*)::int as total from (select 1 from request_log r where ${where} limit ${LIST_TOTAL_MAX}) found`,
    values: [...values],
  });
  const after = place === null ? "" : `and (r.created_at, r.id) < (${bind(place.at)}, ${bind(place.id)})`;
  const [rows, [counted]] = await Promise.all([
    ctx.db.query<Row & RequestItem>({
      text: `select r.id, r.partner_id as "partnerId", coalesce(p.name, 'Acquirer') as "partnerName", r.api_key_id as "apiKeyId",
               coalesce(k.name, y.name) as "apiKeyName",
               r.method, r.path, r.status, r.duration_ms as "durationMs", r.address, r.request, r.response,
               r.created_at as "createdAt"
             from request_log r left join partners p on p.id = r.partner_id left join api_keys k on k.id = r.api_key_id
               left join acquirer_keys y on y.id = r.api_key_id
             where ${where} ${after}
             order by r.created_at desc, r.id desc limit ${bind(page.limit + 1)}`,
      values,
    }),
    counting,
  ]);
  return toListPage(rows, page.limit, counted?.total ?? 0);
}
