import { requirePermission, type ServiceContext, type Services, systemContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import { addMs, HOUR_MS } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import { takeIds } from "@/server/domain/partners/onboard";
import { type AccountRow, findAccountRow, lockAccountRow, type Queries } from "@/server/domain/partners/rows";
import { differencesOf, EXISTS, pairsOf, readTheirs, type Theirs } from "./compare";
import { valuesPlace } from "./findings";

/* Accounts are compared with Klarna, on request and by the clock; what differs is kept as findings. */

const CHECK_EVERY_MS = 20 * HOUR_MS;
const FINDINGS_MAX = 5_000;

/**
 * Compares one account with Klarna and keeps what differs; what no longer does is marked so. What is still in the queue to
 * Klarna is left out. Answers how many differences are open. Errors: permission_denied, not_found, state_conflict (not
 * onboarded), klarna_unavailable.
 */
export async function checkDrift(ctx: ServiceContext, partnerId: string): Promise<{ open: number; compared: number }> {
  requirePermission(ctx, "drift:repair");
  const account = await findAccountRow(ctx.db, ctx.scope, partnerId);
  if (!account) throw new AppError("not_found");
  if (account.klarnaId === null) throw new AppError("state_conflict", { detail: "The account is not onboarded." });
  const theirs = await readTheirs(ctx, account);
  if (!theirs) throw new AppError("klarna_unavailable");
  return ctx.db.transaction(async (tx) => {
    const locked = await lockAccountRow(tx, ctx.scope, partnerId);
    if (!locked) throw new AppError("not_found");
    const now = ctx.clock.now();
    // What Klarna holds under our reference is ours: its id was lost with an answer, or a payment brought the store.
    const groupOf = new Map(theirs.groups.map((group) => [group.store_group_id, group]));
    await adopt(tx, locked, theirs, groupOf, now);
    const waiting = await tx.query<Row & { subjectId: string; kind: string }>({
      text: `select subject_id as "subjectId", kind from klarna_changes where partner_id = $1 and mode = $2 and state in ('PENDING','SENT','UNKNOWN')`,
      values: [locked.partnerId, locked.mode],
    });
    const busy = new Set(waiting.map((row) => row.subjectId));
    const isAddingStores = waiting.some((row) => row.kind === "ONBOARD" || row.kind === "GROUP_CREATE");
    const pairs = await pairsOf(tx, ctx, locked, theirs);
    const found = differencesOf(pairs)
      .filter(({ kind, subjectId, field }) => {
        if (kind === "account" ? waiting.some((row) => row.kind === "ACCOUNT_UPDATE") : busy.has(subjectId))
          return false;
        return !(isAddingStores && field === EXISTS);
      })
      .slice(0, FINDINGS_MAX);
    const open = await tx.query<Row & { id: string; subjectId: string; field: string }>({
      text: `select id, subject_id as "subjectId", field from drift_findings where partner_id = $1 and mode = $2 and state = 'OPEN'`,
      values: [locked.partnerId, locked.mode],
    });
    const keyOf = (one: { subjectId: string; field: string }): string => `${one.subjectId} ${one.field}`;
    const current = new Set(found.map(keyOf));
    const gone = open.filter((one) => !current.has(keyOf(one))).map((one) => one.id);
    if (gone.length > 0)
      await tx.query<Row>({
        text: "update drift_findings set state = 'GONE', resolved_at = $2 where id = any($1)",
        values: [gone, now],
      });
    const known = new Map(open.map((one) => [keyOf(one), one.id]));
    for (const difference of found) {
      const id = known.get(keyOf(difference)) ?? newId("driftFinding", now.getTime());
      await tx.query<Row>({
        text: `insert into drift_findings (id, partner_id, mode, subject_kind, subject_id, field, values_secret, found_at) values ($1,$2,$3,$4,$5,$6,$7,$8)
          on conflict (id) do update set values_secret = excluded.values_secret`,
        values: [
          id,
          locked.partnerId,
          locked.mode,
          difference.kind,
          difference.subjectId,
          difference.field,
          ctx.secrets.seal(JSON.stringify({ ours: difference.ours, theirs: difference.theirs }), valuesPlace(id)),
          now,
        ],
      });
    }
    await tx.query<Row>({
      text: "update partner_accounts set drift_checked_at = $3 where partner_id = $1 and mode = $2",
      values: [locked.partnerId, locked.mode, now],
    });
    return { open: found.length, compared: pairs.length };
  });
}

/** Ids of things that both sides have under one reference. */
async function adopt(
  tx: Queries,
  account: AccountRow,
  theirs: Theirs,
  groups: ReadonlyMap<string, Theirs["groups"][number]>,
  now: Date,
): Promise<void> {
  const lacking = async (table: string, column: string): Promise<Set<string>> => {
    const rows = await tx.query<{ reference: string }>({
      text: `select reference from ${table} where partner_id = $1 and mode = $2 and ${column} is null`,
      values: [account.partnerId, account.mode],
    });
    return new Set(rows.map((row) => row.reference));
  };
  const entities = await lacking("business_entities", "klarna_business_entity_id");
  const brands = await lacking("brands", "klarna_brand_id");
  const storeGroups = await lacking("store_groups", "klarna_store_group_id");
  const stores = await lacking("stores", "klarna_store_id");
  if (entities.size + brands.size + storeGroups.size + stores.size === 0) return;
  const wanted = (set: ReadonlySet<string>, reference: string | null): boolean =>
    reference !== null && set.has(reference);
  await takeIds(
    tx,
    account,
    {
      partner_business_entities: theirs.entities.filter((one) =>
        wanted(entities, one.partner_business_entity_reference),
      ),
      brands: theirs.brands.filter((one) => wanted(brands, one.brand_reference)),
      store_groups: [...groups.values()].filter((one) => wanted(storeGroups, one.store_group_reference)),
    },
    now,
  );
  const found = theirs.stores.filter((store) => wanted(stores, store.store_reference));
  if (found.length > 0)
    await tx.query<Row>({
      text: `update stores s set klarna_store_id = v.id, updated_at = $5 from unnest($3::text[], $4::text[]) as v(reference, id)
        where s.partner_id = $1 and s.mode = $2 and s.reference = v.reference and s.klarna_store_id is null`,
      values: [
        account.partnerId,
        account.mode,
        found.map((store) => store.store_reference),
        found.map((store) => store.store_id),
        now,
      ],
    });
}

/** Checks accounts that were onboarded from here and not compared for most of a day. Answers how many were. */
export async function checkDueDrift(
  services: Services,
  options: { limit?: number } = {},
): Promise<{ checked: number }> {
  const now = services.clock.now();
  const due = await services.db.query<Row & { partnerId: string; mode: Mode }>({
    text: `select partner_id as "partnerId", mode from partner_accounts where onboarded_at is not null and state = 'OPERATIONAL'
        and (drift_checked_at is null or drift_checked_at <= $1) order by drift_checked_at nulls first limit $2`,
    values: [addMs(now, -CHECK_EVERY_MS), options.limit ?? 20],
  });
  let checked = 0;
  for (const { partnerId, mode } of due) {
    try {
      await checkDrift(systemContext(services, "check-drift", mode), partnerId);
      checked += 1;
    } catch (error) {
      services.log.warn({ error, id: partnerId, mode }, "an account could not be compared with Klarna");
    }
  }
  return { checked };
}
