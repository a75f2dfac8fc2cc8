import { z } from "zod";
import { SimulatedError, type ValidationError } from "../errors";
import { isRecord } from "../routing";

/** Reading what a management call sends: Klarna's way of naming a parameter, and the fields that many objects share. */

export function parameterOf(path: readonly PropertyKey[]): string {
  let parameter = "";
  for (const key of path) {
    if (typeof key === "number") parameter += `[${key}]`;
    else parameter += parameter === "" ? String(key) : `.${String(key)}`;
  }
  return parameter.slice(0, 256);
}

export function issuesOf(error: z.ZodError): ValidationError[] {
  return error.issues.slice(0, 50).map((issue) => ({
    parameter: parameterOf(issue.path) || "body",
    reason: issue.message.slice(0, 512),
  }));
}

export function refuse(errors: ValidationError[]): SimulatedError {
  return new SimulatedError("VALIDATION_ERROR", undefined, errors.slice(0, 50));
}

/** An update without what it takes away: `null` is no value of any field. */
export function present(body: unknown): unknown {
  if (!isRecord(body)) return body;
  return Object.fromEntries(
    Object.entries(body)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, present(value)]),
  );
}

/** What was, without the fields that an update sets to `null`. Ours: no page says how an optional field is taken away. */
export function cleared(before: Record<string, unknown>, body: unknown): Record<string, unknown> {
  if (!isRecord(body)) return before;
  const after = { ...before };
  for (const [key, value] of Object.entries(body)) {
    const old = after[key];
    if (value === null) delete after[key];
    else if (isRecord(old) && isRecord(value)) after[key] = cleared(old, value);
  }
  return after;
}

export function parseInput<S extends z.ZodType>(schema: S, body: unknown): z.infer<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw refuse(issuesOf(parsed.error));
}

/** One text for values that are equal, whatever the order of their keys. */
export function stableText(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isRecord(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}

export const ReferenceSchema = z.string("is required").min(1).max(255);
export const NameSchema = z.string("is required").min(1).max(255);
export const KrnSchema = z.string("is required").min(1).max(255);

// Assigned ISO 3166-1 alpha-2 codes.
const COUNTRIES = new Set(
  (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ " +
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR " +
    "GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP " +
    "KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT " +
    "MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW " +
    "SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG " +
    "UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"
  ).split(" "),
);

export const CountrySchema = z
  .string("is required")
  .refine((code) => COUNTRIES.has(code), "is not a known ISO 3166-1 alpha-2 code");

export const EmailSchema = z
  .string("is required")
  .regex(
    /^[^\s@"(),:;<>[\\\]]{1,64}@(?=.{1,255}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+$/,
    "is not an e-mail address",
  );

export const PhoneSchema = z.string().regex(/^\+[1-9]\d{4,14}$/, "must be in E.164 form, such as +18445527621");

export const McSchema = z.string("is required").regex(/^\d{4}$/, "must have four digits");

export const AddressSchema = z.looseObject({
  street_address: z.string("is required").min(1).max(255),
  street_address2: z.string().max(255).optional(),
  postal_code: z.string().max(32).optional(),
  city: z.string("is required").min(1).max(255),
  region: z.string().max(255).optional(),
  country: CountrySchema,
});

export const UrlSchema = z
  .string("is required")
  .max(2048)
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), "is not a web address");

export const ContactSchema = z.looseObject({
  given_name: NameSchema,
  family_name: NameSchema,
  email: EmailSchema,
  phone: PhoneSchema.optional(),
});

// --- business entity ---

/** The number of the company register, not the VAT number. Only the countries whose form is published are checked. */
function numberProblem(country: string, number: string): string | null {
  if (country === "AT") {
    if (/^ATU/i.test(number)) return "must be the company register number, not the VAT number";
    return number.length >= 5 && number.length <= 11 ? null : "must have 5 to 11 characters for AT";
  }
  if (country === "AU") return /^(?:\d{9}|\d{11})$/.test(number) ? null : "must have 9 or 11 digits for AU";
  return null;
}

const StakeholderSchema = z.looseObject({
  given_name: NameSchema.optional(),
  family_name: NameSchema.optional(),
  date_of_birth: z.iso.date("must be a date such as 1980-12-31").optional(),
  address: AddressSchema.partial().optional(),
  roles: z.array(z.string().min(1).max(64)).optional(),
});

const BusinessDataSchema = z.looseObject({
  legal_registration: z.looseObject({ number: z.string().min(1).max(64).optional() }).optional(),
  operating_addresses: z.array(AddressSchema).optional(),
  stakeholders: z.array(StakeholderSchema).optional(),
});

const BusinessEntityFields = z.looseObject({
  partner_business_entity_reference: ReferenceSchema,
  legal_registered_entity_name: NameSchema,
  legal_registration_country: CountrySchema,
  enabled_merchant_category_codes: z.array(McSchema).optional(),
  supplementary_business_data: BusinessDataSchema.optional(),
});

