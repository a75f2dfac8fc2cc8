import type { TenantScope } from "@/server/auth/permissions";
import type { Mode } from "@/server/core/schema";
import { lowerCase } from "@/server/core/text";
import type { Row, Transaction } from "@/server/db/client";
import { StoredSettingsSchema, type TerminalSettings } from "@/server/domain/partners/schema-settings";
import { type PublicStore, type StoredAddress, StoredAddressSchema, toPublicSettings } from "./schema";
import type { AppPlatform, OpeningState, StoreSource, StoreStatus, StoreType } from "./states";

/* Stores as code changes and shows them: whole rows with their neighbours' references. */

export type Queries = Pick<Transaction, "query">;
type Neighbours = {
  groupId: string | null;
  groupReference: string | null;
  brandId: string | null;
  brandReference: string | null;
};
export type StoreRow = Neighbours & {
  id: string;
  partnerId: string;
  mode: Mode;
  reference: string;
  name: string;
  type: StoreType;
  status: StoreStatus;
  source: StoreSource;
  address: StoredAddress;
  country: string | null;
  url: string | null;
  appPlatform: AppPlatform | null;
  appBundleNames: string[];
  openingState: OpeningState;
  supportEmail: string | null;
  supportPhone: string | null;
  klarnaStoreId: string | null;
  settings: TerminalSettings;
  version: number;
  archivedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
};

const SELECT = `select s.id, s.partner_id as "partnerId", s.mode, s.reference, s.name, s.type, s.status, s.source, s.address, s.country, s.url,
    s.app_platform as "appPlatform", s.app_bundle_names as "appBundleNames", s.opening_state as "openingState",
    s.support_email as "supportEmail", s.support_phone as "supportPhone", s.klarna_store_id as "klarnaStoreId", s.settings, s.version,
    s.archived_at as "archivedAt", s.created_at as "createdAt", s.updated_at as "updatedAt",
    g.id as "groupId", g.reference as "groupReference", b.id as "brandId", b.reference as "brandReference"
  from stores s left join store_groups g on g.id = s.store_group_id left join brands b on b.id = g.brand_id`;
const IN_SCOPE = "s.mode = $1 and ($2::text[] is null or s.partner_id = any($2))";

export const scopeValues = (scope: TenantScope): [Mode, readonly string[] | null] => [
  scope.mode,
  scope.partners === "all" ? null : scope.partners,
];

type StoredRow = Omit<StoreRow, "address" | "settings"> & { address: unknown; settings: unknown };

function read(row: StoredRow): StoreRow {
  return {
    ...row,
    address: StoredAddressSchema.parse(row.address),
    settings: StoredSettingsSchema.parse(row.settings),
  };
}

/** The named stores of the scope; with `isLocked` nobody else changes them until the transaction ends. */
export async function loadStoreRows(
  tx: Queries,
  scope: TenantScope,
  ids: readonly string[],
  options: { isLocked?: boolean } = {},
): Promise<StoreRow[]> {
  const rows = await tx.query<StoredRow>({
    text: `${SELECT} where ${IN_SCOPE} and s.id = any($3) order by s.id${options.isLocked ? " for no key update of s" : ""}`,
    values: [...scopeValues(scope), ids],
  });
  return rows.map(read);
}

/** A page of stores, newest first, one more than `limit`. */
export async function findStoreRows(
  tx: Queries,
  scope: TenantScope,
  filter: {
    types: readonly string[] | null;
    statuses: readonly string[] | null;
    reference: string | null;
    /** Id or reference. */
    group: string | null;
    from: Date | null;
    to: Date | null;
  },
  page: { limit: number; cursor: { createdAt: Date; id: string } | null },
): Promise<StoreRow[]> {
  const rows = await tx.query<StoredRow>({
    text: `${SELECT} where ${IN_SCOPE} and ($3::text[] is null or s.type = any($3)) and ($4::text[] is null or s.status = any($4))
        and ($5::text is null or s.reference = $5) and ($6::text is null or g.id = $6 or g.reference = $6)
        and ($7::timestamptz is null or s.created_at >= $7) and ($8::timestamptz is null or s.created_at <= $8)
        and ($9::timestamptz is null or (s.created_at, s.id) < ($9, $10))
      order by s.created_at desc, s.id desc limit $11`,
    values: [
      ...scopeValues(scope),
      filter.types,
      filter.statuses,
      filter.reference,
      filter.group,
      filter.from,
      filter.to,
      page.cursor?.createdAt ?? null,
      page.cursor?.id ?? null,
      page.limit + 1,
    ],
  });
  return rows.map(read);
}

