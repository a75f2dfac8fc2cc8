import { z } from "zod";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import type { Row } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import {
  brandFrom,
  contactFrom,
  entityFrom,
  groupFrom,
  type StoreFrom,
  storeFrom,
} from "@/server/domain/partners/from-wire";
import {
  saveAccount,
  saveBrands,
  saveEntities,
  saveGroups,
  savePaymentAccounts,
} from "@/server/domain/partners/records";
import {
  type AccountRow,
  loadBrands,
  loadEntities,
  loadGroups,
  loadStores,
  type Queries,
} from "@/server/domain/partners/rows";
import { type Wire, withValue } from "@/server/domain/partners/wire";
import { EXISTS, ourWire } from "./compare";
import type { FindingRow } from "./findings";

/* Klarna's becomes ours. */

const UNFIT = "What Klarna holds does not fit the rules for this field. Push ours, or change it by hand.";

/** What only Klarna had must be new here still, or another record of ours would be written over. Errors: state_conflict. */
function requireNew(known: unknown, ours: readonly { reference: string }[], reference: string): void {
  if (!known && ours.some((one) => one.reference === reference))
    throw new AppError("state_conflict", {
      detail: "Here is one of this reference since the comparison. Compare again.",
    });
}

export async function take(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  finding: FindingRow,
  theirs: unknown,
) {
  const { subjectKind: kind, subjectId, field } = finding;
  const whole = z.record(z.string(), z.unknown()).safeParse(theirs);
  const ours = field === EXISTS ? null : await ourWire(tx, ctx, account, kind, subjectId);
  if (field !== EXISTS && !ours) throw new AppError("state_conflict", { detail: "The record is not there any more." });
  const wire: Wire = ours !== null ? withValue(ours, field, theirs ?? undefined) : whole.success ? whole.data : {};
  const fitting = <T>(value: T | null): T => {
    if (value === null) throw new AppError("rule_broken", { detail: UNFIT });
    return value;
  };
  const quiet = { isFromKlarna: true };
  switch (kind) {
    case "account": {
      if (field === "partner_account_name") {
        await saveAccount(tx, ctx, account, { accountName: typeof theirs === "string" ? theirs : null }, quiet);
        return;
      }
      await saveAccount(tx, ctx, account, { contact: fitting(contactFrom(wire)) }, quiet);
      return;
    }
    case "business_entity": {
      const all = await loadEntities(tx, ctx, account);
      const known = all.find((one) => one.id === subjectId) ?? null;
      const entity = fitting(entityFrom(wire, known));
      requireNew(known, all, entity.reference);
      if (known && known.reference !== entity.reference)
        await rename(tx, "business_entities", subjectId, entity.reference);
      await saveEntities(tx, ctx, account, [entity], quiet);
      if (!known)
        await adoptId(tx, account, "business_entities", "klarna_business_entity_id", entity.reference, subjectId);
      return;
    }
    case "brand": {
      const all = await loadBrands(tx, account);
      const known = all.find((one) => one.id === subjectId) ?? null;
      const brand = fitting(brandFrom(wire, known));
      requireNew(known, all, brand.reference);
      if (known && known.reference !== brand.reference) await rename(tx, "brands", subjectId, brand.reference);
      await saveBrands(tx, ctx, account, [brand], quiet);
      if (!known) await adoptId(tx, account, "brands", "klarna_brand_id", brand.reference, subjectId);
      return;
    }
    case "store_group": {
      const all = await loadGroups(tx, account);
      const known = all.find((one) => one.id === subjectId) ?? null;
      const group = fitting(groupFrom(wire, known));
      requireNew(known, all, group.reference);
      if (known && known.reference !== group.reference) await rename(tx, "store_groups", subjectId, group.reference);
      await saveGroups(tx, ctx, account, [group], quiet);
      if (!known) await adoptId(tx, account, "store_groups", "klarna_store_group_id", group.reference, subjectId);
      return;
    }
    case "store": {
      const [known] = ours === null ? [] : await loadStores(tx, account, { ids: [subjectId] });
      await takeStore(tx, ctx, account, fitting(storeFrom(wire, known ?? null)), known?.id ?? null, subjectId);
      return;
    }
    default: {
      if (field !== EXISTS) throw new AppError("rule_broken", { detail: "A payment account never changes." });
      const text = z.string().min(1);
      const parsed = z
        .object({
          payment_account_reference: text,
          payment_acquiring_account_id: text,
          default_merchant_category_code: text,
          partner_business_entity_reference: text,
          default_store_group_reference: text,
        })
        .safeParse(wire);
      const entry = fitting(parsed.success ? parsed.data : null);
      await savePaymentAccounts(
        tx,
        ctx,
        account,
        [
          {
            reference: entry.payment_account_reference,
            acquiringAccountId: entry.payment_acquiring_account_id,
            categoryCode: entry.default_merchant_category_code,
            entity: entry.partner_business_entity_reference,
            storeGroup: entry.default_store_group_reference,
            isDefault: false,
          },
        ],
        quiet,
      );
      await adoptId(
        tx,
        account,
        "payment_accounts",
        "klarna_payment_account_id",
        entry.payment_account_reference,
        subjectId,
      );
    }
  }
}

