import { z } from "zod";
import { AppError } from "@/server/core/errors";
import { lineSchema } from "@/server/core/schema";
import {
  BrandInputSchema,
  ContactSchema,
  EntityFieldsSchema,
  type EntityInput,
  EntityInputSchema,
  type PaymentAccountInput,
  PaymentAccountInputSchema,
  StoreGroupInputSchema,
} from "@/server/domain/partners/schema-account";
import {
  type DraftSection,
  type DraftSectionInput,
  DraftSectionSchema,
} from "@/server/domain/partners/schema-onboarding";
import { toFieldErrors } from "../validation";
import { SECTION_POINTERS, snakePointer } from "./partner-pointers";

/* Partners, drafts, brands and store groups as the acquirer's systems write them. */

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
export const PaymentAccountBodySchema = z
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
