import type { TenantScope } from "@/server/auth/permissions";
import type { Row, Transaction } from "@/server/db/client";

type Queries = Pick<Transaction, "query">;

/** What is shared with somebody of this scope: the acquirer's with the acquirer's, a Partner's with its own. */
const SHARED_WITH =
  "(v.is_shared and (case when v.partner_id is null then $2::text[] is null else v.partner_id = any($2) end))";
const seen = (scope: TenantScope): readonly string[] | null => (scope.partners === "all" ? null : scope.partners);

export type ViewRow = Row & {
  id: string;
  ownerId: string;
  ownerName: string;
  name: string;
  query: string;
  isShared: boolean;
};

export function findViews(tx: Queries, scope: TenantScope, ownerId: string, screen: string): Promise<ViewRow[]> {
  return tx.query<ViewRow>({
    text: `select v.id, v.owner_id as "ownerId", coalesce(u.name, 'Somebody') as "ownerName", v.name, v.query, v.is_shared as "isShared"
      from saved_views v left join users u on u.id = v.owner_id
      where v.screen = $3 and (v.owner_id = $1 or ${SHARED_WITH}) order by v.owner_id <> $1, lower(v.name), v.id limit 200`,
    values: [ownerId, seen(scope), screen],
  });
}

export async function countOwn(tx: Queries, ownerId: string, screen: string): Promise<number> {
  const [row] = await tx.query<{ count: number }>({
    text: "select count(*)::int as count from saved_views where owner_id = $1 and screen = $2",
    values: [ownerId, screen],
  });
  return row?.count ?? 0;
}

export async function upsertView(
  tx: Queries,
  view: {
    id: string;
    ownerId: string;
    screen: string;
    name: string;
    query: string;
    isShared: boolean;
    partnerId: string | null;
    now: Date;
  },
): Promise<{ id: string }> {
  const [row] = await tx.query<{ id: string }>({
    text: `insert into saved_views (id, owner_id, screen, name, query, is_shared, partner_id, created_at, updated_at)
      values ($1,$2,$3,$4,$5,$6,$7,$8,$8)
      on conflict (owner_id, screen, name) do update set query = excluded.query, is_shared = excluded.is_shared,
        partner_id = excluded.partner_id, updated_at = excluded.updated_at returning id`,
    values: [view.id, view.ownerId, view.screen, view.name, view.query, view.isShared, view.partnerId, view.now],
  });
  if (!row) throw new Error("the view was not kept");
  return row;
}

export async function deleteView(
  tx: Queries,
  scope: TenantScope,
  view: { id: string; ownerId: string; isSharedToo: boolean },
): Promise<{ screen: string; isShared: boolean; partnerId: string | null } | null> {
  const [row] = await tx.query<Row & { screen: string; isShared: boolean; partnerId: string | null }>({
    text: `delete from saved_views v where v.id = $3 and (v.owner_id = $1 or ($4 and ${SHARED_WITH}))
      returning v.screen, v.is_shared as "isShared", v.partner_id as "partnerId"`,
    values: [view.ownerId, seen(scope), view.id, view.isSharedToo],
  });
  return row ?? null;
}
