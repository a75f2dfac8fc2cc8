import type { z } from "zod";
import { invalid, SimulatedError, type ValidationError } from "../errors";
import { iso, newStoreId, newUuid } from "../ids";
import type { Account, Store } from "../model";
import { isRecord } from "../routing";
import { nowFor, type Simulator } from "../simulator";
import {
  BrandPatchSchema,
  BrandSchema,
  BusinessEntityPatchSchema,
  BusinessEntitySchema,
  cleared,
  issuesOf,
  type ManagedStoreInput,
  parseInput,
  present,
  refuse,
  StoreGroupPatchSchema,
  StoreGroupSchema,
  StoreInputSchema,
  StorePatchSchema,
} from "./input";
import type { Data, Resource, ResourceKind } from "./model";
import { managementOf } from "./settings";
import { scheduleStep } from "./steps";

/** Business entities, brands, store groups and stores of an account. */

const KRN_NOUNS: Record<ResourceKind, string> = {
  business_entity: "business-entity",
  brand: "brand",
  store_group: "store-group",
  relationship: "account-relationship",
  user: "user",
};

const WORDS: Record<ResourceKind, string> = {
  business_entity: "partner business entity",
  brand: "brand",
  store_group: "store group",
  relationship: "relationship",
  user: "user",
};

export function resourcesOf(sim: Simulator, accountId: string, kind: ResourceKind): Resource[] {
  const found: Resource[] = [];
  for (const resource of sim.state.resources.values()) {
    if (resource.kind === kind && resource.account_id === accountId) found.push(resource);
  }
  return found;
}

export function findByReference(
  sim: Simulator,
  accountId: string,
  kind: ResourceKind,
  reference: string,
): Resource | undefined {
  for (const resource of sim.state.resources.values()) {
    if (resource.reference === reference && resource.kind === kind && resource.account_id === accountId) {
      return resource;
    }
  }
  return undefined;
}

export function getResource(sim: Simulator, account: Account, kind: ResourceKind, id: string): Resource {
  const resource = sim.state.resources.get(id);
  if (resource === undefined || resource.kind !== kind || resource.account_id !== account.account_id) {
    throw new SimulatedError("RESOURCE_NOT_FOUND", `The ${WORDS[kind]} does not exist.`);
  }
  return resource;
}

export function addResource(
  sim: Simulator,
  account: Account,
  kind: ResourceKind,
  input: { reference: string | null; data: Data; parent_id?: string | null; state?: string | null },
): Resource {
  const now = nowFor(sim, account);
  const resource: Resource = {
    id: `krn:partner:global:${KRN_NOUNS[kind]}:test:${newUuid()}`,
    kind,
    account_id: account.account_id,
    reference: input.reference,
    parent_id: input.parent_id ?? null,
    state: input.state ?? null,
    data: input.data,
    created_at: now,
    updated_at: now,
  };
  sim.state.resources.put(resource);
  return resource;
}

function saveResource(sim: Simulator, account: Account, resource: Resource): void {
  resource.updated_at = nowFor(sim, account);
  sim.state.resources.put(resource);
}

/** What is given replaces what was; inside an object, what is not given stays. */
export function merged(before: Data, change: Data): Data {
  const after: Data = { ...before };
  for (const [key, value] of Object.entries(change)) {
    const old = after[key];
    after[key] = isRecord(old) && isRecord(value) ? merged(old, value) : value;
  }
  return after;
}

function requireFreeReference(
  sim: Simulator,
  account: Account,
  kind: ResourceKind,
  reference: string,
  own?: Resource,
): void {
  const other = findByReference(sim, account.account_id, kind, reference);
  if (other === undefined || other === own) return;
  throw new SimulatedError("RESOURCE_CONFLICT", `A ${WORDS[kind]} with this reference exists.`);
}

function without(data: Data, ...keys: string[]): Data {
  return Object.fromEntries(Object.entries(data).filter(([key]) => !keys.includes(key)));
}

function times(resource: Resource): { created_at: string; updated_at: string } {
  return { created_at: iso(resource.created_at), updated_at: iso(resource.updated_at) };
}

// --- business entities ---

export function businessEntityView(entity: Resource): Record<string, unknown> {
  return { partner_business_entity_id: entity.id, ...entity.data, ...times(entity) };
}

export function createBusinessEntity(sim: Simulator, account: Account, body: unknown): Resource {
  const data = parseInput(BusinessEntitySchema, body);
  requireFreeReference(sim, account, "business_entity", data.partner_business_entity_reference);
  return addResource(sim, account, "business_entity", {
    reference: data.partner_business_entity_reference,
    data: without(data, "partner_business_entity_id"),
  });
}

export function updateBusinessEntity(sim: Simulator, account: Account, entity: Resource, body: unknown): void {
  const change = parseInput(BusinessEntityPatchSchema, present(body));
  const whole = parseInput(
    BusinessEntitySchema,
    merged(cleared(entity.data, body), without(change, "partner_business_entity_id", "created_at", "updated_at")),
  );
  requireFreeReference(sim, account, "business_entity", whole.partner_business_entity_reference, entity);
  entity.reference = whole.partner_business_entity_reference;
  entity.data = whole;
  saveResource(sim, account, entity);
}

