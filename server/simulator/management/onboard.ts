import { SimulatedError, type ValidationError } from "../errors";
import { iso, newUuid } from "../ids";
import type { Account } from "../model";
import { isRecord } from "../routing";
import { createAccount, nowFor, type Simulator } from "../simulator";
import { ACQUIRING_ACCOUNTS, PAYMENT_PROFILES } from "./catalogue";
import {
  AccountPatchSchema,
  cleared,
  type OnboardInput,
  OnboardSchema,
  PaymentAccountInputSchema,
  parseInput,
  present,
  refuse,
  stableText,
} from "./input";
import type { Data, PaymentAccount, Resource, ResourceKind } from "./model";
import { paymentAccountsOf, paymentAccountView, productView, requireProduct, startProduct } from "./products";
import {
  addBrand,
  addResource,
  addStore,
  addStoreGroup,
  brandNamed,
  brandView,
  businessEntityView,
  findByReference,
  merged,
  resourcesOf,
  storeGroupView,
  storeView,
} from "./resources";
import { managementOf } from "./settings";
import { scheduleStep } from "./steps";

/** A Partner account and all that belongs to it, in one call. */

export function accountByReference(sim: Simulator, reference: string): Account | undefined {
  for (const account of sim.state.accounts.values()) {
    if (account.partner_account_reference === reference) return account;
  }
  return undefined;
}

export function managedAccountView(account: Account): Record<string, unknown> {
  return {
    partner_account_id: account.account_id,
    partner_account_reference: account.partner_account_reference,
    partner_account_name: account.name,
    partner_account_contact: account.contact,
    state: account.state,
    ...(account.supplementary_account_data === null
      ? {}
      : { supplementary_account_data: account.supplementary_account_data }),
    created_at: iso(account.created_at),
    updated_at: iso(account.updated_at ?? account.created_at),
  };
}

/** Changes need an operational account; whether reads do is a setting. */
export function requireManageable(sim: Simulator, account: Account, isWrite: boolean): void {
  if (account.state === "DISABLED" && isWrite) {
    throw new SimulatedError("OPERATION_FORBIDDEN", "The account is DISABLED.");
  }
  if (account.state !== "PARTIALLY_OPERATIONAL") return;
  const refuses = managementOf(sim).partial_account_refuses;
  if (refuses === "all" || (refuses === "writes" && isWrite)) {
    throw new SimulatedError("OPERATION_FORBIDDEN", "The account is PARTIALLY_OPERATIONAL. Please try again later.");
  }
}

