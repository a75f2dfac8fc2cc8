import type { ServiceContext } from "@/server/context";
import { newId } from "@/server/core/ids";
import type { Address, Mode } from "@/server/core/schema";
import type { Row, Transaction } from "@/server/db/client";
import { type AuditContext, appendAuditMany } from "@/server/domain/audit/service";
import { snapshotStores, tellOfStores } from "@/server/domain/partners/service";
import { appendStoreUpdated } from "./events";
import { loadStoreRows, toPublicStore } from "./rows";
import type { StoreType } from "./states";

/*
 * Stores of one account written many at a time, a handful of statements whatever their number. The caller holds the account
 * and has checked permission, scope and values; Klarna's queue, events and audit go along in the caller's transaction.
 */

export type BulkAccount = { partnerId: string; mode: Mode; isDraft: boolean };
export type BulkStore = {
  reference: string;
  name: string;
  type: StoreType;
  storeGroupId: string;
  address: Address | null;
  url: string | null;
  appPlatform: string | null;
  appBundleNames: readonly string[];
  openingState: string;
  supportEmail: string | null;
  supportPhone: string | null;
};
type Queries = Pick<Transaction, "query">;

const COLUMNS = `id text, reference text, name text, type text, "storeGroupId" text, address jsonb, country text, url text, "appPlatform" text,
  "appBundleNames" text[], "openingState" text, "supportEmail" text, "supportPhone" text`;

const toRow = (id: string, store: BulkStore) => ({ id, ...store, country: store.address?.country ?? null });

/**
 * Registers stores of an account: drafts while it is not onboarded, else queued for Klarna in as few calls as it takes.
 * Answers the id of each reference that was free; one that is taken is left out. Call `ctx.nudge("partners")` afterwards.
 */
export async function insertStores(
  tx: Queries,
  ctx: ServiceContext,
  by: AuditContext,
  account: BulkAccount,
  stores: readonly BulkStore[],
): Promise<Map<string, string>> {
  if (stores.length === 0) return new Map();
  const now = ctx.clock.now();
  const inserted = await tx.query<{ id: string; reference: string }>({
    text: `insert into stores (id, partner_id, mode, reference, name, type, store_group_id, address, country, url, app_platform, app_bundle_names,
        opening_state, support_email, support_phone, status, created_at, updated_at)
      select r.id, $1, $2, r.reference, r.name, r.type, r."storeGroupId", r.address, r.country, r.url, r."appPlatform", coalesce(r."appBundleNames", '{}'),
        r."openingState", r."supportEmail", r."supportPhone", $3, $4, $4
      from jsonb_to_recordset($5::jsonb) as r(${COLUMNS})
      on conflict (partner_id, mode, reference) do nothing returning id, reference`,
    values: [
      account.partnerId,
      account.mode,
      account.isDraft ? "DRAFT" : "ACTIVE",
      now,
      JSON.stringify(stores.map((store) => toRow(newId("store", now.getTime()), store))),
    ],
  });
  const ids = new Map(inserted.map((row) => [row.reference, row.id]));
  const made = stores.flatMap((store) => {
    const id = ids.get(store.reference);
    return id === undefined ? [] : [{ id, store }];
  });
  await appendAuditMany(
    tx,
    by,
    made.map(({ id, store }) => ({
      action: "store.created",
      subjectKind: "store",
      subjectId: id,
      partnerId: account.partnerId,
      mode: account.mode,
      after: {
        reference: store.reference,
        name: store.name,
        type: store.type,
        country: store.address?.country ?? null,
        store_group_id: store.storeGroupId,
      },
    })),
  );
  await tellOfStores(
    tx,
    ctx,
    account.partnerId,
    made.map(({ id }) => ({ id, before: null })),
  );
  return ids;
}

/**
 * Writes stores anew as they stand here; `changed` names the fields that differ, for the audit. Klarna is told of what it
 * knows of, and the Partner's endpoints of each store. Call `ctx.nudge("partners")` and `ctx.nudge("outbox")` afterwards.
 */
export async function updateStores(
  tx: Queries,
  ctx: ServiceContext,
  by: AuditContext,
  account: BulkAccount,
  changes: readonly { id: string; store: BulkStore; changed: readonly string[] }[],
): Promise<void> {
  if (changes.length === 0) return;
  const ids = changes.map((change) => change.id);
  const scope = { partners: [account.partnerId], mode: account.mode };
  const before = await snapshotStores(tx, account, ids);
  // Nobody hears of a draft.
  const heard = account.isDraft ? [] : await loadStoreRows(tx, scope, ids, { isLocked: true });
  await tx.query<Row>({
    text: `update stores s set name = r.name, store_group_id = r."storeGroupId", address = r.address, country = r.country, url = r.url,
        app_platform = r."appPlatform", app_bundle_names = coalesce(r."appBundleNames", '{}'), opening_state = r."openingState",
        support_email = r."supportEmail", support_phone = r."supportPhone", version = s.version + 1, updated_at = $3
      from jsonb_to_recordset($4::jsonb) as r(${COLUMNS}) where s.partner_id = $1 and s.mode = $2 and s.id = r.id`,
    values: [
      account.partnerId,
      account.mode,
      ctx.clock.now(),
      JSON.stringify(changes.map(({ id, store }) => toRow(id, store))),
    ],
  });
  await appendAuditMany(
    tx,
    by,
    changes.map(({ id, store, changed }) => ({
      action: "store.updated",
      subjectKind: "store",
      subjectId: id,
      partnerId: account.partnerId,
      mode: account.mode,
      after: { reference: store.reference, name: store.name, fields: changed.length },
    })),
  );
  await tellOfStores(
    tx,
    ctx,
    account.partnerId,
    ids.map((id) => ({ id, before: before.get(id) ?? null })),
  );
  const after = new Map((await loadStoreRows(tx, scope, account.isDraft ? [] : ids)).map((row) => [row.id, row]));
  for (const row of heard) {
    const now = after.get(row.id);
    if (now) await appendStoreUpdated(tx, ctx, toPublicStore(row), now);
  }
}
