import { z } from "zod";
import type { TenantScope } from "@/server/auth/permissions";
import type { Services } from "@/server/context";
import { type Address, addressSchema, type Mode } from "@/server/core/schema";
import type { Row, Transaction } from "@/server/db/client";
import {
  type BrandInput,
  type Contact,
  ContactSchema,
  type EntityInput,
  type PaymentAccountInput,
  type Payout,
  PayoutSchema,
  PersonSchema,
  SocialLinkSchema,
  type StoreGroupInput,
} from "./schema-account";

/* The rows of an account as code works with them: secrets opened, neighbours named by reference. */

export type Queries = Pick<Transaction, "query">;
type Secrets = Pick<Services, "secrets">;
export type AccountKey = { readonly partnerId: string; readonly mode: Mode };

export type AccountRow = Row &
  AccountKey & {
    partnerName: string;
    partnerReference: string;
    partnerState: string;
    partnerCountry: string;
    partnerCurrency: string;
    klarnaId: string | null;
    state: string;
    productState: string;
    productWanted: string;
    productId: string | null;
    paymentProfileId: string | null;
    accountName: string | null;
    contactSecret: string | null;
    relationships: unknown;
    version: number;
    eventSequence: number;
    operationalAt: Date | null;
    updatedAt: Date;
  };

const ACCOUNT = `select a.partner_id as "partnerId", a.mode, p.name as "partnerName", p.reference as "partnerReference", p.state as "partnerState",
    p.country as "partnerCountry", p.currency as "partnerCurrency", a.klarna_partner_account_id as "klarnaId", a.state,
    a.product_state as "productState", a.product_wanted as "productWanted", a.klarna_product_id as "productId",
    a.payment_profile_id as "paymentProfileId", a.account_name as "accountName", a.contact_secret as "contactSecret", a.relationships,
    a.version, a.event_sequence as "eventSequence", a.operational_at as "operationalAt", a.updated_at as "updatedAt"
  from partner_accounts a join partners p on p.id = a.partner_id`;

const partnersOf = (scope: TenantScope): readonly string[] | null => (scope.partners === "all" ? null : scope.partners);

/** The account in the scope's mode, else null. */
export async function findAccountRow(tx: Queries, scope: TenantScope, partnerId: string): Promise<AccountRow | null> {
  const [row] = await tx.query<AccountRow>({
    text: `${ACCOUNT} where a.partner_id = $1 and a.mode = $2 and ($3::text[] is null or a.partner_id = any($3))`,
    values: [partnerId, scope.mode, partnersOf(scope)],
  });
  return row ?? null;
}

/** As `findAccountRow`, with the Partner and the account locked until the transaction ends: whoever changes either waits. */
export async function lockAccountRow(tx: Queries, scope: TenantScope, partnerId: string): Promise<AccountRow | null> {
  await tx.query<Row>({ text: "select 1 from partners where id = $1 for no key update", values: [partnerId] });
  const [row] = await tx.query<AccountRow>({
    text: `${ACCOUNT} where a.partner_id = $1 and a.mode = $2 and ($3::text[] is null or a.partner_id = any($3)) for no key update of a`,
    values: [partnerId, scope.mode, partnersOf(scope)],
  });
  return row ?? null;
}

export async function findAccountByKlarna(tx: Queries, mode: Mode, klarnaId: string): Promise<AccountRow | null> {
  const [row] = await tx.query<AccountRow>({
    text: `${ACCOUNT} where a.mode = $1 and a.klarna_partner_account_id = $2`,
    values: [mode, klarnaId],
  });
  return row ?? null;
}

export const contactPlace = (account: AccountKey): string =>
  `partner_accounts|contact_secret|${account.partnerId}|${account.mode}`;
const personPlace = (id: string): string => `stakeholders|person_secret|${id}`;
const payoutPlace = (id: string): string => `business_entities|payout_secret|${id}`;

export function openContact(ctx: Secrets, account: AccountRow): Contact | null {
  if (account.contactSecret === null) return null;
  const parsed = ContactSchema.safeParse(JSON.parse(ctx.secrets.open(account.contactSecret, contactPlace(account))));
  return parsed.success ? parsed.data : null;
}

