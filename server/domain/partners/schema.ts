import { z } from "zod";
import { LANGUAGES } from "@/server/core/languages";
import {
  addressSchema,
  countrySchema,
  currencySchema,
  emailSchema,
  lineSchema,
  modeSchema,
  nameSchema,
  referenceSchema,
  timeZoneSchema,
} from "@/server/core/schema";
import {
  ACCOUNT_STATES,
  type AccountState,
  type ChangeKind,
  ONBOARDING_STATES,
  type OnboardingState,
  PARTNER_STATES,
  type PartnerState,
  PRODUCT_STATES,
  type ProductState,
} from "./states";

export const PartnerStateSchema = z.enum(PARTNER_STATES);
export const AccountStateSchema = z.enum(ACCOUNT_STATES);
export const ProductStateSchema = z.enum(PRODUCT_STATES);

export const PartnerFilterSchema = z.strictObject({
  /** Part of the name or reference, or a whole id of ours or Klarna's. */
  search: lineSchema(1, 255).optional(),
  country: z.array(countrySchema).max(60).optional(),
  state: z.array(PartnerStateSchema).optional(),
  /** Klarna's state of the account in the mode that is looked at. */
  accountState: z.array(AccountStateSchema).optional(),
});
export type PartnerFilter = z.infer<typeof PartnerFilterSchema>;

export const CreatePartnerSchema = z.strictObject({
  name: nameSchema,
  reference: referenceSchema,
  country: countrySchema,
  currency: currencySchema,
  state: PartnerStateSchema.default("OPERATIONAL"),
  accounts: z
    .array(
      z.strictObject({
        mode: modeSchema,
        klarnaPartnerAccountId: lineSchema(1, 255),
        state: AccountStateSchema.default("OPERATIONAL"),
        productState: ProductStateSchema.default("ENABLED"),
      }),
    )
    .max(2)
    .default([]),
});
export type CreatePartnerInput = z.input<typeof CreatePartnerSchema>;

export const AddBusinessEntitySchema = z.strictObject({
  partnerId: z.string(),
  legalName: nameSchema,
  registrationNumber: lineSchema(1, 60),
  country: countrySchema,
  address: addressSchema,
});
export type AddBusinessEntityInput = z.infer<typeof AddBusinessEntitySchema>;

export type PartnerAccountView = {
  mode: "test" | "live";
  /** Null while the account is not onboarded. */
  klarnaPartnerAccountId: string | null;
  state: AccountState;
  productState: ProductState;
  createdAt: Date;
};
export type PartnerItem = {
  id: string;
  name: string;
  reference: string;
  country: string;
  currency: string;
  state: PartnerState;
  /** The account of the mode that is looked at. */
  account: PartnerAccountView | null;
  storeCount: number;
  terminalCount: number;
  createdAt: Date;
};
export type PartnerRecord = Omit<PartnerItem, "account"> & {
  updatedAt: Date;
  accounts: PartnerAccountView[];
  businessEntities: {
    id: string;
    legalName: string;
    registrationNumber: string | null;
    country: string;
    address: unknown;
    createdAt: Date;
  }[];
  brands: {
    id: string;
    name: string;
    website: string | null;
    storeGroups: { id: string; name: string; storeCount: number }[];
  }[];
  userCount: number;
  apiKeyCount: number;
  webhookEndpointCount: number;
  /** Counts stop at 10,000. */
  paymentCount: number;
};

// --- What is asked for an account at Klarna -------------------------------------------------------------------------

/** E.164. */
export const phoneSchema = z.string().regex(/^\+[1-9]\d{4,14}$/, "must be in E.164 form, such as +4930123456");
/** A web address that consumers are sent to or pictures are fetched from. */
export const webAddressSchema = z
  .url({ protocol: /^https?$/ })
  .max(1024)
  .refine((url) => !url.includes("@"), "must not hold a user name");
export const categoryCodeSchema = z.string().regex(/^\d{4}$/, "must have four digits");

/** Where a draft may not be complete yet, a text that is not known is null. */
const orNull = <S extends z.ZodType>(schema: S) => schema.nullable().default(null);

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

const uniqueBy = <T>(items: readonly T[], keyOf: (item: T) => string): boolean =>
  new Set(items.map(keyOf)).size === items.length;
const byReference = (items: readonly { reference: string }[]) => uniqueBy(items, (item) => item.reference);
const TWICE = "a reference is given twice";