/** Finds everything that is wrong beyond the form of single fields. */
function referenceErrors(sim: Simulator, account: Account | undefined, input: OnboardInput): ValidationError[] {
  const errors: ValidationError[] = [];
  const add = (parameter: string, reason: string): void => void errors.push({ parameter, reason });

  if (account === undefined) {
    if (input.partner_account_name === undefined) add("partner_account_name", "is required");
    if (input.partner_account_contact === undefined) add("partner_account_contact", "is required");
    if ((input.products ?? []).length === 0) add("products", "must have at least one entry");
    if ((input.partner_business_entities ?? []).length === 0) {
      add("partner_business_entities", "must have at least one entry");
    }
    if ((input.store_groups ?? []).length === 0) add("store_groups", "must have at least one entry");
  }

  const known = (kind: ResourceKind, reference: string): boolean =>
    account !== undefined && findByReference(sim, account.account_id, kind, reference) !== undefined;
  const unique = (references: string[], parameterAt: (index: number) => string): Set<string> => {
    const seen = new Set<string>();
    references.forEach((reference, index) => {
      if (seen.has(reference)) add(parameterAt(index), "is given twice");
      seen.add(reference);
    });
    return seen;
  };
  const entities = unique(
    (input.partner_business_entities ?? []).map((entity) => entity.partner_business_entity_reference),
    (index) => `partner_business_entities[${index}].partner_business_entity_reference`,
  );
  const brands = unique(
    (input.brands ?? []).map((brand) => brand.brand_reference),
    (index) => `brands[${index}].brand_reference`,
  );
  const groups = unique(
    (input.store_groups ?? []).map((group) => group.store_group_reference),
    (index) => `store_groups[${index}].store_group_reference`,
  );
  const places: string[] = [];
  const stores: string[] = [];
  (input.store_groups ?? []).forEach((group, at) => {
    group.stores.forEach((store, index) => {
      stores.push(store.store_reference);
      places.push(`store_groups[${at}].stores[${index}].store_reference`);
    });
    const { brand_reference: reference } = group;
    if (reference !== undefined && !brands.has(reference) && !known("brand", reference)) {
      add(`store_groups[${at}].brand_reference`, "the brand does not exist in this call or on the account");
    }
    if (group.brand_id !== undefined && (account === undefined || !brandNamed(sim, account, group))) {
      add(`store_groups[${at}].brand_id`, "the brand does not exist on the account");
    }
  });
  unique(stores, (index) => places[index] ?? "store_groups");

  const accounts: string[] = [];
  const accountPlaces: string[] = [];
  (input.products ?? []).forEach((product, at) => {
    if (!PAYMENT_PROFILES.some((profile) => profile.payment_profile_id === product.payment_profile_id)) {
      add(`products[${at}].payment_profile_id`, "the payment profile does not exist");
    }
    product.payment_accounts.forEach((entry, index) => {
      const place = `products[${at}].payment_accounts[${index}]`;
      accounts.push(entry.payment_account_reference);
      accountPlaces.push(`${place}.payment_account_reference`);
      const entity = entry.partner_business_entity_reference;
      if (entity === undefined) add(`${place}.partner_business_entity_reference`, "is required");
      else if (!entities.has(entity) && !known("business_entity", entity)) {
        add(
          `${place}.partner_business_entity_reference`,
          "the partner business entity does not exist in this call or on the account",
        );
      }
      const group = entry.default_store_group_reference;
      if (group === undefined) add(`${place}.default_store_group_reference`, "is required");
      else if (!groups.has(group) && !known("store_group", group)) {
        add(`${place}.default_store_group_reference`, "the store group does not exist in this call or on the account");
      }
      if (!isAcquiringAccount(entry.payment_acquiring_account_id)) {
        add(`${place}.payment_acquiring_account_id`, "the payment acquiring account does not exist");
      }
      const owner = paymentAccountByReference(sim, entry.payment_account_reference);
      if (owner !== undefined && owner.account_id !== account?.account_id) {
        add(`${place}.payment_account_reference`, "is used by another account");
      }
    });
  });
  unique(accounts, (index) => accountPlaces[index] ?? "products");
  return errors;
}

function isAcquiringAccount(id: string): boolean {
  return ACQUIRING_ACCOUNTS.some((entry) => entry.payment_acquiring_account_id === id);
}

function paymentAccountByReference(sim: Simulator, reference: string): PaymentAccount | undefined {
  for (const entry of sim.state.paymentAccounts.values()) {
    if (entry.payment_account_reference === reference) return entry;
  }
  return undefined;
}

/** On an account that exists, what is sent again must be what is there. */
function conflictOf(sim: Simulator, account: Account, input: OnboardInput): string | null {
  const differs = (kind: ResourceKind, reference: string, data: Data): boolean => {
    const known = findByReference(sim, account.account_id, kind, reference);
    return known !== undefined && stableText(known.data) !== stableText(data);
  };
  for (const entity of input.partner_business_entities ?? []) {
    if (differs("business_entity", entity.partner_business_entity_reference, entity)) {
      return `The partner business entity ${entity.partner_business_entity_reference} exists with other data.`;
    }
  }
  for (const brand of input.brands ?? []) {
    if (differs("brand", brand.brand_reference, brand)) {
      return `The brand ${brand.brand_reference} exists with other data.`;
    }
  }
  for (const group of input.store_groups ?? []) {
    const known = findByReference(sim, account.account_id, "store_group", group.store_group_reference);
    for (const store of group.stores) {
      const other = account.stores.find((entry) => entry.store_reference === store.store_reference);
      if (other !== undefined && other.store_group_id !== known?.id) {
        return `The store ${store.store_reference} exists in another store group.`;
      }
    }
  }
  return null;
}

