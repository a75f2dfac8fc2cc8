import { z } from "zod";
import {
  type Address,
  addressSchema,
  countrySchema,
  currencySchema,
  emailSchema,
  lineSchema,
  modeSchema,
  nameSchema,
  referenceSchema,
} from "@/server/core/schema";
import { phoneSchema, webAddressSchema } from "@/server/domain/partners/schema-account";
import { QR_LOGOS, type TerminalSettings, TerminalSettingsSchema } from "@/server/domain/partners/schema-settings";
import {
  APP_PLATFORMS,
  type AppPlatform,
  OPENING_STATES,
  type OpeningState,
  STORE_SOURCES,
  STORE_STATUSES,
  STORE_TYPES,
  type StoreSource,
  type StoreStatus,
  type StoreType,
} from "./states";

export const StoreTypeSchema = z.enum(STORE_TYPES);
export const StoreStatusSchema = z.enum(STORE_STATUSES);
export const StoreSourceSchema = z.enum(STORE_SOURCES);
export const OpeningStateSchema = z.enum(OPENING_STATES);
export const AppPlatformSchema = z.enum(APP_PLATFORMS);

export const STORE_SORTS = ["created_at", "name"] as const;
export const StoreFilterSchema = z.strictObject({
  /** Part of the name, reference, web address, street, postal code, city, or of an id of ours or Klarna's. */
  search: lineSchema(1, 255).optional(),
  partner: lineSchema(1, 60).optional(),
  country: z.array(countrySchema).max(60).optional(),
  type: z.array(StoreTypeSchema).optional(),
  status: z.array(StoreStatusSchema).optional(),
  source: z.array(StoreSourceSchema).optional(),
  opening: z.array(OpeningStateSchema).optional(),
  storeGroup: lineSchema(1, 60).optional(),
  brand: lineSchema(1, 60).optional(),
  /** Only stores in use that no terminal can show a QR code in. */
  lacksQr: z.boolean().optional(),
  /** Only those that came with a payment and belong to no group yet. */
  isUnsorted: z.boolean().optional(),
  createdFrom: z.iso.datetime({ offset: true }).optional(),
  createdTo: z.iso.datetime({ offset: true }).optional(),
  reference: referenceSchema.optional(),
});
export type StoreFilter = z.infer<typeof StoreFilterSchema>;

// --- What our own code registers without asking Klarna: the seed and tests ---------------------------------------------

export const CreateStoreSchema = z
  .strictObject({
    partnerId: z.string(),
    reference: referenceSchema,
    name: nameSchema,
    type: StoreTypeSchema.default("PHYSICAL"),
    storeGroupId: z.string().nullable().default(null),
    address: addressSchema.nullable().default(null),
    country: countrySchema.nullable().default(null),
    url: z
      .url({ protocol: /^https?$/ })
      .max(1024)
      .nullable()
      .default(null),
    klarnaStoreId: lineSchema(1, 255).nullable().default(null),
  })
  .refine((store) => store.type !== "PHYSICAL" || store.address !== null, {
    path: ["address"],
    message: "a physical store has an address",
  });
export type CreateStoreInput = z.input<typeof CreateStoreSchema>;

export const CreateBrandSchema = z.strictObject({
  partnerId: z.string(),
  name: nameSchema,
  website: z
    .url({ protocol: /^https?$/ })
    .max(1024)
    .nullable()
    .default(null),
});
export type CreateBrandInput = z.input<typeof CreateBrandSchema>;
export const CreateStoreGroupSchema = z.strictObject({ partnerId: z.string(), brandId: z.string(), name: nameSchema });
export type CreateStoreGroupInput = z.input<typeof CreateStoreGroupSchema>;

// --- What people and Partners' systems write: the same in the API, on screens and in files ----------------------------

const lower = <const T extends readonly string[]>(words: T) =>
  words.map((word) => word.toLowerCase()) as { [K in keyof T]: Lowercase<T[K] & string> };
export const PUBLIC_STORE_TYPES = lower(STORE_TYPES);
export const PUBLIC_STORE_STATUSES = lower(STORE_STATUSES);

/** A record that is known already, by our id or by its reference. */
export const KnownSchema = z.union([
  z.strictObject({ id: z.string().min(1).max(40) }),
  z.strictObject({ reference: referenceSchema }),
]);
export type Known = z.infer<typeof KnownSchema>;

