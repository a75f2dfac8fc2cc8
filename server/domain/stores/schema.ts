import { z } from "zod";
import { addressSchema, countrySchema, lineSchema, nameSchema, referenceSchema } from "@/server/core/schema";
import {
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

export const StoreFilterSchema = z.strictObject({
  /** Part of the name, reference or address on the web, or a whole id of ours or Klarna's. */
  search: lineSchema(1, 255).optional(),
  partner: lineSchema(1, 60).optional(),
  country: z.array(countrySchema).max(60).optional(),
  type: z.array(StoreTypeSchema).optional(),
  status: z.array(StoreStatusSchema).optional(),
  source: z.array(StoreSourceSchema).optional(),
  storeGroup: lineSchema(1, 60).optional(),
});
export type StoreFilter = z.infer<typeof StoreFilterSchema>;

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

export type StoreItem = {
  id: string;
  partnerId: string;
  partnerName: string;
  reference: string;
  name: string;
  type: StoreType;
  status: StoreStatus;
  source: StoreSource;
  country: string | null;
  city: string | null;
  url: string | null;
  klarnaStoreId: string | null;
  storeGroup: { id: string; name: string } | null;
  brand: { id: string; name: string } | null;
  terminalCount: number;
  createdAt: Date;
};
export type StoreRecord = StoreItem & {
  mode: "test" | "live";
  partnerCurrency: string;
  address: StoredAddress;
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
