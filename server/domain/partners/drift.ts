import { z } from "zod";
import { requirePermission, type ServiceContext, type Services, systemContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { decodeCursor, LIST_TOTAL_MAX, type ListPage, toListPage } from "@/server/core/pagination";
import type { Mode } from "@/server/core/schema";
import { addMs, HOUR_MS } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import {
  listEntities,
  type ManagementTarget,
  readAccount,
  WireAccountSchema,
  type WirePaymentAccount,
} from "@/server/klarna/accounts";
import { listBrands, listStoreGroups, listStores } from "@/server/klarna/stores";
import { brandFrom, contactFrom, entityFrom, groupFrom, type StoreFrom, storeFrom } from "./from-wire";
import { takeIds } from "./onboard";
import { enqueue, readFacts, tellOfStores } from "./queue";
import { saveAccount, saveBrands, saveEntities, saveGroups, savePaymentAccounts } from "./records";
import {
  type AccountRow,
  findAccountRow,
  loadBrands,
  loadEntities,
  loadGroups,
  loadPaymentAccounts,
  loadStores,
  lockAccountRow,
  openContact,
  type Queries,
} from "./rows";
import type { DriftItem, DriftSubject } from "./schema";
import type { ChangeKind } from "./states";
import {
  accountWire,
  brandWire,
  differing,
  entityWire,
  groupWire,
  leaves,
  patchOf,
  paymentAccountWire,
  storeWire,
  theirBrand,
  theirEntity,
  theirGroup,
  theirStore,
  valueAt,
  type Wire,
  withValue,
} from "./wire";

/* What Klarna holds against what we hold, field by field, and making both agree again. */

const CHECK_EVERY_MS = 20 * HOUR_MS;
const FINDINGS_MAX = 5_000;
/** A subject that only one side has. */
const EXISTS = "exists";

type Pair = {
  kind: DriftSubject;
  /** Ours; Klarna's where we lack the thing. */
  id: string;
  ours: Wire | null;
  theirs: Wire | null;
};
type Difference = { kind: DriftSubject; subjectId: string; field: string; ours: unknown; theirs: unknown };

/** Klarna's side of an account in our form; null when something could not be read. */
async function readTheirs(ctx: ServiceContext, account: AccountRow) {
  if (account.klarnaId === null) return null;
  const target: ManagementTarget = {
    mode: account.mode,
    accountId: account.klarnaId,
    sessionReference: ctx.requestId,
  };
  const [outcome, entities, brands, groups, stores, facts] = await Promise.all([
    readAccount(ctx.klarna, target),
    listEntities(ctx.klarna, target),
    listBrands(ctx.klarna, target),
    listStoreGroups(ctx.klarna, target),
    listStores(ctx.klarna, target),
    readFacts(ctx, target),
  ]);
  const parsed = outcome.kind === "answered" ? WireAccountSchema.safeParse(outcome.body) : null;
  if (!parsed?.success || !entities || !brands || !groups || !stores || !facts.product) return null;
  return { account: parsed.data, entities, brands, groups, stores, product: facts.product };
}
type Theirs = NonNullable<Awaited<ReturnType<typeof readTheirs>>>;

/** Matches by Klarna's id, else by reference. */
function pair<O extends { id: string; reference: string; klarnaId: string | null }, T>(
  kind: DriftSubject,
  ours: readonly O[],
  theirs: readonly T[],
  of: {
    id: (item: T) => string;
    reference: (item: T) => string | null;
    ours: (item: O) => Wire;
    theirs: (item: T) => Wire;
  },
): Pair[] {
  const byId = new Map(theirs.map((item) => [of.id(item), item]));
  const byReference = new Map(theirs.map((item) => [of.reference(item), item]));
  const used = new Set<string>();
  const pairs: Pair[] = ours.map((item) => {
    const match = (item.klarnaId === null ? undefined : byId.get(item.klarnaId)) ?? byReference.get(item.reference);
    if (match) used.add(of.id(match));
    return { kind, id: item.id, ours: of.ours(item), theirs: match ? of.theirs(match) : null };
  });
  for (const item of theirs)
    if (!used.has(of.id(item))) pairs.push({ kind, id: of.id(item), ours: null, theirs: of.theirs(item) });
  return pairs;
}

const paymentWire = (wire: WirePaymentAccount): Wire => ({
  payment_account_reference: wire.payment_account_reference,
  payment_acquiring_account_id: wire.payment_acquiring_account_id,
  default_merchant_category_code: wire.default_merchant_category_code,
  partner_business_entity_reference: wire.partner_business_entity_reference,
  default_store_group_reference: wire.default_store_group_reference,
});

async function pairsOf(tx: Queries, ctx: ServiceContext, account: AccountRow, theirs: Theirs): Promise<Pair[]> {
  const [entities, brands, groups, stores, payments] = [
    await loadEntities(tx, ctx, account),
    await loadBrands(tx, account),
    await loadGroups(tx, account),
    await loadStores(tx, account, { isArchivedToo: true }),
    await loadPaymentAccounts(tx, account),
  ];
  const brandReferences = new Map(
    theirs.brands.map((brand) => [
      brand.brand_id,
      brands.find((one) => one.klarnaId === brand.brand_id)?.reference ?? brand.brand_reference ?? "",
    ]),
  );
  const groupReferences = new Map(
    theirs.groups.map((group) => [
      group.store_group_id,
      groups.find((one) => one.klarnaId === group.store_group_id)?.reference ?? group.store_group_reference ?? "",
    ]),
  );
  return [
    {
      kind: "account",
      id: account.partnerId,
      ours: accountWire(account, openContact(ctx, account)),
      theirs: {
        partner_account_name: theirs.account.partner_account_name,
        partner_account_contact: theirs.account.partner_account_contact
          ? {
              given_name: theirs.account.partner_account_contact.given_name,
              family_name: theirs.account.partner_account_contact.family_name,
              email: theirs.account.partner_account_contact.email,
              phone: theirs.account.partner_account_contact.phone,
            }
          : undefined,
      },
    },
    ...pair("business_entity", entities, theirs.entities, {
      id: (item) => item.partner_business_entity_id,
      reference: (item) => item.partner_business_entity_reference,
      ours: entityWire,
      theirs: theirEntity,
    }),
    ...pair("brand", brands, theirs.brands, {
      id: (item) => item.brand_id,
      reference: (item) => item.brand_reference,
      ours: brandWire,
      theirs: theirBrand,
    }),
    // A group without a store is not told to Klarna yet.
    ...pair(
      "store_group",
      groups.filter((group) => group.klarnaId !== null || group.storeCount > 0),
      theirs.groups,
      {
        id: (item) => item.store_group_id,
        reference: (item) => item.store_group_reference,
        ours: groupWire,
        theirs: (item) => theirGroup(item, brandReferences),
      },
    ),
    // What is archived here stays at Klarna, which deletes nothing; a store in no group cannot be told.
    ...pair("store", stores, theirs.stores, {
      id: (item) => item.store_id,
      reference: (item) => item.store_reference,
      ours: storeWire,
      theirs: (item) => theirStore(item, groupReferences),
    }).filter((one) => {
      const store = stores.find((row) => row.id === one.id);
      return store === undefined || (store.status !== "ARCHIVED" && (one.theirs !== null || store.storeGroup !== null));
    }),
    ...pair("payment_account", payments, theirs.product.payment_accounts, {
      id: (item) => item.payment_account_id,
      reference: (item) => item.payment_account_reference,
      ours: paymentAccountWire,
      theirs: paymentWire,
    }),
  ];
}

function differencesOf(pairs: readonly Pair[]): Difference[] {
  return pairs.flatMap(({ kind, id, ours, theirs }): Difference[] => {
    if (ours === null || theirs === null)
      return [{ kind, subjectId: id, field: EXISTS, ours: ours ?? null, theirs: theirs ?? null }];
    return differing(ours, theirs).map((field) => ({
      kind,
      subjectId: id,
      field,
      ours: valueAt(ours, field) ?? null,
      theirs: valueAt(theirs, field) ?? null,
    }));
  });
}

const valuesPlace = (id: string): string => `drift_findings|values_secret|${id}`;
const ValuesSchema = z.object({ ours: z.unknown(), theirs: z.unknown() });

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

const PRIVATE = /stakeholders|partner_payouts_state/;

function shown(field: string, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (PRIVATE.test(field) || (field === EXISTS && JSON.stringify(value).includes("stakeholders"))) return "differs";
  if (typeof value === "string") return value;
  if (typeof value !== "object" || Array.isArray(value)) return JSON.stringify(value);
  return [...leaves({ ...value })].map(([key, text]) => `${key}: ${text}`).join("\n");
}

type FindingRow = Row & {
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

const FINDING = `select d.id, d.partner_id as "partnerId", p.name as "partnerName", d.subject_kind as "subjectKind", d.subject_id as "subjectId",
    coalesce((select name from stores where id = d.subject_id), (select name from brands where id = d.subject_id),
      (select name from store_groups where id = d.subject_id), (select legal_name from business_entities where id = d.subject_id)) as "subjectName",
    d.field, d.values_secret as "valuesSecret", d.state, d.found_at as "foundAt", d.resolved_at as "resolvedAt"
  from drift_findings d join partners p on p.id = d.partner_id`;

function toItem(ctx: ServiceContext, { valuesSecret, ...row }: FindingRow): DriftItem & { createdAt: Date } {
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

const UPDATES: Partial<Record<DriftSubject, ChangeKind>> = {
  account: "ACCOUNT_UPDATE",
  business_entity: "ENTITY_UPDATE",
  brand: "BRAND_UPDATE",
  store_group: "GROUP_UPDATE",
  store: "STORE_UPDATE",
};
const CREATES: Partial<Record<DriftSubject, ChangeKind>> = {
  business_entity: "ENTITY_CREATE",
  brand: "BRAND_CREATE",
  payment_account: "PAYMENT_ACCOUNT_CREATE",
};

/** Our record as Klarna would be told of it now; null when it is not there any more. */
async function ourWire(tx: Queries, ctx: ServiceContext, account: AccountRow, kind: DriftSubject, id: string) {
  const of = <T extends { id: string }>(rows: readonly T[], wire: (row: T) => Wire): Wire | null => {
    const row = rows.find((one) => one.id === id);
    return row ? wire(row) : null;
  };
  switch (kind) {
    case "account":
      return accountWire(account, openContact(ctx, account));
    case "business_entity":
      return of(await loadEntities(tx, ctx, account), entityWire);
    case "brand":
      return of(await loadBrands(tx, account), brandWire);
    case "store_group":
      return of(await loadGroups(tx, account), groupWire);
    case "store":
      return of(await loadStores(tx, account, { ids: [id] }), storeWire);
    default:
      return of(await loadPaymentAccounts(tx, account), paymentAccountWire);
  }
}

/**
 * An address is sent whole. Its other parts that differ are still to be decided on: they go out as Klarna holds them.
 */
async function leavingOthers(
  tx: Queries,
  ctx: ServiceContext,
  account: AccountRow,
  finding: FindingRow,
  wire: Wire,
): Promise<Wire> {
  const others = await tx.query<Row & { id: string; field: string; valuesSecret: string }>({
    text: `select id, field, values_secret as "valuesSecret" from drift_findings
      where partner_id = $1 and mode = $2 and subject_id = $3 and state = 'OPEN' and id <> $4`,
    values: [account.partnerId, account.mode, finding.subjectId, finding.id],
  });
  const head = finding.field.split(".")[0];
  return others
    .filter((other) => other.field.split(".")[0] === head)
    .reduce((all, other) => {
      const { theirs } = ValuesSchema.parse(JSON.parse(ctx.secrets.open(other.valuesSecret, valuesPlace(other.id))));
      return withValue(all, other.field, theirs ?? undefined);
    }, wire);
}

async function push(tx: Queries, ctx: ServiceContext, account: AccountRow, finding: FindingRow): Promise<void> {
  const { subjectKind: kind, subjectId, field } = finding;
  const wire = await ourWire(tx, ctx, account, kind, subjectId);
  if (!wire) throw new AppError("state_conflict", { detail: "The record is not there any more." });
  if (field !== EXISTS) {
    const update = UPDATES[kind];
    if (!update) throw new AppError("rule_broken", { detail: "Klarna lets nobody change a payment account." });
    await enqueue(tx, ctx, account, {
      kind: update,
      subjectKind: kind,
      subjectId,
      body: patchOf(await leavingOthers(tx, ctx, account, finding, wire), [field]),
      fields: [field],
    });
    return;
  }
  if (kind === "store") {
    const count = await tellOfStores(tx, ctx, account.partnerId, [{ id: subjectId, before: null }]);
    if (count === 0) throw new AppError("state_conflict", { detail: "The store is in no store group." });
    return;
  }
  if (kind === "store_group") {
    const stores = (await loadStores(tx, account)).filter((store) => store.storeGroupId === subjectId);
    await tellOfStores(
      tx,
      ctx,
      account.partnerId,
      stores.filter((store) => store.klarnaId === null).map((store) => ({ id: store.id, before: null })),
    );
    return;
  }
  const create = CREATES[kind];
  if (!create) throw new AppError("rule_broken", { detail: "This cannot be sent to Klarna." });
  await enqueue(tx, ctx, account, { kind: create, subjectKind: kind, subjectId, body: wire, fields: [] });
}

const UNFIT = "What Klarna holds does not fit the rules for this field. Push ours, or change it by hand.";

async function take(tx: Queries, ctx: ServiceContext, account: AccountRow, finding: FindingRow, theirs: unknown) {
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
      const known = (await loadEntities(tx, ctx, account)).find((one) => one.id === subjectId) ?? null;
      const entity = fitting(entityFrom(wire, known));
      if (known && known.reference !== entity.reference)
        await rename(tx, "business_entities", subjectId, entity.reference);
      await saveEntities(tx, ctx, account, [entity], quiet);
      if (!known)
        await adoptId(tx, account, "business_entities", "klarna_business_entity_id", entity.reference, subjectId);
      return;
    }
    case "brand": {
      const known = (await loadBrands(tx, account)).find((one) => one.id === subjectId) ?? null;
      const brand = fitting(brandFrom(wire, known));
      if (known && known.reference !== brand.reference) await rename(tx, "brands", subjectId, brand.reference);
      await saveBrands(tx, ctx, account, [brand], quiet);
      if (!known) await adoptId(tx, account, "brands", "klarna_brand_id", brand.reference, subjectId);
      return;
    }
    case "store_group": {
      const known = (await loadGroups(tx, account)).find((one) => one.id === subjectId) ?? null;
      const group = fitting(groupFrom(wire, known));
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

/**
 * Repairs one difference: `push` sends ours to Klarna, `take` makes ours what Klarna holds.
 * Errors: permission_denied, not_found, state_conflict (no longer open), rule_broken (this way is not possible).
 */
export async function resolveDrift(ctx: ServiceContext, id: string, how: "push" | "take"): Promise<void> {
  requirePermission(ctx, "drift:repair");
  await ctx.db.transaction(async (tx) => {
    const [found] = await tx.query<{ partnerId: string }>({
      text: `select partner_id as "partnerId" from drift_findings where id = $1 and mode = $2 and ($3::text[] is null or partner_id = any($3))`,
      values: [id, ctx.scope.mode, ctx.scope.partners === "all" ? null : ctx.scope.partners],
    });
    if (!found) throw new AppError("not_found");
    const account = await lockAccountRow(tx, ctx.scope, found.partnerId);
    if (!account) throw new AppError("not_found");
    const [finding] = await tx.query<FindingRow>({
      text: `${FINDING} where d.id = $1 for update of d`,
      values: [id],
    });
    if (finding?.state !== "OPEN")
      throw new AppError("state_conflict", { detail: "This difference has been dealt with." });
    const item = toItem(ctx, finding);
    if (how === "push" ? !item.canPush : !item.canTake)
      throw new AppError("rule_broken", { detail: "This difference cannot be repaired this way." });
    const values = ValuesSchema.parse(JSON.parse(ctx.secrets.open(finding.valuesSecret, valuesPlace(id))));
    if (how === "push") await push(tx, ctx, account, finding);
    else await take(tx, ctx, account, finding, values.theirs);
    await tx.query<Row>({
      text: "update drift_findings set state = $2, resolved_at = $3, resolved_by = $4 where id = $1",
      values: [id, how === "push" ? "PUSHED" : "TAKEN", ctx.clock.now(), ctx.actor.id],
    });
    await appendAudit(tx, ctx, {
      action: how === "push" ? "drift.pushed" : "drift.taken",
      subjectKind: finding.subjectKind,
      subjectId: finding.subjectId,
      partnerId: account.partnerId,
      after: { kind: finding.subjectKind, parameter: finding.field },
    });
  });
  if (how === "push") ctx.nudge("partners");
}