export function toPublicStore(row: StoreRow): PublicStore {
  return {
    id: row.id,
    object: "store",
    mode: row.mode,
    reference: row.reference,
    name: row.name,
    type: lowerCase(row.type),
    status: lowerCase(row.status),
    source: lowerCase(row.source),
    address: row.address,
    url: row.url,
    app: row.appPlatform === null ? null : { platform: lowerCase(row.appPlatform), bundle_names: row.appBundleNames },
    store_group: row.groupId === null ? null : { id: row.groupId, reference: row.groupReference ?? "" },
    brand: row.brandId === null ? null : { id: row.brandId, reference: row.brandReference ?? "" },
    opening_state: lowerCase(row.openingState),
    support: { email: row.supportEmail, phone: row.supportPhone },
    klarna_store_id: row.klarnaStoreId,
    settings: toPublicSettings(row.settings),
    archived_at: row.archivedAt?.toISOString() ?? null,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}

/** Writes everything of a row that may change; the version goes up. */
export async function updateStoreRow(tx: Queries, scope: TenantScope, row: StoreRow, now: Date): Promise<void> {
  await tx.query<Row>({
    text: `update stores s set name = $4, store_group_id = $5, address = $6::jsonb, country = $7, url = $8, app_platform = $9, app_bundle_names = $10,
        opening_state = $11, support_email = $12, support_phone = $13, settings = $14::jsonb, status = $15, archived_at = $16,
        version = s.version + 1, updated_at = $17
      where ${IN_SCOPE} and s.id = $3`,
    values: [
      ...scopeValues(scope),
      row.id,
      row.name,
      row.groupId,
      row.address === null ? null : JSON.stringify(row.address),
      row.country,
      row.url,
      row.appPlatform,
      row.appBundleNames,
      row.openingState,
      row.supportEmail,
      row.supportPhone,
      JSON.stringify(row.settings),
      row.status,
      row.archivedAt,
      now,
    ],
  });
}

export type NewStoreRow = Pick<
  StoreRow,
  | "id"
  | "reference"
  | "name"
  | "type"
  | "status"
  | "groupId"
  | "address"
  | "country"
  | "url"
  | "appPlatform"
  | "appBundleNames"
  | "openingState"
  | "supportEmail"
  | "supportPhone"
>;

export async function insertStoreRow(
  tx: Queries,
  account: { partnerId: string; mode: Mode },
  row: NewStoreRow,
  now: Date,
): Promise<void> {
  await tx.query<Row>({
    text: `insert into stores (id, partner_id, mode, reference, name, type, status, store_group_id, address, country, url, app_platform,
        app_bundle_names, opening_state, support_email, support_phone, created_at, updated_at)
      values ($1,$2,$3,$4,$5,$6,$7,$8,$9::jsonb,$10,$11,$12,$13,$14,$15,$16,$17,$17)`,
    values: [
      row.id,
      account.partnerId,
      account.mode,
      row.reference,
      row.name,
      row.type,
      row.status,
      row.groupId,
      row.address === null ? null : JSON.stringify(row.address),
      row.country,
      row.url,
      row.appPlatform,
      row.appBundleNames,
      row.openingState,
      row.supportEmail,
      row.supportPhone,
      now,
    ],
  });
}

// --- The account that a change belongs to -----------------------------------------------------------------------------

export type AccountRow = Row & {
  partnerState: string;
  partnerCurrency: string;
  state: string;
  onboardingState: string | null;
  partnerMayEdit: boolean;
  settings: unknown;
};

/** The account, held as it is until the transaction ends: it is not onboarded, suspended or closed meanwhile. */
export async function holdAccount(tx: Queries, scope: TenantScope, partnerId: string): Promise<AccountRow | null> {
  const [row] = await tx.query<AccountRow>({
    text: `select p.state as "partnerState", p.currency as "partnerCurrency", a.state, o.state as "onboardingState", coalesce(o.partner_may_edit, false) as "partnerMayEdit", a.settings
      from partner_accounts a join partners p on p.id = a.partner_id
        left join onboardings o on o.partner_id = a.partner_id and o.mode = a.mode
      where a.mode = $1 and ($2::text[] is null or a.partner_id = any($2)) and a.partner_id = $3 for share of a`,
    values: [...scopeValues(scope), partnerId],
  });
  return row ?? null;
}

/** An active store group of the account by id or reference; without one named, the only one there is. */
export async function findGroups(
  tx: Queries,
  account: { partnerId: string; mode: Mode },
  wanted: { id: string } | { reference: string } | null,
): Promise<(Row & { id: string; reference: string; brandId: string; brandReference: string })[]> {
  return tx.query({
    text: `select g.id, g.reference, b.id as "brandId", b.reference as "brandReference" from store_groups g join brands b on b.id = g.brand_id
      where g.partner_id = $1 and g.mode = $2 and g.status = 'ACTIVE' and ($3::text is null or g.id = $3) and ($4::text is null or g.reference = $4)
      order by g.id limit 2`,
    values: [
      account.partnerId,
      account.mode,
      wanted && "id" in wanted ? wanted.id : null,
      wanted && "reference" in wanted ? wanted.reference : null,
    ],
  });
}
