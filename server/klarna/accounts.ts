import { z } from "zod";
import type { Mode } from "@/server/core/schema";
import type { KlarnaClient, KlarnaOutcome } from "./client";
import { instant } from "./wire";

/*
 * Klarna's management operations on the wire: accounts, business entities, products, payment accounts, and what the
 * acquirer may choose from. Brands, store groups and stores stand in `stores.ts`. Answers are read with tolerance.
 * Source: pages on onboarding, partner accounts, business entities, payment products and accounts, price plans.
 */
const part = encodeURIComponent;
export const accountPath = (accountId: string): string => `/v2/accounts/${part(accountId)}`;
const PATHS = {
  onboard: "/v2/distribution/onboard",
  entities: (accountId: string) => `${accountPath(accountId)}/partner-business-entities`,
  products: (accountId: string) => `${accountPath(accountId)}/products/payment`,
  decisions: (accountId: string) => `${accountPath(accountId)}/compliance-decisions`,
  pricePlans: "/v2/distribution/products/payment/price-plans",
  profiles: "/v2/distribution/products/payment/profiles",
  acquiringAccounts: "/v2/account/acquiring/accounts",
};

export const text = z.string().max(8192);
const nullish = text.nullish().transform((value) => value ?? null);

export const WireAddressSchema = z.looseObject({
  street_address: text.optional(),
  street_address2: text.optional(),
  postal_code: text.optional(),
  city: text.optional(),
  region: text.optional(),
  country: text.optional(),
});
export type WireAddress = z.infer<typeof WireAddressSchema>;

export const WireAccountSchema = z.looseObject({
  partner_account_id: text,
  partner_account_reference: nullish,
  partner_account_name: nullish,
  partner_account_contact: z
    .looseObject({
      given_name: text.optional(),
      family_name: text.optional(),
      email: text.optional(),
      phone: text.optional(),
    })
    .nullish(),
  state: text.optional(),
});
export type WireAccount = z.infer<typeof WireAccountSchema>;

const StakeholderSchema = z.looseObject({
  given_name: text.optional(),
  family_name: text.optional(),
  date_of_birth: text.optional(),
  address: WireAddressSchema.optional(),
  national_identification: z.looseObject({ number: text.optional(), country: text.optional() }).optional(),
  roles: z.array(text).optional(),
});

export const WireEntitySchema = z.looseObject({
  partner_business_entity_id: text,
  partner_business_entity_reference: nullish,
  legal_registered_entity_name: text.optional(),
  legal_registration_country: text.optional(),
  supplementary_business_data: z
    .looseObject({
      legal_registration: z
        .looseObject({
          number: text.optional(),
          authority: text.optional(),
          entity_type: text.optional(),
          tax_number: text.optional(),
          financial_conduct_authority_number: text.optional(),
          address: WireAddressSchema.optional(),
        })
        .optional(),
      operating_addresses: z.array(WireAddressSchema).optional(),
      stakeholders: z.array(StakeholderSchema).optional(),
      partner_payouts_state: z.looseObject({}).optional(),
    })
    .optional(),
});
export type WireEntity = z.infer<typeof WireEntitySchema>;

export const WirePaymentAccountSchema = z.looseObject({
  payment_account_id: text,
  payment_account_reference: text,
  payment_acquiring_account_id: text.optional(),
  default_merchant_category_code: text.optional(),
  partner_business_entity_reference: nullish,
  default_store_group_reference: nullish,
  state: text.optional(),
});
export type WirePaymentAccount = z.infer<typeof WirePaymentAccountSchema>;

export const WireDecisionSchema = z.looseObject({
  compliance_decision_id: text,
  reason: text,
  outcome: text,
  created_at: instant,
});
export type WireDecision = z.infer<typeof WireDecisionSchema>;

export const WireProductSchema = z.looseObject({
  product_id: text,
  type: text.optional(),
  state: text,
  pending_state: nullish,
  payment_profile_id: nullish,
  compliance_decision: WireDecisionSchema.optional(),
  payment_accounts: z.array(WirePaymentAccountSchema).default([]),
  state_changed_at: instant,
  state_changed_by: nullish,
});
export type WireProduct = z.infer<typeof WireProductSchema>;