// --- brands ---

export function brandView(brand: Resource): Record<string, unknown> {
  return { brand_id: brand.id, ...brand.data, ...times(brand) };
}

function checkBrandSoon(sim: Simulator, account: Account, brand: Resource): void {
  scheduleStep(sim, account, "brand_check", managementOf(sim).operational_after_ms, brand.id);
}

export function addBrand(sim: Simulator, account: Account, data: z.infer<typeof BrandSchema>): Resource {
  const brand = addResource(sim, account, "brand", {
    reference: data.brand_reference,
    data: without(data, "brand_id"),
  });
  checkBrandSoon(sim, account, brand);
  return brand;
}

export function createBrand(sim: Simulator, account: Account, body: unknown): Resource {
  const data = parseInput(BrandSchema, body);
  requireFreeReference(sim, account, "brand", data.brand_reference);
  return addBrand(sim, account, data);
}

export function updateBrand(sim: Simulator, account: Account, brand: Resource, body: unknown): void {
  const change = parseInput(BrandPatchSchema, present(body));
  const whole = parseInput(
    BrandSchema,
    merged(cleared(brand.data, body), without(change, "brand_id", "created_at", "updated_at")),
  );
  requireFreeReference(sim, account, "brand", whole.brand_reference, brand);
  brand.reference = whole.brand_reference;
  brand.data = whole;
  saveResource(sim, account, brand);
  nameStores(sim, account);
  checkBrandSoon(sim, account, brand);
}

/** A store has no name of its own: customers see that of its brand. */
function nameStores(sim: Simulator, account: Account): void {
  for (const store of account.stores) {
    const group = store.store_group_id === null ? undefined : sim.state.resources.get(store.store_group_id);
    if (group !== undefined) store.name = nameInGroup(sim, account, group);
  }
  sim.state.accounts.put(account);
}

function nameInGroup(sim: Simulator, account: Account, group: Resource): string {
  const brand = group.parent_id === null ? undefined : sim.state.resources.get(group.parent_id);
  const name = brand?.data.display_name;
  return typeof name === "string" ? name : account.name;
}

// --- store groups ---

export function storesOf(account: Account, groupId: string): Store[] {
  return account.stores.filter((store) => store.store_group_id === groupId);
}

export function storeGroupView(sim: Simulator, account: Account, group: Resource): Record<string, unknown> {
  const brand = group.parent_id === null ? undefined : sim.state.resources.get(group.parent_id);
  return {
    store_group_id: group.id,
    ...without(group.data, "stores", "brand_reference", "brand_id"),
    brand_id: brand?.id ?? null,
    brand_reference: brand?.reference ?? null,
    stores: storesOf(account, group.id).map(storeView),
    ...times(group),
  };
}

/** The brand that a store group names; undefined where it names none that exists. */
export function brandNamed(
  sim: Simulator,
  account: Account,
  named: { brand_id?: string | undefined; brand_reference?: string | undefined },
): Resource | null | undefined {
  if (named.brand_id !== undefined) {
    const brand = sim.state.resources.get(named.brand_id);
    return brand?.kind === "brand" && brand.account_id === account.account_id ? brand : undefined;
  }
  if (named.brand_reference === undefined) return null;
  return findByReference(sim, account.account_id, "brand", named.brand_reference);
}

export function addStoreGroup(
  sim: Simulator,
  account: Account,
  data: z.infer<typeof StoreGroupSchema>,
  brand: Resource | null,
): Resource {
  const group = addResource(sim, account, "store_group", {
    reference: data.store_group_reference,
    parent_id: brand?.id ?? null,
    data: without(data, "stores", "store_group_id", "brand_reference", "brand_id"),
  });
  for (const store of data.stores) addStore(sim, account, store, group);
  return group;
}

function brandOrRefuse(
  sim: Simulator,
  account: Account,
  named: { brand_id?: string | undefined; brand_reference?: string | undefined },
): Resource | null {
  const brand = brandNamed(sim, account, named);
  if (brand !== undefined) return brand;
  throw invalid(named.brand_id === undefined ? "brand_reference" : "brand_id", "the brand does not exist");
}

export function createStoreGroup(sim: Simulator, account: Account, body: unknown): Resource {
  const data = parseInput(StoreGroupSchema, body);
  const brand = brandOrRefuse(sim, account, data);
  requireFreeReference(sim, account, "store_group", data.store_group_reference);
  const seen = new Set<string>();
  const errors: ValidationError[] = [];
  data.stores.forEach((store, index) => {
    const parameter = `stores[${index}].store_reference`;
    if (seen.has(store.store_reference)) errors.push({ parameter, reason: "is given twice" });
    seen.add(store.store_reference);
  });
  if (errors.length > 0) throw refuse(errors);
  for (const store of data.stores) requireFreeStore(account, store.store_reference);
  return addStoreGroup(sim, account, data, brand);
}