function resourceFor(
  sim: Simulator,
  account: Account,
  kind: ResourceKind,
  reference: string | undefined,
): Resource | undefined {
  return reference === undefined ? undefined : findByReference(sim, account.account_id, kind, reference);
}

/** Creates the account, or adds what is new to the one with the same reference. */
export function onboard(sim: Simulator, body: unknown): { account: Account; view: Record<string, unknown> } {
  const input = parseInput(OnboardSchema, body);
  const known = accountByReference(sim, input.partner_account_reference);
  if (known !== undefined) requireManageable(sim, known, true);
  const errors = referenceErrors(sim, known, input);
  if (errors.length > 0) throw refuse(errors);
  if (known !== undefined) {
    const conflict = conflictOf(sim, known, input);
    if (conflict !== null) throw new SimulatedError("RESOURCE_CONFLICT", conflict);
  }

  const account = known ?? openAccount(sim, input);
  for (const entity of input.partner_business_entities ?? []) {
    const reference = entity.partner_business_entity_reference;
    if (findByReference(sim, account.account_id, "business_entity", reference) === undefined) {
      addResource(sim, account, "business_entity", { reference, data: entity });
    }
  }
  for (const brand of input.brands ?? []) {
    if (findByReference(sim, account.account_id, "brand", brand.brand_reference) === undefined) {
      addBrand(sim, account, brand);
    }
  }
  for (const group of input.store_groups ?? []) {
    const existing = findByReference(sim, account.account_id, "store_group", group.store_group_reference);
    if (existing === undefined) {
      addStoreGroup(sim, account, group, brandNamed(sim, account, group) ?? null);
      continue;
    }
    for (const store of group.stores) {
      const isKnown = account.stores.some((entry) => entry.store_reference === store.store_reference);
      if (!isKnown) addStore(sim, account, store, existing);
    }
  }
  for (const product of input.products ?? []) {
    account.product.payment_profile_id ??= product.payment_profile_id;
    for (const entry of product.payment_accounts) {
      if (paymentAccountByReference(sim, entry.payment_account_reference) !== undefined) continue;
      const entity = resourceFor(sim, account, "business_entity", entry.partner_business_entity_reference);
      const group = resourceFor(sim, account, "store_group", entry.default_store_group_reference);
      if (entity !== undefined && group !== undefined) addPaymentAccount(sim, account, entry, entity, group);
    }
  }
  for (const relationship of input.partner_account_relationships ?? []) {
    addResource(sim, account, "relationship", { reference: null, data: relationship });
  }
  sim.state.accounts.put(account);
  return { account, view: onboardedView(sim, account) };
}

/** Gives an account that has no reference yet what an onboard call would have made. Answers as that call does. */
export function adopt(sim: Simulator, account: Account, body: unknown): Record<string, unknown> {
  const input = parseInput(OnboardSchema, body);
  const other = accountByReference(sim, input.partner_account_reference);
  if (other !== undefined && other !== account) {
    throw new SimulatedError("RESOURCE_CONFLICT", "An account with this reference exists.");
  }
  account.partner_account_reference = input.partner_account_reference;
  account.contact = input.partner_account_contact ?? account.contact;
  sim.state.accounts.put(account);
  return onboard(sim, body).view;
}

function openAccount(sim: Simulator, input: OnboardInput): Account {
  const account = createAccount(sim, {
    name: input.partner_account_name,
    country: input.partner_business_entities?.[0]?.legal_registration_country,
  });
  const now = nowFor(sim, account);
  account.partner_account_reference = input.partner_account_reference;
  account.contact = input.partner_account_contact ?? null;
  account.supplementary_account_data = input.supplementary_account_data ?? null;
  account.state = "PARTIALLY_OPERATIONAL";
  account.created_at = now;
  account.updated_at = now;
  const profile = input.products?.[0]?.payment_profile_id;
  if (profile !== undefined) startProduct(account, profile);
  scheduleStep(sim, account, "account_operational", managementOf(sim).operational_after_ms);
  return account;
}