/** What terminals inherit: Partner, store, terminal. Null takes a value back, so that the one above holds again. */
export const SettingsChangeSchema = z.strictObject({
  capture: z.enum(["automatic", "manual"]).nullable().optional(),
  /** Which of Klarna's interfaces payments go through: the Klarna Network, or classic in-store sessions. */
  rail: z.enum(["network", "classic"]).nullable().optional(),
  /** Seconds until an unfinished journey is canceled. */
  expires_in: z.int().min(60).max(172_800).nullable().optional(),
  receipt_header: z.string().max(400).nullable().optional(),
  receipt_footer: z.string().max(400).nullable().optional(),
  qr_dark: TerminalSettingsSchema.shape.qr_dark.nullable(),
  qr_light: TerminalSettingsSchema.shape.qr_light.nullable(),
  /** Modules around the code: cameras need four. */
  qr_margin: z.int().min(4).max(16).nullable().optional(),
  qr_error_correction: z.enum(["L", "M", "Q", "H"]).nullable().optional(),
  qr_logo: TerminalSettingsSchema.shape.qr_logo.nullable(),
  language: TerminalSettingsSchema.shape.language.nullable(),
  time_zone: TerminalSettingsSchema.shape.time_zone.nullable(),
  /** Whether a paired till takes returns, of any sale of the Partner. */
  till_returns: z.boolean().nullable().optional(),
  /** The most that a paired till gives back of one sale, minor units; 0 is no limit. */
  till_return_limit: z.int().min(0).max(2_147_483_647).nullable().optional(),
  /**
   * What till_return_limit is stated in. `auto` is the Partner's own currency; left out, it stays what the limit had before.
   * A sale in another currency is not given back at a till.
   */
  till_return_currency: z
    .union([z.literal("auto"), currencySchema])
    .nullable()
    .optional(),
  /** Whether a kiosk lets its customer type the amount. */
  kiosk_amount: z.boolean().nullable().optional(),
});
export type SettingsChange = z.infer<typeof SettingsChangeSchema>;

const AppSchema = z.strictObject({
  platform: z.enum(lower(APP_PLATFORMS)),
  /** Bundle id or package name. */
  bundle_names: z.array(lineSchema(1, 255)).min(1).max(20),
});
const SupportSchema = z.strictObject({
  email: emailSchema.nullable().optional(),
  phone: phoneSchema.nullable().optional(),
});

export const RegisterStoreSchema = z.strictObject({
  reference: referenceSchema,
  name: nameSchema,
  type: z.enum(PUBLIC_STORE_TYPES).default("physical"),
  /** May be left out where the account has one group only. */
  store_group: KnownSchema.optional(),
  /** Of a physical store. */
  address: addressSchema.optional(),
  /** Of a website. */
  url: webAddressSchema.optional(),
  /** Of a mobile app. */
  app: AppSchema.optional(),
  opening_state: z.enum(lower(OPENING_STATES)).default("open"),
  support: SupportSchema.optional(),
});
export type RegisterStoreInput = z.input<typeof RegisterStoreSchema>;

export const ChangeStoreSchema = z.strictObject({
  name: nameSchema.optional(),
  store_group: KnownSchema.optional(),
  address: addressSchema.optional(),
  url: webAddressSchema.optional(),
  app: AppSchema.optional(),
  opening_state: z.enum(lower(OPENING_STATES)).optional(),
  support: SupportSchema.optional(),
  settings: SettingsChangeSchema.optional(),
});
export type ChangeStoreInput = z.infer<typeof ChangeStoreSchema>;

export const BULK_MAX = 500;
export const ChangeStoresSchema = z.strictObject({
  ids: z.array(lineSchema(1, 40)).min(1).max(BULK_MAX),
  change: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("archive") }),
    z.strictObject({ kind: z.literal("restore") }),
    z.strictObject({ kind: z.literal("group"), store_group: KnownSchema }),
    z.strictObject({ kind: z.literal("opening"), opening_state: z.enum(lower(OPENING_STATES)) }),
    z.strictObject({ kind: z.literal("settings"), settings: SettingsChangeSchema }),
  ]),
});
export type ChangeStoresInput = z.infer<typeof ChangeStoresSchema>;

/** What became, or would become, of one record of many. */
export type BulkItem = {
  id: string;
  label: string;
  outcome: "CHANGED" | "UNCHANGED" | "REFUSED";
  /** Why it is refused. */
  detail: string | null;
};
export type BulkResult = { items: BulkItem[]; changed: number; unchanged: number; refused: number };

const SettingsSchema = z.object({
  capture: z.enum(["automatic", "manual"]).optional(),
  rail: z.enum(["network", "classic"]).optional(),
  expires_in: z.int().optional(),
  receipt_header: z.string().optional(),
  receipt_footer: z.string().optional(),
  qr_dark: z.string().optional(),
  qr_light: z.string().optional(),
  qr_margin: z.int().optional(),
  qr_error_correction: z.enum(["L", "M", "Q", "H"]).optional(),
  qr_logo: z.enum(QR_LOGOS).optional(),
  language: z.string().optional(),
  time_zone: z.string().optional(),
  till_returns: z.boolean().optional(),
  till_return_limit: z.int().optional(),
  till_return_currency: z.string().optional(),
  kiosk_amount: z.boolean().optional(),
});
export const PublicSettingsSchema = SettingsSchema;
export type PublicSettings = z.infer<typeof SettingsSchema>;
const moment = z.iso.datetime({ offset: true });
const neighbour = z.object({ id: z.string(), reference: z.string() });

