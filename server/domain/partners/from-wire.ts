import { z } from "zod";
import { addressSchema } from "@/server/core/schema";
import type { BrandRow, EntityRow, GroupRow, StoreRow } from "./rows";
import {
  type BrandInput,
  BrandInputSchema,
  type Contact,
  ContactSchema,
  type EntityInput,
  EntityInputSchema,
  type StoreGroupInput,
  StoreGroupInputSchema,
  webAddressSchema,
} from "./schema-account";
import { pruned, STORE_TYPES_AT_KLARNA, valueAt, type Wire } from "./wire";

/* Klarna's words back into our records. Null where what Klarna holds does not fit our rules: then nothing is taken over. */

const at = (wire: Wire, path: string): unknown => valueAt(wire, path) ?? null;
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
function object(value: unknown): Wire | null {
  const clean = pruned(value ?? null);
  return typeof clean === "object" && clean !== null && !Array.isArray(clean) && Object.keys(clean).length > 0
    ? { ...clean }
    : null;
}
const orNull = <T>(parsed: { success: true; data: T } | { success: false }): T | null =>
  parsed.success ? parsed.data : null;

export function contactFrom(wire: Wire): Contact | null {
  const contact = object(wire.partner_account_contact);
  return contact === null ? null : orNull(ContactSchema.safeParse({ ...contact, phone: contact.phone ?? null }));
}

export function entityFrom(wire: Wire, known: EntityRow | null): EntityInput | null {
  const data = "supplementary_business_data";
  const registration = `${data}.legal_registration`;
  const payout = object(at(wire, `${data}.partner_payouts_state`));
  return orNull(
    EntityInputSchema.safeParse({
      reference: at(wire, "partner_business_entity_reference") ?? known?.reference,
      legalName: at(wire, "legal_registered_entity_name"),
      country: at(wire, "legal_registration_country"),
      registrationNumber: at(wire, `${registration}.number`),
      registrationAuthority: at(wire, `${registration}.authority`),
      entityType: at(wire, `${registration}.entity_type`),
      taxNumber: at(wire, `${registration}.tax_number`),
      licenceNumber: at(wire, `${registration}.financial_conduct_authority_number`),
      address: object(at(wire, `${registration}.address`)),
      operatingAddresses: list(at(wire, `${data}.operating_addresses`)).map(object),
      stakeholders: list(at(wire, `${data}.stakeholders`)).map((value) => {
        const person = object(value) ?? {};
        return {
          given_name: person.given_name,
          family_name: person.family_name,
          date_of_birth: person.date_of_birth ?? null,
          address: object(person.address),
          national_identification: object(person.national_identification),
          roles: person.roles,
        };
      }),
      payout:
        payout === null
          ? null
          : {
              status: payout.status ?? "ENABLED",
              delay_days: payout.delay_in_days ?? null,
              bank_accounts: list(payout.bank_accounts).map((value) => {
                const account = object(value) ?? {};
                return {
                  type: account.type,
                  holder: account.account_holder_name,
                  bic: account.bic ?? null,
                  iban: account.iban,
                };
              }),
            },
    }),
  );
}

export function brandFrom(wire: Wire, known: BrandRow | null): BrandInput | null {
  return orNull(
    BrandInputSchema.safeParse({
      reference: at(wire, "brand_reference") ?? known?.reference,
      name: at(wire, "display_name"),
      website: known?.website ?? null,
      logoUrl: at(wire, "element.logo_url"),
      iconUrl: at(wire, "element.icon_url"),
      featureImageUrl: at(wire, "element.feature_image_url"),
    }),
  );
}

export function groupFrom(wire: Wire, known: GroupRow | null): StoreGroupInput | null {
  const reference = at(wire, "store_group_reference") ?? known?.reference;
  return orNull(
    StoreGroupInputSchema.safeParse({
      reference,
      name: known?.name ?? reference,
      brand: at(wire, "brand_reference"),
      supportEmail: at(wire, "support_contact.email"),
      supportPhone: at(wire, "support_contact.phone"),
      supportUrl: at(wire, "support_contact.contact_form"),
      socialLinks: list(at(wire, "social_media_links")),
    }),
  );
}

const StoreFromSchema = z
  .object({
    reference: z.string().min(1).max(255),
    type: z.enum(["PHYSICAL", "WEBSITE", "MOBILE_APP"]),
    storeGroup: z.string().nullable(),
    address: addressSchema.nullable(),
    url: webAddressSchema.nullable(),
    platform: z.string().max(64).nullable(),
    bundleNames: z.array(z.string().min(1).max(255)),
  })
  .refine((store) => store.type !== "PHYSICAL" || store.address !== null);
export type StoreFrom = z.infer<typeof StoreFromSchema>;

export function storeFrom(wire: Wire, known: StoreRow | null): StoreFrom | null {
  const type = at(wire, "type");
  const ours = Object.entries(STORE_TYPES_AT_KLARNA).find(([, theirs]) => theirs === type)?.[0];
  return orNull(
    StoreFromSchema.safeParse({
      reference: at(wire, "store_reference") ?? known?.reference,
      type: ours,
      storeGroup: at(wire, "store_group_reference"),
      address: object(at(wire, "address")),
      url: at(wire, "url"),
      platform: at(wire, "platform"),
      bundleNames: list(at(wire, "bundle_names")),
    }),
  );
}
