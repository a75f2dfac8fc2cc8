import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { addingStores, STORES_PER_CALL } from "@/server/domain/partners/onboard";
import {
  type AccountKey,
  type AccountRow,
  findAccountRow,
  loadGroups,
  loadStores,
  type Queries,
  type StoreRow,
} from "@/server/domain/partners/rows";
import { differing, patchOf, storeWire, type Wire } from "@/server/domain/partners/wire";
import { enqueue } from "./queue";

/* What Klarna is to be told of stores that are new or were changed. */

/** What Klarna would be told of a store as it is now; take it before a change and hand it to `tellOfStores`. */
export async function snapshotStores(
  tx: Queries,
  account: AccountKey,
  ids: readonly string[],
): Promise<Map<string, Wire>> {
  const rows = await loadStores(tx, account, { ids });
  return new Map(rows.map((row) => [row.id, storeWire(row)]));
}

/** Stores that are new to Klarna, in calls that hold many; one alone is a call of its own. */
async function tellOfNewStores(tx: Queries, ctx: ServiceContext, account: AccountRow, stores: readonly StoreRow[]) {
  const groups = await loadGroups(tx, account);
  const waiting = await tx.query<{ subjectId: string }>({
    text: `select subject_id as "subjectId" from klarna_changes where partner_id = $1 and mode = $2 and kind = 'GROUP_CREATE' and state in ('PENDING','SENT','UNKNOWN')`,
    values: [account.partnerId, account.mode],
  });
  const known = new Set(waiting.map((row) => row.subjectId));
  const [only] = stores;
  const group = groups.find((one) => one.id === only?.storeGroupId);
  if (stores.length === 1 && only && group && (group.klarnaId !== null || known.has(group.id))) {
    await enqueue(tx, ctx, account, {
      kind: "STORE_CREATE",
      subjectKind: "store",
      subjectId: only.id,
      body: storeWire(only),
      fields: [],
    });
    return;
  }
  for (let at = 0; at < stores.length; at += STORES_PER_CALL) {
    const chunk = stores.slice(at, at + STORES_PER_CALL);
    const byGroup = new Map<string, StoreRow[]>();
    for (const store of chunk) {
      if (store.storeGroup !== null) byGroup.set(store.storeGroup, [...(byGroup.get(store.storeGroup) ?? []), store]);
    }
    const first = chunk[0];
    if (!first) return;
    await enqueue(tx, ctx, account, {
      kind: "ONBOARD",
      subjectKind: chunk.length === 1 ? "store" : "partner",
      subjectId: chunk.length === 1 ? first.id : account.partnerId,
      body: addingStores(account, groups, byGroup),
      fields: ["stores"],
    });
  }
}

/**
 * Queues what Klarna has to hear of stores that were just made (`before` null) or changed (`before` from `snapshotStores`),
 * within the same transaction. Nothing while the account is not onboarded, for an archived store, and where nothing that
 * Klarna knows of has changed. A store that is new to Klarna and has no store group yet waits for one.
 * Answers how many calls were queued. Call `ctx.nudge("partners")` after the commit.
 */
export async function tellOfStores(
  tx: Queries,
  ctx: ServiceContext,
  partnerId: string,
  stores: readonly { id: string; before: Wire | null }[],
): Promise<number> {
  const account = await findAccountRow(tx, ctx.scope, partnerId);
  if (!account) throw new AppError("not_found");
  if (account.klarnaId === null || stores.length === 0) return 0;
  const rows = await loadStores(tx, account, { ids: stores.map((store) => store.id) });
  const pending = await tx.query<{ subjectId: string }>({
    text: `select distinct subject_id as "subjectId" from klarna_changes where partner_id = $1 and mode = $2 and subject_id = any($3)
      and kind in ('STORE_CREATE','ONBOARD') and state in ('PENDING','SENT','UNKNOWN')`,
    values: [account.partnerId, account.mode, stores.map((store) => store.id)],
  });
  const told = new Set(pending.map((row) => row.subjectId));
  const fresh: StoreRow[] = [];
  let count = 0;
  for (const { id, before } of stores) {
    const row = rows.find((one) => one.id === id);
    if (!row || row.status === "ARCHIVED") continue;
    if (row.klarnaId === null && !told.has(id)) {
      if (row.storeGroup !== null) fresh.push(row);
      continue;
    }
    if (before === null) continue;
    const after = storeWire(row);
    const fields = differing(before, after);
    if (fields.length === 0) continue;
    await enqueue(tx, ctx, account, {
      kind: "STORE_UPDATE",
      subjectKind: "store",
      subjectId: id,
      body: patchOf(after, fields),
      fields,
    });
    count += 1;
  }
  if (fresh.length > 0) await tellOfNewStores(tx, ctx, account, fresh);
  return count + (fresh.length > 0 ? Math.ceil(fresh.length / STORES_PER_CALL) : 0);
}
