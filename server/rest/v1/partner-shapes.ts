import { z } from "zod";
import { AppError, type FieldError, isAppError } from "@/server/core/errors";
import { lineSchema, modeSchema } from "@/server/core/schema";
import { lowerCase } from "@/server/core/text";
import type { PartnerItem } from "@/server/domain/partners/schema";
import type {
  BrandView,
  EntityInput,
  EntityView,
  PaymentAccountInput,
  PaymentAccountView,
  StoreGroupView,
} from "@/server/domain/partners/schema-account";
import {
  BrandInputSchema,
  ContactSchema,
  EntityFieldsSchema,
  EntityInputSchema,
  PaymentAccountInputSchema,
  StoreGroupInputSchema,
} from "@/server/domain/partners/schema-account";
import type {
  DraftProblem,
  DraftRecord,
  DraftSection,
  DraftSectionInput,
} from "@/server/domain/partners/schema-onboarding";
import { DraftSectionSchema } from "@/server/domain/partners/schema-onboarding";
import { ACCOUNT_STATES, ONBOARDING_STATES, PARTNER_STATES, PRODUCT_STATES } from "@/server/domain/partners/states";
import { toFieldErrors } from "../validation";
import { moment } from "./shared";

/* Partners, drafts, brands and store groups as the acquirer's systems write and read them. */

const lower = <const T extends readonly string[]>(words: T) =>
  words.map((word) => word.toLowerCase()) as { [K in keyof T]: Lowercase<T[K] & string> };
export const PUBLIC_PARTNER_STATES = lower(PARTNER_STATES);
export const PUBLIC_ACCOUNT_STATES = lower(ACCOUNT_STATES);
// --- Partners ----------------------------------------------------------------------------------------------------------

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

// --- What is written ---------------------------------------------------------------------------------------------------

const entity = EntityFieldsSchema.shape;
export const EntityBodySchema = z
  .strictObject({
    reference: entity.reference,
    legal_name: entity.legalName,
    country: entity.country,
    registration_number: entity.registrationNumber,
    registration_authority: entity.registrationAuthority,
    entity_type: entity.entityType,
    tax_number: entity.taxNumber,
    licence_number: entity.licenceNumber,
    address: entity.address,
    operating_addresses: entity.operatingAddresses,
    stakeholders: entity.stakeholders,
    payout: EntityInputSchema.shape.payout.meta({
      description: "Left out, what is there stays; null takes it away. It is never answered again but for a hint.",
    }),
  })
  .meta({ id: "BusinessEntityInput" });

function toEntityInput(body: z.output<typeof EntityBodySchema>): EntityInput {
  return {
    reference: body.reference,
    legalName: body.legal_name,
    country: body.country,
    registrationNumber: body.registration_number,
    registrationAuthority: body.registration_authority,
    entityType: body.entity_type,
    taxNumber: body.tax_number,
    licenceNumber: body.licence_number,
    address: body.address,
    operatingAddresses: body.operating_addresses,
    stakeholders: body.stakeholders,
    ...(body.payout === undefined ? {} : { payout: body.payout }),
  };
}

const brand = BrandInputSchema.shape;
export const BrandBodySchema = z
  .strictObject({
    reference: brand.reference,
    name: brand.name,
    website: brand.website,
    logo_url: brand.logoUrl,
    icon_url: brand.iconUrl,
    feature_image_url: brand.featureImageUrl,
  })
  .meta({ id: "BrandInput" });

export function toBrandInput(body: z.output<typeof BrandBodySchema>) {
  return {
    reference: body.reference,
    name: body.name,
    website: body.website,
    logoUrl: body.logo_url,
    iconUrl: body.icon_url,
    featureImageUrl: body.feature_image_url,
  };
}

const group = StoreGroupInputSchema.shape;
export const StoreGroupBodySchema = z
  .strictObject({
    reference: group.reference,
    name: group.name,
    brand: group.brand.meta({ description: "Reference of a brand of the same Partner" }),
    support_email: group.supportEmail,
    support_phone: group.supportPhone,
    support_url: group.supportUrl,
    social_links: group.socialLinks,
  })
  .meta({ id: "StoreGroupInput" });

export function toGroupInput(body: z.output<typeof StoreGroupBodySchema>) {
  return {
    reference: body.reference,
    name: body.name,
    brand: body.brand,
    supportEmail: body.support_email,
    supportPhone: body.support_phone,
    supportUrl: body.support_url,
    socialLinks: body.social_links,
  };
}

const payment = PaymentAccountInputSchema.shape;
const PaymentAccountBodySchema = z
  .strictObject({
    reference: payment.reference,
    acquiring_account_id: payment.acquiringAccountId,
    category_code: payment.categoryCode,
    business_entity: payment.entity.meta({ description: "Reference" }),
    store_group: payment.storeGroup.meta({ description: "Reference" }),
    is_default: payment.isDefault,
  })
  .meta({ id: "PaymentAccountInput" });

function toPaymentAccountInput(body: z.output<typeof PaymentAccountBodySchema>): PaymentAccountInput {
  return {
    reference: body.reference,
    acquiringAccountId: body.acquiring_account_id,
    categoryCode: body.category_code,
    entity: body.business_entity,
    storeGroup: body.store_group,
    isDefault: body.is_default,
  };
}

const company = DraftSectionSchema.options[0].shape.data.shape;
const versionSchema = z.int().min(1);