export const RelationshipsSchema = z.array(z.record(z.string(), z.string())).catch([]);
const AddressOrNull = addressSchema.nullable().catch(null);
const Addresses = z.array(addressSchema).catch([]);
const SocialLinks = z.array(SocialLinkSchema).catch([]);

// --- Business entities ---

export type EntityRow = Omit<EntityInput, "payout"> & {
  id: string;
  payout: Payout | null;
  payoutHint: string | null;
  klarnaId: string | null;
  version: number;
};

export async function loadEntities(tx: Queries, ctx: Secrets, account: AccountKey): Promise<EntityRow[]> {
  const [rows, people] = [
    await tx.query<
      Row & {
        id: string;
        reference: string;
        legalName: string;
        country: string;
        registrationNumber: string | null;
        registrationAuthority: string | null;
        entityType: string | null;
        taxNumber: string | null;
        licenceNumber: string | null;
        address: unknown;
        operatingAddresses: unknown;
        payoutSecret: string | null;
        payoutHint: string | null;
        klarnaId: string | null;
        version: number;
      }
    >({
      text: `select id, reference, legal_name as "legalName", country, registration_number as "registrationNumber",
          registration_authority as "registrationAuthority", entity_type as "entityType", tax_number as "taxNumber",
          licence_number as "licenceNumber", address, operating_addresses as "operatingAddresses", payout_secret as "payoutSecret",
          payout_hint as "payoutHint", klarna_business_entity_id as "klarnaId", version
        from business_entities where partner_id = $1 and mode = $2 order by created_at, id`,
      values: [account.partnerId, account.mode],
    }),
    await tx.query<Row & { id: string; entityId: string; roles: string[]; personSecret: string }>({
      text: `select id, business_entity_id as "entityId", roles, person_secret as "personSecret" from stakeholders
        where partner_id = $1 and mode = $2 order by business_entity_id, position`,
      values: [account.partnerId, account.mode],
    }),
  ];
  return rows.map(({ payoutSecret, address, operatingAddresses, ...row }) => ({
    ...row,
    address: AddressOrNull.parse(address),
    operatingAddresses: Addresses.parse(operatingAddresses),
    stakeholders: people
      .filter((person) => person.entityId === row.id)
      .map((person) => ({
        ...PersonSchema.parse(JSON.parse(ctx.secrets.open(person.personSecret, personPlace(person.id)))),
        roles: person.roles,
      })),
    payout:
      payoutSecret === null
        ? null
        : PayoutSchema.parse(JSON.parse(ctx.secrets.open(payoutSecret, payoutPlace(row.id)))),
  }));
}

export function payoutHint(payout: Payout | null): string | null {
  const first = payout?.bank_accounts[0];
  return first ? ibanHint(first) : null;
}

export const ibanHint = ({ iban }: { iban: string }): string => `IBAN ${iban.slice(0, 2)}••${iban.slice(-4)}`;

