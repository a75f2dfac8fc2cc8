import { z } from "zod";
import { countrySchema, currencySchema, lineSchema, nameSchema, referenceSchema } from "@/server/core/schema";
import {
  BrandInputSchema,
  type BrandView,
  type Contact,
  ContactSchema,
  EntityInputSchema,
  type EntityView,
  orNull,
  PaymentAccountInputSchema,
  type PaymentAccountView,
  StoreGroupInputSchema,
  type StoreGroupView,
} from "./schema-account";
import { type AccountState, ONBOARDING_STATES, type OnboardingState } from "./states";

/* The draft of an onboarding: its sections, what is wrong with it, what is missing. */

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
