/* Kinds and states of stores, apart from the schemas, so that screens can name them without a parser. */

export const STORE_TYPES = ["PHYSICAL", "WEBSITE", "MOBILE_APP"] as const;
export type StoreType = (typeof STORE_TYPES)[number];
export const STORE_STATUSES = ["DRAFT", "ACTIVE", "ARCHIVED"] as const;
export type StoreStatus = (typeof STORE_STATUSES)[number];
export const STORE_SOURCES = ["REGISTERED", "PAYMENT"] as const;
export type StoreSource = (typeof STORE_SOURCES)[number];
/** Whether people can go there now. Klarna has no such field. */
export const OPENING_STATES = ["OPEN", "OPENING_SOON", "TEMPORARILY_CLOSED", "CLOSED"] as const;
export type OpeningState = (typeof OPENING_STATES)[number];
export const APP_PLATFORMS = ["IOS", "ANDROID"] as const;
export type AppPlatform = (typeof APP_PLATFORMS)[number];

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
export const OPENING_WORDS: Readonly<Record<OpeningState, string>> = {
  OPEN: "Open",
  OPENING_SOON: "Opening soon",
  TEMPORARILY_CLOSED: "Temporarily closed",
  CLOSED: "Closed",
};
export const PLATFORM_WORDS: Readonly<Record<AppPlatform, string>> = { IOS: "iOS", ANDROID: "Android" };

/** The settings that terminals inherit, in the order in which people read them. */
export const SETTING_NAMES = [
  "capture",
  "rail",
  "expires_in",
  "receipt_header",
  "receipt_footer",
  "qr_dark",
  "qr_light",
  "qr_margin",
  "qr_error_correction",
  "qr_logo",
  "language",
  "time_zone",
  "till_returns",
  "till_return_limit",
  "kiosk_amount",
] as const;
export type SettingName = (typeof SETTING_NAMES)[number];