/** Inserts or rewrites an entity with its stakeholders. */
export async function writeEntity(
  tx: Queries,
  ctx: Secrets,
  account: AccountKey,
  entity: EntityRow & { stakeholderIds: readonly string[] },
  now: Date,
): Promise<void> {
  await tx.query<Row>({
    text: `insert into business_entities (id, partner_id, mode, reference, legal_name, country, registration_number, registration_authority,
        entity_type, tax_number, licence_number, address, operating_addresses, payout_secret, payout_hint, klarna_business_entity_id, version, created_at, updated_at)
      values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12::jsonb,$13::jsonb,$14,$15,$16,$17,$18,$18)
      on conflict (id) do update set reference = excluded.reference, legal_name = excluded.legal_name, country = excluded.country,
        registration_number = excluded.registration_number, registration_authority = excluded.registration_authority,
        entity_type = excluded.entity_type, tax_number = excluded.tax_number, licence_number = excluded.licence_number,
        address = excluded.address, operating_addresses = excluded.operating_addresses, payout_secret = excluded.payout_secret,
        payout_hint = excluded.payout_hint, klarna_business_entity_id = excluded.klarna_business_entity_id, version = excluded.version,
        updated_at = excluded.updated_at`,
    values: [
      entity.id,
      account.partnerId,
      account.mode,
      entity.reference,
      entity.legalName,
      entity.country,
      entity.registrationNumber,
      entity.registrationAuthority,
      entity.entityType,
      entity.taxNumber,
      entity.licenceNumber,
      entity.address === null ? null : JSON.stringify(entity.address),
      JSON.stringify(entity.operatingAddresses),
      entity.payout === null ? null : ctx.secrets.seal(JSON.stringify(entity.payout), payoutPlace(entity.id)),
      payoutHint(entity.payout),
      entity.klarnaId,
      entity.version,
      now,
    ],
  });
  await tx.query<Row>({ text: "delete from stakeholders where business_entity_id = $1", values: [entity.id] });
  for (const [position, { roles, ...person }] of entity.stakeholders.entries()) {
    const id = entity.stakeholderIds[position];
    if (id === undefined) throw new Error("a stakeholder has no id");
    await tx.query<Row>({
      text: `insert into stakeholders (id, partner_id, mode, business_entity_id, position, roles, person_secret, created_at)
        values ($1,$2,$3,$4,$5,$6,$7,$8)`,
      values: [
        id,
        account.partnerId,
        account.mode,
        entity.id,
        position,
        roles,
        ctx.secrets.seal(JSON.stringify(person), personPlace(id)),
        now,
      ],
    });
  }
}

// --- Brands and store groups ---

export type BrandRow = BrandInput & {
  id: string;
  klarnaId: string | null;
  version: number;
  status: string;
  dataState: string;
  dataProblem: string | null;
};

export function loadBrands(tx: Queries, account: AccountKey): Promise<BrandRow[]> {
  return tx.query<Row & BrandRow>({
    text: `select id, reference, name, website, logo_url as "logoUrl", icon_url as "iconUrl", feature_image_url as "featureImageUrl",
        klarna_brand_id as "klarnaId", version, status, data_state as "dataState", data_problem as "dataProblem"
      from brands where partner_id = $1 and mode = $2 order by created_at, id`,
    values: [account.partnerId, account.mode],
  });
}

export async function writeBrand(tx: Queries, account: AccountKey, brand: BrandRow, now: Date): Promise<void> {
  await tx.query<Row>({
    text: `insert into brands (id, partner_id, mode, reference, name, website, logo_url, icon_url, feature_image_url, klarna_brand_id, data_state,
        data_problem, status, version, created_at, updated_at) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$15)
      on conflict (id) do update set reference = excluded.reference, name = excluded.name, website = excluded.website, logo_url = excluded.logo_url,
        icon_url = excluded.icon_url, feature_image_url = excluded.feature_image_url, klarna_brand_id = excluded.klarna_brand_id,
        data_state = excluded.data_state, data_problem = excluded.data_problem, status = excluded.status, version = excluded.version,
        updated_at = excluded.updated_at`,
    values: [
      brand.id,
      account.partnerId,
      account.mode,
      brand.reference,
      brand.name,
      brand.website,
      brand.logoUrl,
      brand.iconUrl,
      brand.featureImageUrl,
      brand.klarnaId,
      brand.dataState,
      brand.dataProblem,
      brand.status,
      brand.version,
      now,
    ],
  });
}

export type GroupRow = StoreGroupInput & {
  id: string;
  brandId: string;
  klarnaId: string | null;
  version: number;
  status: string;
  storeCount: number;
};

