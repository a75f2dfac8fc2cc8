import { z } from "zod";
import { modeSchema } from "@/server/core/schema";
import { lowerCase } from "@/server/core/text";
import type { PartnerItem } from "@/server/domain/partners/schema";
import {
  type BrandView,
  ContactSchema,
  type EntityView,
  type PaymentAccountView,
  type StoreGroupView,
} from "@/server/domain/partners/schema-account";
import type { DraftProblem, DraftRecord } from "@/server/domain/partners/schema-onboarding";
import { ACCOUNT_STATES, ONBOARDING_STATES, PARTNER_STATES, PRODUCT_STATES } from "@/server/domain/partners/states";
import { BrandBodySchema, EntityBodySchema, PaymentAccountBodySchema, StoreGroupBodySchema } from "./partner-bodies";
import { pointerOf } from "./partner-pointers";
import { moment } from "./shared";

/* Partners, drafts, brands and store groups as the acquirer's systems read them. */

const lower = <const T extends readonly string[]>(words: T) =>
  words.map((word) => word.toLowerCase()) as { [K in keyof T]: Lowercase<T[K] & string> };
export const PUBLIC_PARTNER_STATES = lower(PARTNER_STATES);
export const PUBLIC_ACCOUNT_STATES = lower(ACCOUNT_STATES);

const AccountSchema = z.object({
  klarna_partner_account_id: z.string().nullable(),
  status: z.enum(PUBLIC_ACCOUNT_STATES),
  product_status: z.enum(lower(PRODUCT_STATES)),
});
export const PublicPartnerSchema = z
  .object({
    id: z.string(),
    object: z.literal("partner"),
    mode: modeSchema,
    reference: z.string(),
    name: z.string(),
    country: z.string(),
    currency: z.string(),
    /** Ours: whether it may take payments here, in both modes. */
    status: z.enum(PUBLIC_PARTNER_STATES),
    /** Klarna's side, in the key's mode. */
    account: AccountSchema,
    store_count: z.int(),
    terminal_count: z.int(),
    created_at: moment,
  })
  .meta({ id: "Partner" });
export type PublicPartner = z.infer<typeof PublicPartnerSchema>;

export function toPublicPartner(
  mode: "test" | "live",
  partner: Omit<PartnerItem, "account"> & { account: NonNullable<PartnerItem["account"]> },
): PublicPartner {
  return {
    id: partner.id,
    object: "partner",
    mode,
    reference: partner.reference,
    name: partner.name,
    country: partner.country,
    currency: partner.currency,
    status: lowerCase(partner.state),
    account: {
      klarna_partner_account_id: partner.account.klarnaPartnerAccountId,
      status: lowerCase(partner.account.state),
      product_status: lowerCase(partner.account.productState),
    },
    store_count: partner.storeCount,
    terminal_count: partner.terminalCount,
    created_at: partner.createdAt.toISOString(),
  };
}

const known = { id: z.string(), version: z.int() };
const PublicEntitySchema = z
  .object({
    ...known,
    ...EntityBodySchema.omit({ payout: true }).shape,
    payout_hint: z.string().nullable(),
    klarna_business_entity_id: z.string().nullable(),
  })
  .meta({ id: "BusinessEntity" });
export const PublicBrandSchema = z
  .object({
    ...known,
    object: z.literal("brand"),
    ...BrandBodySchema.shape,
    status: z.enum(["active", "archived"]),
    klarna_brand_id: z.string().nullable(),
    /** What Klarna cannot use of the data; null when nothing is known. */
    data_problem: z.string().nullable(),
  })
  .meta({ id: "Brand" });
export const PublicStoreGroupSchema = z
  .object({
    ...known,
    object: z.literal("store_group"),
    ...StoreGroupBodySchema.shape,
    status: z.enum(["active", "archived"]),
    klarna_store_group_id: z.string().nullable(),
    store_count: z.int(),
  })
  .meta({ id: "StoreGroup" });
export type PublicBrand = z.infer<typeof PublicBrandSchema>;
export type PublicStoreGroup = z.infer<typeof PublicStoreGroupSchema>;

const PublicPaymentAccountSchema = z.object({
  id: z.string(),
  ...PaymentAccountBodySchema.shape,
  status: z.string(),
  klarna_payment_account_id: z.string().nullable(),
});
const pointed = z.object({ pointer: z.string(), detail: z.string() });

