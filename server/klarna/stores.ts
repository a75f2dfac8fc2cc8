import {
  accountPath,
  type ManagementTarget,
  type ManagementWrite,
  manage,
  readAll,
  WireBrandSchema,
  WireStoreGroupSchema,
  WireStoreSchema,
} from "./accounts";
import type { KlarnaClient } from "./client";

/*
 * Brands, store groups and stores of an account. A group is created with its first stores; a store cannot be deleted.
 * Source: pages on partner stores and brands.
 */
const part = encodeURIComponent;
const brands = (accountId: string): string => `${accountPath(accountId)}/brands`;
const groups = (accountId: string): string => `${accountPath(accountId)}/store-groups`;
const stores = (accountId: string): string => `${accountPath(accountId)}/stores`;

export const createBrand = (client: KlarnaClient, target: ManagementTarget, write: ManagementWrite) =>
  manage(client, target, { method: "POST", path: brands(target.accountId), ...write });
export const updateBrand = (client: KlarnaClient, target: ManagementTarget, id: string, write: ManagementWrite) =>
  manage(client, target, { method: "PATCH", path: `${brands(target.accountId)}/${part(id)}`, ...write });
export const listBrands = (client: KlarnaClient, target: ManagementTarget) =>
  readAll(client, target, {
    path: brands(target.accountId),
    key: "brands",
    schema: WireBrandSchema,
  });

export const createStoreGroup = (client: KlarnaClient, target: ManagementTarget, write: ManagementWrite) =>
  manage(client, target, { method: "POST", path: groups(target.accountId), ...write });
export const updateStoreGroup = (client: KlarnaClient, target: ManagementTarget, id: string, write: ManagementWrite) =>
  manage(client, target, { method: "PATCH", path: `${groups(target.accountId)}/${part(id)}`, ...write });
export const listStoreGroups = (client: KlarnaClient, target: ManagementTarget) =>
  readAll(client, target, {
    path: groups(target.accountId),
    key: "store_groups",
    schema: WireStoreGroupSchema,
  });

export const createStore = (client: KlarnaClient, target: ManagementTarget, write: ManagementWrite) =>
  manage(client, target, { method: "POST", path: stores(target.accountId), ...write });
export const updateStore = (client: KlarnaClient, target: ManagementTarget, id: string, write: ManagementWrite) =>
  manage(client, target, { method: "PATCH", path: `${stores(target.accountId)}/${part(id)}`, ...write });
export const listStores = (client: KlarnaClient, target: ManagementTarget) =>
  readAll(client, target, {
    path: stores(target.accountId),
    key: "stores",
    schema: WireStoreSchema,
  });