/** The sections of an onboarding draft; each is saved as a whole. Stores and terminals are rows of their own. */
export const DRAFT_SECTIONS = [
  "company",
  "contact",
  "entities",
  "brands",
  "storeGroups",
  "payments",
  "relationships",
] as const;
export type DraftSection = (typeof DRAFT_SECTIONS)[number];

export const DraftSectionSchema = z.discriminatedUnion("section", [
  z.strictObject({
    section: z.literal("company"),
    data: z.strictObject({
      name: nameSchema,
      country: countrySchema,
      currency: currencySchema,
      /** As Klarna shall know the account; null: the name. */
      accountName: orNull(nameSchema),
    }),
  }),
  z.strictObject({ section: z.literal("contact"), data: ContactSchema }),
  z.strictObject({
    section: z.literal("entities"),
    data: z.array(EntityInputSchema).max(50).refine(byReference, TWICE),
  }),
  z.strictObject({
    section: z.literal("brands"),
    data: z
      .array(BrandInputSchema)
      .max(100)
      .refine(byReference, TWICE)
      .refine((brands) => uniqueBy(brands, (brand) => brand.name), "a name is given twice"),
  }),
  z.strictObject({
    section: z.literal("storeGroups"),
    data: z
      .array(StoreGroupInputSchema)
      .max(500)
      .refine(byReference, TWICE)
      .refine((groups) => uniqueBy(groups, (group) => group.name), "a name is given twice"),
  }),
  z.strictObject({
    section: z.literal("payments"),
    data: z.strictObject({
      paymentProfileId: orNull(lineSchema(1, 255)),
      paymentAccounts: z
        .array(PaymentAccountInputSchema)
        .max(50)
        .refine(byReference, TWICE)
        .refine((all) => all.filter((one) => one.isDefault).length <= 1, "only one can be the default"),
    }),
  }),
  z.strictObject({
    section: z.literal("relationships"),
    /** Names of Klarna's fields are not published: kept and sent as they are given. */
    data: z.array(z.record(lineSchema(1, 64), lineSchema(1, 255))).max(20),
  }),
]);
export type DraftSectionInput = z.input<typeof DraftSectionSchema>;

export const StartOnboardingSchema = z.strictObject({
  name: nameSchema,
  reference: referenceSchema,
  country: countrySchema,
  currency: currencySchema,
});
export type StartOnboardingInput = z.infer<typeof StartOnboardingSchema>;

export const OnboardingStateSchema = z.enum(ONBOARDING_STATES);
export const OnboardingFilterSchema = z.strictObject({
  search: lineSchema(1, 255).optional(),
  state: z.array(OnboardingStateSchema).optional(),
});
export type OnboardingFilter = z.infer<typeof OnboardingFilterSchema>;

/** What Klarna or we found wrong with a field of the draft. `item` is a reference within the section. */
export type DraftProblem = { section: DraftSection | "stores"; item: string | null; field: string; detail: string };
export const DraftProblemsSchema = z
  .array(
    z.object({
      section: z.enum([...DRAFT_SECTIONS, "stores"]),
      item: z.string().nullable(),
      field: z.string(),
      detail: z.string(),
    }),
  )
  .catch([]);

/** One thing that a complete account has. `requirement` is the id in Klarna's requirements. */
export type CompletenessItem = {
  requirement: string;
  section: DraftSection | "stores";
  item: string | null;
  field: string;
  label: string;
  level: "required" | "recommended";
  isDone: boolean;
};
export type Completeness = {
  /** 0..100: required things count three times. */
  score: number;
  isReady: boolean;
  missing: Omit<CompletenessItem, "isDone">[];
};

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

export type OnboardingItem = {
  id: string;
  partnerId: string;
  partnerName: string;
  partnerReference: string;
  country: string;
  state: OnboardingState;
  partnerMayEdit: boolean;
  submittedAt: Date | null;
  updatedAt: Date;
  createdAt: Date;
};
export type DraftRecord = OnboardingItem & {
  mode: "test" | "live";
  version: number;
  currency: string;
  accountName: string | null;
  contact: Contact | null;
  entities: EntityView[];
  brands: BrandView[];
  storeGroups: StoreGroupView[];
  paymentProfileId: string | null;
  paymentAccounts: PaymentAccountView[];
  relationships: Record<string, string>[];
  storeCount: number;
  terminalCount: number;
  problems: DraftProblem[];
  rejectReason: string | null;
  accountState: AccountState;
  klarnaPartnerAccountId: string | null;
  completeness: Completeness;
  /** What the caller may do now. */
  may: { edit: boolean; editPayments: boolean; submit: boolean; decide: boolean };
};

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
  /** Whether the reader sees personal data; without it names and roles only, and no contact. */
  hasPersonalData: boolean;
  contact: Contact | null;
  entities: EntityView[];
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