export const PublicDraftSchema = z
  .object({
    id: z.string(),
    object: z.literal("onboarding"),
    mode: modeSchema,
    partner: z.object({ id: z.string(), reference: z.string() }),
    status: z.enum(lower(ONBOARDING_STATES)),
    version: z.int(),
    company: z.object({
      name: z.string(),
      country: z.string(),
      currency: z.string(),
      account_name: z.string().nullable(),
    }),
    contact: ContactSchema.nullable(),
    business_entities: z.array(PublicEntitySchema),
    brands: z.array(PublicBrandSchema),
    store_groups: z.array(PublicStoreGroupSchema),
    payments: z.object({
      payment_profile_id: z.string().nullable(),
      payment_accounts: z.array(PublicPaymentAccountSchema),
    }),
    relationships: z.array(z.record(z.string(), z.string())),
    store_count: z.int(),
    terminal_count: z.int(),
    completeness: z.object({
      /** 0 to 100. */
      score: z.int(),
      is_ready: z.boolean(),
      missing: z.array(pointed.extend({ requirement: z.string(), level: z.enum(["required", "recommended"]) })),
    }),
    /** What Klarna refused, by field, until the section is saved again. */
    problems: z.array(pointed),
    reject_reason: z.string().nullable(),
    account: z.object({
      klarna_partner_account_id: z.string().nullable(),
      status: z.enum(PUBLIC_ACCOUNT_STATES),
    }),
    submitted_at: moment.nullable(),
    created_at: moment,
    updated_at: moment,
  })
  .meta({ id: "Onboarding" });
export type PublicDraft = z.infer<typeof PublicDraftSchema>;

const activeOr = (status: string) => (status === "ARCHIVED" ? "archived" : "active");

export function toPublicBrand(row: BrandView): PublicBrand {
  return {
    id: row.id,
    version: row.version,
    object: "brand",
    reference: row.reference,
    name: row.name,
    website: row.website,
    logo_url: row.logoUrl,
    icon_url: row.iconUrl,
    feature_image_url: row.featureImageUrl,
    status: activeOr(row.status),
    klarna_brand_id: row.klarnaId,
    data_problem: row.dataProblem,
  };
}

export function toPublicGroup(row: StoreGroupView): PublicStoreGroup {
  return {
    id: row.id,
    version: row.version,
    object: "store_group",
    reference: row.reference,
    name: row.name,
    brand: row.brand,
    support_email: row.supportEmail,
    support_phone: row.supportPhone,
    support_url: row.supportUrl,
    social_links: row.socialLinks,
    status: activeOr(row.status),
    klarna_store_group_id: row.klarnaId,
    store_count: row.storeCount,
  };
}

const toPublicEntity = (row: EntityView) => ({
  id: row.id,
  version: row.version,
  reference: row.reference,
  legal_name: row.legalName,
  country: row.country,
  registration_number: row.registrationNumber,
  registration_authority: row.registrationAuthority,
  entity_type: row.entityType,
  tax_number: row.taxNumber,
  licence_number: row.licenceNumber,
  address: row.address,
  operating_addresses: row.operatingAddresses,
  stakeholders: row.stakeholders,
  payout_hint: row.payoutHint,
  klarna_business_entity_id: row.klarnaId,
});

const toPublicPaymentAccount = (row: PaymentAccountView) => ({
  id: row.id,
  reference: row.reference,
  acquiring_account_id: row.acquiringAccountId,
  category_code: row.categoryCode,
  business_entity: row.entity,
  store_group: row.storeGroup,
  is_default: row.isDefault,
  status: row.state.toLowerCase(),
  klarna_payment_account_id: row.klarnaId,
});

export function toPublicDraft(draft: DraftRecord): PublicDraft {
  return {
    id: draft.id,
    object: "onboarding",
    mode: draft.mode,
    partner: { id: draft.partnerId, reference: draft.partnerReference },
    status: lowerCase(draft.state),
    version: draft.version,
    company: {
      name: draft.partnerName,
      country: draft.country,
      currency: draft.currency,
      account_name: draft.accountName,
    },
    contact: draft.contact,
    business_entities: draft.entities.map(toPublicEntity),
    brands: draft.brands.map(toPublicBrand),
    store_groups: draft.storeGroups.map(toPublicGroup),
    payments: {
      payment_profile_id: draft.paymentProfileId,
      payment_accounts: draft.paymentAccounts.map(toPublicPaymentAccount),
    },
    relationships: draft.relationships,
    store_count: draft.storeCount,
    terminal_count: draft.terminalCount,
    completeness: {
      score: draft.completeness.score,
      is_ready: draft.completeness.isReady,
      missing: draft.completeness.missing.map((item) => ({
        pointer: pointerOf(draft, item),
        detail: item.label,
        requirement: item.requirement,
        level: item.level,
      })),
    },
    problems: draft.problems.map((problem: DraftProblem) => ({
      pointer: pointerOf(draft, problem),
      detail: problem.detail,
    })),
    reject_reason: draft.rejectReason,
    account: { klarna_partner_account_id: draft.klarnaPartnerAccountId, status: lowerCase(draft.accountState) },
    submitted_at: draft.submittedAt?.toISOString() ?? null,
    created_at: draft.createdAt.toISOString(),
    updated_at: draft.updatedAt.toISOString(),
  };
}