export function updateStoreGroup(sim: Simulator, account: Account, group: Resource, body: unknown): void {
  const change = parseInput(StoreGroupPatchSchema, present(body));
  const brand = brandOrRefuse(sim, account, change);
  const reference = change.store_group_reference ?? group.reference;
  if (reference !== null) requireFreeReference(sim, account, "store_group", reference, group);
  group.reference = reference;
  if (brand !== null) group.parent_id = brand.id;
  group.data = merged(
    cleared(group.data, body),
    without(change, "stores", "store_group_id", "brand_reference", "brand_id", "created_at", "updated_at"),
  );
  saveResource(sim, account, group);
  nameStores(sim, account);
}

// --- stores ---

export function storeView(store: Store): Record<string, unknown> {
  return {
    store_id: store.store_id,
    store_reference: store.store_reference,
    type: store.type,
    store_group_id: store.store_group_id,
    ...(store.url === null ? {} : { url: store.url }),
    ...(store.address === null ? {} : { address: store.address }),
    ...(store.platform === null ? {} : { platform: store.platform }),
    ...(store.bundle_names.length === 0 ? {} : { bundle_names: store.bundle_names }),
  };
}

export function getStore(account: Account, id: string): Store {
  const store = account.stores.find((entry) => entry.store_id === id);
  if (store === undefined) throw new SimulatedError("RESOURCE_NOT_FOUND", "The store does not exist.");
  return store;
}

function requireFreeStore(account: Account, reference: string, own?: Store): void {
  const other = account.stores.find((store) => store.store_reference === reference);
  if (other === undefined || other === own) return;
  throw new SimulatedError("RESOURCE_CONFLICT", "A store with this reference exists.");
}

export function addStore(sim: Simulator, account: Account, input: ManagedStoreInput, group: Resource): Store {
  const store: Store = {
    store_id: newStoreId(),
    store_reference: input.store_reference,
    name: nameInGroup(sim, account, group),
    type: input.type,
    address: input.address ?? null,
    onboarded_by: "management",
    store_group_id: group.id,
    url: input.url ?? null,
    platform: input.platform ?? null,
    bundle_names: input.bundle_names ?? [],
  };
  account.stores.push(store);
  sim.state.accounts.put(account);
  return store;
}

function groupOrRefuse(sim: Simulator, account: Account, id: unknown, reference: unknown): Resource {
  if (typeof id === "string") {
    const group = sim.state.resources.get(id);
    if (group?.kind === "store_group" && group.account_id === account.account_id) return group;
    throw invalid("store_group_id", "the store group does not exist");
  }
  if (typeof reference === "string") {
    const group = findByReference(sim, account.account_id, "store_group", reference);
    if (group !== undefined) return group;
    throw invalid("store_group_reference", "the store group does not exist");
  }
  const [only, ...more] = resourcesOf(sim, account.account_id, "store_group");
  if (only === undefined || more.length > 0) throw invalid("store_group_id", "is required");
  return only;
}

export function createStore(sim: Simulator, account: Account, body: unknown): Store {
  const input = parseInput(StoreInputSchema, body);
  const group = groupOrRefuse(sim, account, input.store_group_id, input.store_group_reference);
  requireFreeStore(account, input.store_reference);
  return addStore(sim, account, input, group);
}

export function updateStore(sim: Simulator, account: Account, store: Store, body: unknown): void {
  const change = parseInput(StorePatchSchema, present(body));
  const was = cleared({ url: store.url, address: store.address, platform: store.platform }, body);
  const group =
    change.store_group_id === undefined ? null : groupOrRefuse(sim, account, change.store_group_id, undefined);
  const address = isRecord(change.address)
    ? merged(isRecord(was.address) ? was.address : {}, change.address)
    : was.address;
  const whole = StoreInputSchema.safeParse({
    store_reference: change.store_reference ?? store.store_reference ?? store.store_id,
    type: change.type ?? store.type,
    url: change.url ?? was.url ?? undefined,
    address: address ?? undefined,
    platform: change.platform ?? was.platform ?? undefined,
    bundle_names: change.bundle_names ?? (store.bundle_names.length === 0 ? undefined : store.bundle_names),
  });
  if (!whole.success) throw refuse(issuesOf(whole.error));
  if (change.store_reference !== undefined) requireFreeStore(account, change.store_reference, store);
  store.store_reference = change.store_reference ?? store.store_reference;
  store.type = whole.data.type;
  store.url = whole.data.url ?? null;
  store.address = whole.data.address ?? null;
  store.platform = whole.data.platform ?? null;
  store.bundle_names = whole.data.bundle_names ?? [];
  if (group !== null) {
    store.store_group_id = group.id;
    store.name = nameInGroup(sim, account, group);
  }
  account.updated_at = nowFor(sim, account);
  sim.state.accounts.put(account);
}
