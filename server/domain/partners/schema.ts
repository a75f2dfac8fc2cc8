import { z } from "zod";
import {
  addressSchema,
  countrySchema,
  currencySchema,
  lineSchema,
  modeSchema,
  nameSchema,
  referenceSchema,
} from "@/server/core/schema";
import {
  ACCOUNT_STATES,
  type AccountState,
  PARTNER_STATES,
  type PartnerState,
  PRODUCT_STATES,
  type ProductState,
} from "./states";

export const PartnerStateSchema = z.enum(PARTNER_STATES);
export const AccountStateSchema = z.enum(ACCOUNT_STATES);
export const ProductStateSchema = z.enum(PRODUCT_STATES);

export const PartnerFilterSchema = z.strictObject({
  /** Part of the name or reference, or a whole id of ours or Klarna's. */
  search: lineSchema(1, 255).optional(),
  country: z.array(countrySchema).max(60).optional(),
  state: z.array(PartnerStateSchema).optional(),
  /** Klarna's state of the account in the mode that is looked at. */
  accountState: z.array(AccountStateSchema).optional(),
});
export type PartnerFilter = z.infer<typeof PartnerFilterSchema>;

export const CreatePartnerSchema = z.strictObject({
  name: nameSchema,
  reference: referenceSchema,
  country: countrySchema,
  currency: currencySchema,
  state: PartnerStateSchema.default("OPERATIONAL"),
  accounts: z
    .array(
      z.strictObject({
        mode: modeSchema,
        klarnaPartnerAccountId: lineSchema(1, 255),
        state: AccountStateSchema.default("OPERATIONAL"),
        productState: ProductStateSchema.default("ENABLED"),
      }),
    )
    .max(2)
    .default([]),
});
export type CreatePartnerInput = z.input<typeof CreatePartnerSchema>;

export const AddBusinessEntitySchema = z.strictObject({
  partnerId: z.string(),
  legalName: nameSchema,
  registrationNumber: lineSchema(1, 60),
  country: countrySchema,
  address: addressSchema,
});
export type AddBusinessEntityInput = z.infer<typeof AddBusinessEntitySchema>;

export type PartnerAccountView = {
  mode: "test" | "live";
  /** Null while the account is not onboarded. */
  klarnaPartnerAccountId: string | null;
  state: AccountState;
  productState: ProductState;
  createdAt: Date;
};
export type PartnerItem = {
  id: string;
  name: string;
  reference: string;
  country: string;
  currency: string;
  state: PartnerState;
  /** The account of the mode that is looked at. */
  account: PartnerAccountView | null;
  storeCount: number;
  terminalCount: number;
  createdAt: Date;
};
export type PartnerRecord = Omit<PartnerItem, "account"> & {
  updatedAt: Date;
  accounts: PartnerAccountView[];
  businessEntities: {
    id: string;
    legalName: string;
    registrationNumber: string | null;
    country: string;
    address: unknown;
    createdAt: Date;
  }[];
  brands: {
    id: string;
    name: string;
    website: string | null;
    storeGroups: { id: string; name: string; storeCount: number }[];
  }[];
  userCount: number;
  apiKeyCount: number;
  webhookEndpointCount: number;
  /** Counts stop at 10,000. */
  paymentCount: number;
};