function addPaymentAccount(
  sim: Simulator,
  account: Account,
  input: {
    payment_account_reference: string;
    payment_acquiring_account_id: string;
    default_merchant_category_code: string;
  },
  entity: Resource,
  group: Resource,
): PaymentAccount {
  const entry: PaymentAccount = {
    payment_account_id: `krn:partner:global:payment-account:test:${newUuid()}`,
    payment_account_reference: input.payment_account_reference,
    account_id: account.account_id,
    payment_acquiring_account_id: input.payment_acquiring_account_id,
    default_merchant_category_code: input.default_merchant_category_code,
    partner_business_entity_id: entity.id,
    default_store_group_id: group.id,
    created_at: nowFor(sim, account),
  };
  sim.state.paymentAccounts.put(entry);
  return entry;
}

function onboardedView(sim: Simulator, account: Account): Record<string, unknown> {
  const of = (kind: ResourceKind): Resource[] => resourcesOf(sim, account.account_id, kind);
  return {
    ...managedAccountView(account),
    products: [productView(sim, account)],
    partner_business_entities: of("business_entity").map(businessEntityView),
    brands: of("brand").map(brandView),
    store_groups: of("store_group").map((group) => storeGroupView(sim, account, group)),
  };
}

export function updateAccount(sim: Simulator, account: Account, body: unknown): void {
  const input = parseInput(AccountPatchSchema, present(body));
  const contact = isRecord(body) ? body.partner_account_contact : undefined;
  const reference = input.partner_account_reference;
  if (reference !== undefined) {
    const other = accountByReference(sim, reference);
    if (other !== undefined && other !== account) {
      throw new SimulatedError("RESOURCE_CONFLICT", "An account with this reference exists.");
    }
    account.partner_account_reference = reference;
  }
  account.name = input.partner_account_name ?? account.name;
  if (input.partner_account_contact !== undefined) {
    account.contact = merged(cleared(account.contact ?? {}, contact), input.partner_account_contact);
  }
  if (input.supplementary_account_data !== undefined) {
    account.supplementary_account_data = merged(
      account.supplementary_account_data ?? {},
      input.supplementary_account_data,
    );
  }
  account.updated_at = nowFor(sim, account);
  sim.state.accounts.put(account);
}

/** A further payment account below the product, from things that the account has. */
export function createPaymentAccount(
  sim: Simulator,
  account: Account,
  productId: string,
  body: unknown,
): Record<string, unknown> {
  requireProduct(account, productId);
  const input = parseInput(PaymentAccountInputSchema, body);
  const errors: ValidationError[] = [];
  const pick = (kind: ResourceKind, noun: string, id: string | undefined, reference: string | undefined) => {
    const found =
      id === undefined
        ? resourceFor(sim, account, kind, reference)
        : resourcesOf(sim, account.account_id, kind).find((entry) => entry.id === id);
    if (found === undefined) {
      const isMissing = id === undefined && reference === undefined;
      errors.push({
        parameter: `${noun}_${id === undefined ? "reference" : "id"}`,
        reason: isMissing ? "is required" : "does not exist on the account",
      });
    }
    return found;
  };
  const entity = pick(
    "business_entity",
    "partner_business_entity",
    input.partner_business_entity_id,
    input.partner_business_entity_reference,
  );
  const group = pick(
    "store_group",
    "default_store_group",
    input.default_store_group_id,
    input.default_store_group_reference,
  );
  if (!isAcquiringAccount(input.payment_acquiring_account_id)) {
    errors.push({ parameter: "payment_acquiring_account_id", reason: "the payment acquiring account does not exist" });
  }
  if (errors.length > 0 || entity === undefined || group === undefined) throw refuse(errors);
  if (paymentAccountByReference(sim, input.payment_account_reference) !== undefined) {
    throw new SimulatedError("RESOURCE_CONFLICT", "A payment account with this reference exists.");
  }
  return paymentAccountView(sim, account, addPaymentAccount(sim, account, input, entity, group));
}

/** Everything that the management side knows of an account, for the control API. */
export function wholeAccount(sim: Simulator, account: Account): Record<string, unknown> {
  return {
    ...onboardedView(sim, account),
    stores: account.stores.map(storeView),
    payment_accounts: paymentAccountsOf(sim, account.account_id).length,
  };
}