type Table = "business_entities" | "brands" | "store_groups" | "payment_accounts";

async function rename(tx: Queries, table: Exclude<Table, "payment_accounts">, id: string, reference: string) {
  await tx.query<Row>({ text: `update ${table} set reference = $2 where id = $1`, values: [id, reference] });
}

async function adoptId(
  tx: Queries,
  account: AccountRow,
  table: Table,
  column: string,
  reference: string,
  klarnaId: string,
): Promise<void> {
  await tx.query<Row>({
    text: `update ${table} set ${column} = $4 ${table === "payment_accounts" ? ", state = 'ENABLED'" : ""} where partner_id = $1 and mode = $2 and reference = $3`,
    values: [account.partnerId, account.mode, reference, klarnaId],
  });
}

async function takeStore(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  store: StoreFrom,
  knownId: string | null,
  klarnaId: string,
): Promise<void> {
  const now = ctx.clock.now();
  const group =
    store.storeGroup === null
      ? null
      : (await loadGroups(tx, account)).find((one) => one.reference === store.storeGroup);
  if (group === undefined)
    throw new AppError("rule_broken", { detail: "The store group is not known here: take it over first." });
  const id = knownId ?? newId("store", now.getTime());
  await tx.query<Row>({
    text: `insert into stores (id, partner_id, mode, reference, name, type, store_group_id, address, country, url, app_platform, app_bundle_names,
        klarna_store_id, source, status, created_at, updated_at) values ($1,$2,$3,$4,$4,$5,$6,$7::jsonb,$8,$9,$10,$11,$12,'REGISTERED','ACTIVE',$13,$13)
      on conflict (id) do update set reference = excluded.reference, type = excluded.type, store_group_id = excluded.store_group_id,
        address = excluded.address, country = coalesce(excluded.country, stores.country), url = excluded.url, app_platform = excluded.app_platform,
        app_bundle_names = excluded.app_bundle_names, version = stores.version + 1, updated_at = excluded.updated_at`,
    values: [
      id,
      account.partnerId,
      account.mode,
      store.reference,
      store.type,
      group?.id ?? null,
      store.address === null ? null : JSON.stringify(store.address),
      store.address?.country ?? null,
      store.url,
      store.platform,
      store.bundleNames,
      klarnaId,
      now,
    ],
  });
  await appendAudit(tx, ctx, {
    action: knownId === null ? "store.created" : "store.updated",
    subjectKind: "store",
    subjectId: id,
    partnerId: account.partnerId,
    after: { reference: store.reference, reason: "taken over from Klarna" },
  });
}
