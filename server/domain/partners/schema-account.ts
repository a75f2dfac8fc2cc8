import { z } from "zod";
import {
  addressSchema,
  countrySchema,
  emailSchema,
  lineSchema,
  nameSchema,
  referenceSchema,
} from "@/server/core/schema";
import type { TerminalSettings } from "./schema-settings";
import type { AccountState, OnboardingState, PartnerState, ProductState } from "./states";

/* What an account at Klarna is made of, as it is asked for and as its record shows it. */

/** E.164. */
export const phoneSchema = z.string().regex(/^\+[1-9]\d{4,14}$/, "must be in E.164 form, such as +4930123456");
/** A web address that consumers are sent to or pictures are fetched from. */
export const webAddressSchema = z
  .url({ protocol: /^https?$/ })
  .max(1024)
  .refine((url) => !url.includes("@"), "must not hold a user name");
export const categoryCodeSchema = z.string().regex(/^\d{4}$/, "must have four digits");

/** Where a draft may not be complete yet, a text that is not known is null. */
export const orNull = <S extends z.ZodType>(schema: S) => schema.nullable().default(null);

export const ContactSchema = z.strictObject({
  given_name: lineSchema(1, 99),
  family_name: lineSchema(1, 99),
  email: emailSchema,
  phone: orNull(phoneSchema),
});
export type Contact = z.infer<typeof ContactSchema>;

/** The person as it is sealed in a stakeholder's row. */
export const PersonSchema = z.strictObject({
  given_name: lineSchema(1, 99),
  family_name: lineSchema(1, 99),
  date_of_birth: orNull(z.iso.date()),
  address: orNull(addressSchema),
  national_identification: orNull(z.strictObject({ number: lineSchema(1, 64), country: countrySchema })),
});
export type Person = z.infer<typeof PersonSchema>;
/** Seen at Klarna; its list is open. */
export const STAKEHOLDER_ROLES = ["OWNER", "DIRECTOR"] as const;
export const StakeholderSchema = PersonSchema.extend({ roles: z.array(lineSchema(1, 64)).min(1).max(10) });
export type StakeholderInput = z.infer<typeof StakeholderSchema>;