function checkNumber(
  entity: {
    legal_registration_country?: string | undefined;
    supplementary_business_data?: z.infer<typeof BusinessDataSchema> | undefined;
  },
  context: z.RefinementCtx,
): void {
  const number = entity.supplementary_business_data?.legal_registration?.number;
  if (number === undefined || entity.legal_registration_country === undefined) return;
  const message = numberProblem(entity.legal_registration_country, number);
  if (message === null) return;
  context.addIssue({
    code: "custom",
    message,
    path: ["supplementary_business_data", "legal_registration", "number"],
  });
}

export const BusinessEntitySchema = BusinessEntityFields.superRefine(checkNumber);
export const BusinessEntityPatchSchema = BusinessEntityFields.partial();

// --- brands, store groups, stores ---

export const BrandSchema = z.looseObject({
  brand_reference: ReferenceSchema,
  display_name: NameSchema,
  element: z
    .looseObject({
      logo_url: z.string().max(2048).optional(),
      icon_url: z.string().max(2048).optional(),
      feature_image_url: z.string().max(2048).optional(),
    })
    .optional(),
});
export const BrandPatchSchema = BrandSchema.partial();

const StoreFields = z.looseObject({
  store_reference: ReferenceSchema,
  type: z.enum(["WEBSITE", "PHYSICAL_STORE", "MOBILE_APP"], "must be WEBSITE, PHYSICAL_STORE or MOBILE_APP"),
  url: UrlSchema.optional(),
  address: AddressSchema.optional(),
  platform: z.string().min(1).max(64).optional(),
  bundle_names: z.array(z.string().min(1).max(255)).min(1).optional(),
});

const NEEDED = {
  WEBSITE: ["url"],
  PHYSICAL_STORE: ["address"],
  MOBILE_APP: ["platform", "bundle_names"],
} as const satisfies Record<string, readonly (keyof z.infer<typeof StoreFields>)[]>;

export const StoreInputSchema = StoreFields.superRefine((store, context) => {
  for (const field of NEEDED[store.type]) {
    if (store[field] !== undefined) continue;
    context.addIssue({ code: "custom", message: `is required for ${store.type}`, path: [field] });
  }
});
export type ManagedStoreInput = z.infer<typeof StoreInputSchema>;
export const StorePatchSchema = StoreFields.partial().extend({ store_group_id: KrnSchema.optional() });

const GroupDetails = {
  support_contact: z
    .looseObject({
      email: EmailSchema.optional(),
      phone: PhoneSchema.optional(),
      contact_form: UrlSchema.optional(),
    })
    .optional(),
  social_media_links: z.array(z.looseObject({ provider: z.string().min(1).max(64), url: UrlSchema })).optional(),
};

export const StoreGroupSchema = z.looseObject({
  store_group_reference: ReferenceSchema,
  brand_reference: ReferenceSchema.optional(),
  brand_id: KrnSchema.optional(),
  ...GroupDetails,
  stores: z.array(StoreInputSchema, "is required").min(1, "must have at least one store"),
});
export const StoreGroupPatchSchema = z.looseObject({
  store_group_reference: ReferenceSchema.optional(),
  brand_reference: ReferenceSchema.optional(),
  brand_id: KrnSchema.optional(),
  ...GroupDetails,
});

// --- products ---

export const PaymentAccountInputSchema = z.looseObject({
  payment_account_reference: ReferenceSchema,
  payment_acquiring_account_id: KrnSchema,
  default_merchant_category_code: McSchema,
  partner_business_entity_reference: ReferenceSchema.optional(),
  partner_business_entity_id: KrnSchema.optional(),
  default_store_group_reference: ReferenceSchema.optional(),
  default_store_group_id: KrnSchema.optional(),
});

export const OnboardSchema = z.looseObject({
  partner_account_reference: ReferenceSchema,
  partner_account_name: NameSchema.optional(),
  partner_account_contact: ContactSchema.optional(),
  products: z
    .array(
      z.looseObject({
        type: z.literal("PAYMENT", "must be PAYMENT"),
        payment_profile_id: KrnSchema,
        payment_accounts: z.array(PaymentAccountInputSchema, "is required").min(1, "must have at least one entry"),
      }),
    )
    .max(1, "an account has one product of type PAYMENT")
    .optional(),
  partner_business_entities: z.array(BusinessEntitySchema).optional(),
  store_groups: z.array(StoreGroupSchema).optional(),
  brands: z.array(BrandSchema).optional(),
  supplementary_account_data: z.looseObject({}).optional(),
  partner_account_relationships: z.array(z.looseObject({})).optional(),
});
export type OnboardInput = z.infer<typeof OnboardSchema>;

export const AccountPatchSchema = z.looseObject({
  partner_account_reference: ReferenceSchema.optional(),
  partner_account_name: NameSchema.optional(),
  partner_account_contact: ContactSchema.partial().optional(),
  supplementary_account_data: z.looseObject({}).optional(),
});

/** Fields that no page of Klarna's lists: kept as they come. */
export const LooseSchema = z.looseObject({});