// --- Keeping in step -------------------------------------------------------------------------------------------------

export const ChangeStateSchema = z.enum(["PENDING", "SENT", "UNKNOWN", "DONE", "FAILED", "CANCELED"]);
export type KlarnaChangeItem = {
  id: string;
  kind: ChangeKind;
  subjectKind: string;
  subjectId: string;
  fields: string[];
  state: z.infer<typeof ChangeStateSchema>;
  attempts: number;
  problems: { parameter: string; reason: string }[];
  klarnaErrorCode: string | null;
  klarnaErrorId: string | null;
  createdBy: string;
  createdAt: Date;
  settledAt: Date | null;
};

export const DRIFT_SUBJECTS = [
  "account",
  "business_entity",
  "brand",
  "store_group",
  "store",
  "payment_account",
] as const;
export type DriftSubject = (typeof DRIFT_SUBJECTS)[number];
export type DriftItem = {
  id: string;
  partnerId: string;
  partnerName: string;
  subjectKind: DriftSubject;
  subjectId: string;
  subjectName: string | null;
  field: string;
  /** Null where this side has nothing. Personal and bank data reads "differs". */
  ours: string | null;
  theirs: string | null;
  state: "OPEN" | "PUSHED" | "TAKEN" | "GONE";
  foundAt: Date;
  resolvedAt: Date | null;
  canPush: boolean;
  canTake: boolean;
};

export type StateChangeItem = {
  id: string;
  what: string;
  from: string | null;
  to: string;
  madeBy: "US" | "KLARNA";
  actorId: string;
  actorName: string | null;
  reason: string | null;
  occurredAt: Date;
};
export type DecisionItem = {
  id: string;
  partnerId: string;
  partnerName: string;
  klarnaDecisionId: string;
  reason: string;
  outcome: string;
  decidedAt: Date;
  state: "OPEN" | "HANDLED";
  action: string | null;
  handledAt: Date | null;
};

// --- Settings that terminals inherit: Partner, store, terminal ---------------------------------------------------------

export const QR_LOGOS = ["none", "brand"] as const;
const colour = z.string().regex(/^#[0-9a-f]{6}$/, "must be a colour such as #0b051d");
export const TerminalSettingsSchema = z.strictObject({
  capture: z.enum(["AUTOMATIC", "MANUAL"]).optional(),
  /** Which of Klarna's interfaces payments go through: the Klarna Network, or classic in-store sessions. */
  rail: z.enum(["NETWORK", "CLASSIC"]).optional(),
  /** Seconds until an unfinished journey is canceled. */
  expires_in: z.int().min(60).max(172_800).optional(),
  receipt_header: z.string().max(400).optional(),
  receipt_footer: z.string().max(400).optional(),
  qr_dark: colour.optional(),
  qr_light: colour.optional(),
  qr_margin: z.int().min(0).max(16).optional(),
  qr_error_correction: z.enum(["L", "M", "Q", "H"]).optional(),
  /** `brand`: the brand's logo in the middle of the code. */
  qr_logo: z.enum(QR_LOGOS).optional(),
  /** Of the customer's screen and of receipts; `auto`: by the store's country and the screen. */
  language: z.enum(["auto", ...LANGUAGES]).optional(),
  /** Of receipts; `auto`: by the store's address. */
  time_zone: z.union([z.literal("auto"), timeZoneSchema]).optional(),
  /** A paired till takes returns, of any sale of the Partner. */
  till_returns: z.boolean().optional(),
  /** The most that a paired till gives back of one sale, minor units; 0 is no limit. */
  till_return_limit: z.int().min(0).max(2_147_483_647).optional(),
  /** What the limit is stated in; `auto`: the Partner's own. A sale in another currency is not given back at a till. */
  till_return_currency: z
    .string()
    .regex(/^(auto|[A-Z]{3})$/, "must be auto or an ISO 4217 currency code")
    .optional(),
  /** A kiosk lets its customer type the amount. */
  kiosk_amount: z.boolean().optional(),
});
export type TerminalSettings = z.infer<typeof TerminalSettingsSchema>;