function isIban(text: string): boolean {
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{10,30}$/.test(text)) return false;
  let rest = 0;
  for (const char of text.slice(4) + text.slice(0, 4)) {
    const digits = /\d/.test(char) ? char : String(char.charCodeAt(0) - 55);
    for (const digit of digits) rest = (rest * 10 + Number(digit)) % 97;
  }
  return rest === 1;
}
export const BankAccountSchema = z.strictObject({
  type: z.literal("IBAN").default("IBAN"),
  holder: lineSchema(1, 140),
  bic: orNull(z.string().regex(/^[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$/, "must be a BIC")),
  iban: z
    .string()
    .transform((text) => text.replaceAll(/\s/g, "").toUpperCase())
    .refine(isIban, "must be an IBAN"),
});
/** Sealed in the entity's row; only a hint of it can be read again. */
export const PayoutSchema = z.strictObject({
  status: z.enum(["ENABLED", "DISABLED"]).default("ENABLED"),
  delay_days: orNull(z.int().min(0).max(90)),
  bank_accounts: z.array(BankAccountSchema).min(1).max(5),
});
export type Payout = z.infer<typeof PayoutSchema>;

/** Seen at Klarna; its list is open. */
export const ENTITY_TYPES = ["LIMITED_LIABILITY_COMPANY", "SOLE_TRADER", "PARTNERSHIP", "PUBLIC_COMPANY"] as const;
export const EntityFieldsSchema = z.strictObject({
  reference: referenceSchema,
  legalName: nameSchema,
  country: countrySchema,
  /** Of the company register, not the VAT number. */
  registrationNumber: orNull(lineSchema(1, 60)),
  registrationAuthority: orNull(lineSchema(1, 120)),
  entityType: orNull(lineSchema(1, 64)),
  taxNumber: orNull(lineSchema(1, 60)),
  licenceNumber: orNull(lineSchema(1, 60)),
  address: orNull(addressSchema),
  operatingAddresses: z.array(addressSchema).max(50).default([]),
  stakeholders: z.array(StakeholderSchema).max(50).default([]),
});
/** `payout` left out keeps what is there; null takes it away. */
export const EntityInputSchema = EntityFieldsSchema.extend({ payout: PayoutSchema.nullable().optional() });
export type EntityInput = z.infer<typeof EntityInputSchema>;

export const BrandInputSchema = z.strictObject({
  reference: referenceSchema,
  /** Shown to consumers. */
  name: nameSchema,
  website: orNull(webAddressSchema),
  logoUrl: orNull(webAddressSchema),
  iconUrl: orNull(webAddressSchema),
  featureImageUrl: orNull(webAddressSchema),
});
export type BrandInput = z.infer<typeof BrandInputSchema>;

export const SocialLinkSchema = z.strictObject({
  provider: z.string().regex(/^[A-Z_]{2,32}$/, "must be a word such as INSTAGRAM"),
  url: webAddressSchema,
});
export const StoreGroupInputSchema = z.strictObject({
  reference: referenceSchema,
  name: nameSchema,
  /** Reference of a brand of the same account. */
  brand: referenceSchema,
  supportEmail: orNull(emailSchema),
  supportPhone: orNull(phoneSchema),
  supportUrl: orNull(webAddressSchema),
  socialLinks: z.array(SocialLinkSchema).max(20).default([]),
});
export type StoreGroupInput = z.infer<typeof StoreGroupInputSchema>;

export const PaymentAccountInputSchema = z.strictObject({
  reference: referenceSchema,
  /** The acquirer's account at Klarna that is settled with. */
  acquiringAccountId: lineSchema(1, 255),
  categoryCode: categoryCodeSchema,
  /** References of the same account. */
  entity: referenceSchema,
  storeGroup: referenceSchema,
  isDefault: z.boolean().default(false),
});
export type PaymentAccountInput = z.infer<typeof PaymentAccountInputSchema>;

export type EntityView = z.infer<typeof EntityFieldsSchema> & {
  id: string;
  payoutHint: string | null;
  klarnaId: string | null;
  version: number;
};
export type BrandView = BrandInput & {
  id: string;
  klarnaId: string | null;
  version: number;
  status: string;
  dataState: string;
  dataProblem: string | null;
};
export type StoreGroupView = StoreGroupInput & {
  id: string;
  klarnaId: string | null;
  version: number;
  status: string;
  storeCount: number;
};
export type PaymentAccountView = PaymentAccountInput & { id: string; klarnaId: string | null; state: string };

/** What an account holds, in the context's mode, as its record shows it. */
export type AccountRecord = {
  mode: "test" | "live";
  partnerState: PartnerState;
  /** Why the Partner is suspended or closed. */
  stateReason: string | null;
  accountName: string | null;
  klarnaPartnerAccountId: string | null;
  state: AccountState;
  productState: ProductState;
  productWanted: string;
  productChangedBy: string | null;
  productChangedAt: Date | null;
  paymentProfileId: string | null;
  onboarding: OnboardingState | null;
  onboardedAt: Date | null;
  operationalAt: Date | null;
  driftCheckedAt: Date | null;
  /** Whether the reader sees personal data; without it how many stakeholders there are and nothing of them, and no contact. */
  hasPersonalData: boolean;
  contact: Contact | null;
  entities: (EntityView & { stakeholderCount: number })[];
  brands: BrandView[];
  storeGroups: StoreGroupView[];
  paymentAccounts: PaymentAccountView[];
  settings: TerminalSettings;
  /** What calls for a person. */
  openDrift: number;
  openDecisions: number;
  openChanges: number;
  failedChanges: number;
};