export async function loadGroups(tx: Queries, account: AccountKey): Promise<GroupRow[]> {
  const rows = await tx.query<Row & Omit<GroupRow, "socialLinks"> & { socialLinks: unknown }>({
    text: `select g.id, g.reference, g.name, b.reference as brand, g.brand_id as "brandId", g.support_email as "supportEmail",
        g.support_phone as "supportPhone", g.support_url as "supportUrl", g.social_links as "socialLinks",
        g.klarna_store_group_id as "klarnaId", g.version, g.status,
        (select count(*)::int from stores s where s.partner_id = g.partner_id and s.mode = g.mode and s.store_group_id = g.id and s.status <> 'ARCHIVED') as "storeCount"
      from store_groups g join brands b on b.id = g.brand_id where g.partner_id = $1 and g.mode = $2 order by g.created_at, g.id`,
    values: [account.partnerId, account.mode],
  });
  return rows.map((row) => ({ ...row, socialLinks: SocialLinks.parse(row.socialLinks) }));
}

export async function writeGroup(tx: Queries, account: AccountKey, group: GroupRow, now: Date): Promise<void> {
  await tx.query<Row>({
    text: `insert into store_groups (id, partner_id, mode, brand_id, reference, name, support_email, support_phone, support_url, social_links,
        klarna_store_group_id, status, version, created_at, updated_at) values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10::jsonb,$11,$12,$13,$14,$14)
      on conflict (id) do update set brand_id = excluded.brand_id, reference = excluded.reference, name = excluded.name,
        support_email = excluded.support_email, support_phone = excluded.support_phone, support_url = excluded.support_url,
        social_links = excluded.social_links, klarna_store_group_id = excluded.klarna_store_group_id, status = excluded.status,
        version = excluded.version, updated_at = excluded.updated_at`,
    values: [
      group.id,
      account.partnerId,
      account.mode,
      group.brandId,
      group.reference,
      group.name,
      group.supportEmail,
      group.supportPhone,
      group.supportUrl,
      JSON.stringify(group.socialLinks),
      group.klarnaId,
      group.status,
      group.version,
      now,
    ],
  });
}

// --- Stores: only what Klarna is told; the rest is the stores' own ---

export type StoreRow = {
  id: string;
  reference: string;
  name: string;
  type: string;
  storeGroupId: string | null;
  storeGroup: string | null;
  address: Address | null;
  url: string | null;
  platform: string | null;
  bundleNames: string[];
  klarnaId: string | null;
  status: string;
  source: string;
};

/** All stores of an account that are not archived, or the named ones. */
export async function loadStores(
  tx: Queries,
  account: AccountKey,
  options: { ids?: readonly string[]; isArchivedToo?: boolean } = {},
): Promise<StoreRow[]> {
  const rows = await tx.query<Row & Omit<StoreRow, "address"> & { address: unknown }>({
    text: `select s.id, s.reference, s.name, s.type, s.store_group_id as "storeGroupId", g.reference as "storeGroup", s.address, s.url,
        s.app_platform as platform, s.app_bundle_names as "bundleNames", s.klarna_store_id as "klarnaId", s.status, s.source
      from stores s left join store_groups g on g.id = s.store_group_id
      where s.partner_id = $1 and s.mode = $2 and ($3::text[] is null or s.id = any($3)) and ($4 or s.status <> 'ARCHIVED')
      order by s.created_at, s.id`,
    values: [
      account.partnerId,
      account.mode,
      options.ids ?? null,
      options.isArchivedToo === true || options.ids !== undefined,
    ],
  });
  return rows.map((row) => ({ ...row, address: AddressOrNull.parse(row.address) }));
}

export type PaymentAccountRow = PaymentAccountInput & { id: string; klarnaId: string | null; state: string };

export function loadPaymentAccounts(tx: Queries, account: AccountKey): Promise<PaymentAccountRow[]> {
  return tx.query<Row & PaymentAccountRow>({
    text: `select a.id, a.reference, a.acquiring_account_id as "acquiringAccountId", a.category_code as "categoryCode", e.reference as entity,
        g.reference as "storeGroup", a.is_default as "isDefault", a.klarna_payment_account_id as "klarnaId", a.state
      from payment_accounts a join business_entities e on e.id = a.business_entity_id join store_groups g on g.id = a.store_group_id
      where a.partner_id = $1 and a.mode = $2 order by a.created_at, a.id`,
    values: [account.partnerId, account.mode],
  });
}