export const WireBrandSchema = z.looseObject({
  brand_id: text,
  brand_reference: nullish,
  display_name: text.optional(),
  element: z
    .looseObject({ logo_url: text.optional(), icon_url: text.optional(), feature_image_url: text.optional() })
    .optional(),
});
export type WireBrand = z.infer<typeof WireBrandSchema>;

export const WireStoreSchema = z.looseObject({
  store_id: text,
  store_reference: nullish,
  type: text.optional(),
  store_group_id: nullish,
  url: text.optional(),
  address: WireAddressSchema.optional(),
  platform: text.optional(),
  bundle_names: z.array(text).optional(),
});
export type WireStore = z.infer<typeof WireStoreSchema>;

export const WireStoreGroupSchema = z.looseObject({
  store_group_id: text,
  store_group_reference: nullish,
  brand_id: nullish,
  brand_reference: nullish,
  support_contact: z
    .looseObject({ email: text.optional(), phone: text.optional(), contact_form: text.optional() })
    .optional(),
  social_media_links: z.array(z.looseObject({ provider: text, url: text })).optional(),
  stores: z.array(WireStoreSchema).default([]),
});
export type WireStoreGroup = z.infer<typeof WireStoreGroupSchema>;

export const OnboardAnswerSchema = WireAccountSchema.extend({
  products: z.array(WireProductSchema).default([]),
  partner_business_entities: z.array(WireEntitySchema).default([]),
  brands: z.array(WireBrandSchema).default([]),
  store_groups: z.array(WireStoreGroupSchema).default([]),
});
export type OnboardAnswer = z.infer<typeof OnboardAnswerSchema>;

export type ManagementTarget = { mode: Mode; accountId: string; sessionReference: string };
/** A write: its key comes from the journal row, so that a repeat is the same call. Source: KNR-S5. */
export type ManagementWrite = { idempotencyKey: string; body: unknown };

const READ_BUDGET = { budgetMs: 8_000, attemptsMax: 3 };
/** The account with all its stores is one call and may take long. */
const ONBOARD_BUDGET = { budgetMs: 30_000, attemptsMax: 2 };

export function manage(
  client: KlarnaClient,
  target: Pick<ManagementTarget, "mode" | "sessionReference">,
  call: { method: "GET" | "POST" | "PATCH"; path: string } & Partial<ManagementWrite>,
): Promise<KlarnaOutcome> {
  const { mode, sessionReference } = target;
  if (call.method === "GET")
    return client.call(
      { mode, operation: "account_read", method: "GET", path: call.path, sessionReference },
      READ_BUDGET,
    );
  return client.call({
    mode,
    operation: "account_write",
    method: call.method,
    path: call.path,
    body: call.body ?? {},
    ...(call.idempotencyKey === undefined ? {} : { idempotencyKey: call.idempotencyKey }),
    sessionReference,
  });
}

/** Creates the account with everything below it, or adds to the one with this reference. Answer: OnboardAnswerSchema. */
export function onboardPartner(
  client: KlarnaClient,
  target: Pick<ManagementTarget, "mode" | "sessionReference">,
  write: ManagementWrite,
): Promise<KlarnaOutcome> {
  return client.call(
    {
      mode: target.mode,
      operation: "onboard",
      method: "POST",
      path: PATHS.onboard,
      body: write.body,
      idempotencyKey: write.idempotencyKey,
      sessionReference: target.sessionReference,
    },
    ONBOARD_BUDGET,
  );
}

export const readAccount = (client: KlarnaClient, target: ManagementTarget) =>
  manage(client, target, { method: "GET", path: accountPath(target.accountId) });
export const updateAccount = (client: KlarnaClient, target: ManagementTarget, write: ManagementWrite) =>
  manage(client, target, { method: "PATCH", path: accountPath(target.accountId), ...write });

export const createEntity = (client: KlarnaClient, target: ManagementTarget, write: ManagementWrite) =>
  manage(client, target, { method: "POST", path: PATHS.entities(target.accountId), ...write });
export const updateEntity = (client: KlarnaClient, target: ManagementTarget, id: string, write: ManagementWrite) =>
  manage(client, target, { method: "PATCH", path: `${PATHS.entities(target.accountId)}/${part(id)}`, ...write });