/** The store as Partners see it, in answers and in events. */
export const PublicStoreSchema = z.object({
  id: z.string(),
  object: z.literal("store"),
  mode: modeSchema,
  reference: z.string(),
  name: z.string(),
  type: z.enum(PUBLIC_STORE_TYPES),
  status: z.enum(PUBLIC_STORE_STATUSES),
  source: z.enum(lower(STORE_SOURCES)),
  address: z
    .object({
      street_address: z.string(),
      street_address2: z.string().optional(),
      postal_code: z.string(),
      city: z.string(),
      region: z.string().optional(),
      country: z.string(),
    })
    .nullable(),
  url: z.string().nullable(),
  app: z.object({ platform: z.enum(lower(APP_PLATFORMS)), bundle_names: z.array(z.string()) }).nullable(),
  store_group: neighbour.nullable(),
  brand: neighbour.nullable(),
  opening_state: z.enum(lower(OPENING_STATES)),
  support: z.object({ email: z.string().nullable(), phone: z.string().nullable() }),
  klarna_store_id: z.string().nullable(),
  /** Only what differs from the Partner's. */
  settings: SettingsSchema,
  archived_at: moment.nullable(),
  created_at: moment,
  updated_at: moment,
});
export type PublicStore = z.infer<typeof PublicStoreSchema>;

/** The address as rows hold it: written by us, so every part is known, but read with patience. */
export const StoredAddressSchema = z
  .object({
    street_address: z.string(),
    street_address2: z.string().optional(),
    postal_code: z.string(),
    city: z.string(),
    region: z.string().optional(),
    country: z.string(),
  })
  .nullable()
  .catch(null);
export type StoredAddress = z.infer<typeof StoredAddressSchema>;

/** Settings as Partners see them. */
export function toPublicSettings({ capture, rail, ...rest }: TerminalSettings): PublicSettings {
  return {
    ...(capture === undefined ? {} : { capture: capture === "MANUAL" ? "manual" : "automatic" }),
    ...(rail === undefined ? {} : { rail: rail === "CLASSIC" ? "classic" : "network" }),
    ...rest,
  };
}

/** Settings after a change: null takes a value back. */
export function mergeSettings(own: TerminalSettings, change: SettingsChange): TerminalSettings {
  const { capture, rail, ...rest } = change;
  const given: Record<string, unknown> = {
    ...rest,
    ...(capture === undefined ? {} : { capture: capture === null ? null : capture.toUpperCase() }),
    ...(rail === undefined ? {} : { rail: rail === null ? null : rail.toUpperCase() }),
  };
  const merged = Object.entries({
    ...own,
    ...Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined)),
  });
  return TerminalSettingsSchema.parse(Object.fromEntries(merged.filter(([, value]) => value !== null)));
}

export type StoreItem = {
  id: string;
  partnerId: string;
  partnerName: string;
  reference: string;
  name: string;
  type: StoreType;
  status: StoreStatus;
  source: StoreSource;
  openingState: OpeningState;
  country: string | null;
  city: string | null;
  postalCode: string | null;
  url: string | null;
  klarnaStoreId: string | null;
  storeGroup: { id: string; name: string } | null;
  brand: { id: string; name: string } | null;
  /** Without archived ones. */
  terminalCount: number;
  qrTerminalCount: number;
  /** Takes payments in person, and nothing there can show the QR code. */
  lacksQr: boolean;
  createdAt: Date;
};
export type StoreRecord = StoreItem & {
  mode: "test" | "live";
  version: number;
  partnerCurrency: string;
  address: StoredAddress;
  app: { platform: AppPlatform | null; bundleNames: string[] } | null;
  supportEmail: string | null;
  supportPhone: string | null;
  brandLogo: string | null;
  settings: TerminalSettings;
  partnerSettings: TerminalSettings;
  archivedAt: Date | null;
  updatedAt: Date;
  terminals: {
    id: string;
    reference: string;
    label: string;
    device: string;
    canShowQr: boolean;
    status: string;
    lastSeenAt: Date | null;
  }[];
  /** Counts stop at 10,000. */
  paymentCount: number;
};
/** What a form needs to make or change a store of one Partner. */
export type StoreGroupChoice = { id: string; name: string; reference: string; brandName: string };
export type { Address };
