/* Kinds and states of stores, apart from the schemas, so that screens can name them without a parser. */

export const STORE_TYPES = ["PHYSICAL", "WEBSITE", "MOBILE_APP"] as const;
export type StoreType = (typeof STORE_TYPES)[number];
export const STORE_STATUSES = ["DRAFT", "ACTIVE", "ARCHIVED"] as const;
export type StoreStatus = (typeof STORE_STATUSES)[number];
export const STORE_SOURCES = ["REGISTERED", "PAYMENT"] as const;
export type StoreSource = (typeof STORE_SOURCES)[number];

/** Plain words for people. */
export const STORE_TYPE_WORDS: Readonly<Record<StoreType, string>> = {
  PHYSICAL: "Physical",
  WEBSITE: "Website",
  MOBILE_APP: "Mobile app",
};
export const STORE_STATUS_WORDS: Readonly<Record<StoreStatus, string>> = {
  DRAFT: "Draft",
  ACTIVE: "Active",
  ARCHIVED: "Archived",
};