/** The one payment product of the account, in a list of one. Answer: `{ payment_products }`. */
export const listProducts = (client: KlarnaClient, target: ManagementTarget) =>
  manage(client, target, { method: "GET", path: PATHS.products(target.accountId) });
/** No new payments from now on, or again. About once per account and second; Klarna may take ten minutes. */
export const switchProduct = (
  client: KlarnaClient,
  target: ManagementTarget,
  productId: string,
  to: "enable" | "disable",
  idempotencyKey: string,
) =>
  manage(client, target, {
    method: "POST",
    path: `${PATHS.products(target.accountId)}/${part(productId)}/${to}`,
    body: {},
    idempotencyKey,
  });
export const createPaymentAccount = (
  client: KlarnaClient,
  target: ManagementTarget,
  productId: string,
  write: ManagementWrite,
) =>
  manage(client, target, {
    method: "POST",
    path: `${PATHS.products(target.accountId)}/${part(productId)}/payment-accounts`,
    ...write,
  });

const PageSchema = z.looseObject({ pagination: z.looseObject({ last_item: nullish }).optional() });

/** Reads a list to its end, 500 at a time. `null` when a page could not be read. */
export async function readAll<T>(
  client: KlarnaClient,
  target: Pick<ManagementTarget, "mode" | "sessionReference">,
  list: { path: string; key: string; schema: z.ZodType<T> },
): Promise<T[] | null> {
  const items: T[] = [];
  let after: string | null = null;
  for (let page = 0; page < 1_000; page += 1) {
    const query: string = after === null ? "?size=500" : `?size=500&starting_after=${part(after)}`;
    const outcome = await manage(client, target, { method: "GET", path: `${list.path}${query}` });
    if (outcome.kind !== "answered") return null;
    const parsed = PageSchema.safeParse(outcome.body);
    const found = parsed.success ? z.array(list.schema).safeParse(parsed.data[list.key]) : null;
    if (!parsed.success || !found?.success) return null;
    items.push(...found.data);
    const last = parsed.data.pagination?.last_item ?? null;
    if (last === null || found.data.length === 0) return items;
    after = last;
  }
  return null;
}

export const listEntities = (client: KlarnaClient, target: ManagementTarget) =>
  readAll(client, target, {
    path: PATHS.entities(target.accountId),
    key: "partner_business_entities",
    schema: WireEntitySchema,
  });

export const listDecisions = (client: KlarnaClient, target: ManagementTarget) =>
  readAll(client, target, {
    path: PATHS.decisions(target.accountId),
    key: "compliance_decisions",
    schema: WireDecisionSchema,
  });

// --- What Klarna provisions and we choose from ---

export const PaymentProfileSchema = z.looseObject({
  payment_profile_id: text,
  name: text.optional(),
  price_plan_id: text.optional(),
  payment_programs: z.array(text).default([]),
});
export type PaymentProfile = z.infer<typeof PaymentProfileSchema>;

export const AcquiringAccountSchema = z.looseObject({
  payment_acquiring_account_id: text,
  acquiring_entity_name: text.optional(),
  klarna_legal_entity: text.optional(),
  currencies: z.array(text).default([]),
});
export type AcquiringAccount = z.infer<typeof AcquiringAccountSchema>;

export const PricePlanSchema = z.looseObject({
  price_plan_id: text,
  name: text.optional(),
  version: z.number().optional(),
  effective_from: text.optional(),
  rates: z.array(z.looseObject({})).default([]),
});
export type PricePlan = z.infer<typeof PricePlanSchema>;

type Acquirer = Pick<ManagementTarget, "mode" | "sessionReference">;
export const listPaymentProfiles = (client: KlarnaClient, target: Acquirer) =>
  readAll(client, target, {
    path: PATHS.profiles,
    key: "payment_profiles",
    schema: PaymentProfileSchema,
  });
export const listAcquiringAccounts = (client: KlarnaClient, target: Acquirer) =>
  readAll(client, target, {
    path: PATHS.acquiringAccounts,
    key: "payment_acquiring_accounts",
    schema: AcquiringAccountSchema,
  });
export const listPricePlans = (client: KlarnaClient, target: Acquirer) =>
  readAll(client, target, {
    path: PATHS.pricePlans,
    key: "price_plans",
    schema: PricePlanSchema,
  });
