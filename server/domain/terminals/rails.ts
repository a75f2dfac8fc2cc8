import { requirePermission, type ServiceContext } from "@/server/context";
import type { Row } from "@/server/db/client";
import { scopeValues } from "./rows";

/**
 * The ids of the terminals in use that sell by Klarna's classic sessions, by their own setting or an inherited one.
 * Errors: permission_denied.
 */
export async function listClassicTerminals(ctx: ServiceContext): Promise<Set<string>> {
  requirePermission(ctx, "terminals:read");
  const rows = await ctx.db.query<Row & { id: string }>({
    name: "terminals_classic",
    text: `select t.id from terminals t join stores s on s.id = t.store_id
        join partner_accounts a on a.partner_id = t.partner_id and a.mode = t.mode
      where t.mode = $1 and ($2::text[] is null or t.partner_id = any($2)) and t.status = 'ACTIVE'
        and coalesce(t.settings->>'rail', s.settings->>'rail', a.settings->>'rail') = 'CLASSIC'`,
    values: scopeValues(ctx.scope),
  });
  return new Set(rows.map((row) => row.id));
}