export const DraftPatchSchema = z.strictObject({
  version: versionSchema.meta({
    description: "Of the draft that you have read: 409 when somebody has changed it since",
  }),
  company: z
    .strictObject({
      name: company.name,
      country: company.country,
      currency: company.currency,
      account_name: company.accountName,
    })
    .optional(),
  contact: ContactSchema.optional(),
  business_entities: z.array(EntityBodySchema).max(50).optional(),
  brands: z.array(BrandBodySchema).max(100).optional(),
  store_groups: z.array(StoreGroupBodySchema).max(500).optional(),
  payments: z
    .strictObject({
      payment_profile_id: lineSchema(1, 255).nullable().default(null),
      payment_accounts: z.array(PaymentAccountBodySchema).max(50),
    })
    .optional(),
  relationships: z
    .array(z.record(lineSchema(1, 64), lineSchema(1, 255)))
    .max(20)
    .optional(),
});
export type DraftPatch = z.output<typeof DraftPatchSchema>;
export const VersionSchema = z.strictObject({ version: versionSchema });
export const ReasonSchema = z.strictObject({ reason: lineSchema(3, 500) });

/** The sections that a patch names, in the order in which they build on each other. Errors: validation_failed. */
export function sectionsOf(patch: DraftPatch): DraftSectionInput[] {
  const sections: DraftSectionInput[] = [];
  const add = (section: DraftSection, data: unknown): void => {
    const parsed = DraftSectionSchema.safeParse({ section, data });
    if (!parsed.success)
      throw new AppError("validation_failed", {
        errors: toFieldErrors(parsed.error.issues.map((issue) => ({ ...issue, path: issue.path.slice(1) }))).map(
          (error) => ({ ...error, pointer: `${SECTION_POINTERS[section]}${snakePointer(error.pointer)}` }),
        ),
      });
    sections.push(parsed.data);
  };
  if (patch.company) {
    const { account_name: accountName, ...rest } = patch.company;
    add("company", { ...rest, accountName });
  }
  if (patch.contact) add("contact", patch.contact);
  if (patch.business_entities) add("entities", patch.business_entities.map(toEntityInput));
  if (patch.brands) add("brands", patch.brands.map(toBrandInput));
  if (patch.store_groups) add("storeGroups", patch.store_groups.map(toGroupInput));
  if (patch.payments)
    add("payments", {
      paymentProfileId: patch.payments.payment_profile_id,
      paymentAccounts: patch.payments.payment_accounts.map(toPaymentAccountInput),
    });
  if (patch.relationships) add("relationships", patch.relationships);
  return sections;
}

// --- Where things stand in the body ------------------------------------------------------------------------------------

const SECTION_POINTERS: Readonly<Record<DraftSection | "stores", string>> = {
  company: "/company",
  contact: "/contact",
  entities: "/business_entities",
  brands: "/brands",
  storeGroups: "/store_groups",
  payments: "/payments",
  relationships: "/relationships",
  stores: "/stores",
};
/** Names that are not only written in another way. */
const OTHER_NAMES: Readonly<Record<string, string>> = { entity: "business_entity" };

export function snakePointer(pointer: string): string {
  return pointer
    .split("/")
    .map((step) => OTHER_NAMES[step] ?? step.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
    .join("/");
}

/** A field of the draft as a pointer into what is read and written: `/business_entities/0/address/city`. */
function pointerOf(
  draft: Pick<DraftRecord, "entities" | "brands" | "storeGroups" | "paymentAccounts">,
  place: { section: DraftSection | "stores"; item: string | null; field: string },
): string {
  const lists: Partial<Record<DraftSection | "stores", readonly { reference: string }[]>> = {
    entities: draft.entities,
    brands: draft.brands,
    storeGroups: draft.storeGroups,
    payments: draft.paymentAccounts,
  };
  const at = place.item === null ? -1 : (lists[place.section]?.findIndex((one) => one.reference === place.item) ?? -1);
  const steps = [
    SECTION_POINTERS[place.section],
    place.section === "payments" && place.item !== null ? "payment_accounts" : null,
    place.item === null ? null : at === -1 ? place.item.replaceAll("~", "~0").replaceAll("/", "~1") : String(at),
    place.field === "" ? null : snakePointer(place.field.replaceAll(".", "/")),
  ];
  return steps.filter((step) => step !== null).join("/");
}

/** What a use case says of one section, with pointers into the whole body. */
export function pointingInto(section: DraftSection, error: unknown): unknown {
  if (!isAppError(error) || error.errors.length === 0) return error;
  const base = section === "payments" ? "/payments/payment_accounts" : SECTION_POINTERS[section];
  return new AppError(error.code, {
    detail: error.detail,
    errors: error.errors.map(({ pointer, detail }) => ({ pointer: `${base}${snakePointer(pointer)}`, detail })),
    cause: error,
  });
}

/** The refusal of an incomplete draft, with pointers to what it lacks. */
export function pointingAtMissing(error: unknown, draft: DraftRecord): unknown {
  if (!isAppError(error) || error.code !== "rule_broken") return error;
  const errors: FieldError[] = draft.completeness.missing
    .filter((item) => item.level === "required")
    .slice(0, 50)
    .map((item) => ({ pointer: pointerOf(draft, item), detail: `${item.label} is missing (${item.requirement})` }));
  return new AppError("rule_broken", { detail: error.detail, errors, cause: error });
}

// --- What is read ------------------------------------------------------------------------------------------------------

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
