import type { WireAddress, WireBrand, WireEntity, WireStore, WireStoreGroup } from "@/server/klarna/accounts";
import type { AccountRow, BrandRow, EntityRow, GroupRow, PaymentAccountRow, StoreRow } from "./rows";
import type { Contact } from "./schema-account";

/*
 * Our records in Klarna's words and back. Everything that keeps both sides in step works on this one form: what changed is
 * a set of paths in it, a call is the part of it that those paths name, and drift is the difference of two of them.
 */

export type Wire = { [key: string]: unknown };

export const STORE_TYPES_AT_KLARNA: Readonly<Record<string, string>> = {
  PHYSICAL: "PHYSICAL_STORE",
  WEBSITE: "WEBSITE",
  MOBILE_APP: "MOBILE_APP",
};

function isObject(value: unknown): value is Wire {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Without what is null, empty or undefined: to Klarna nothing and not given are the same. */
export function pruned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pruned);
  if (!isObject(value)) return value;
  const entries = Object.entries(value)
    .map(([key, inner]) => [key, pruned(inner)] as const)
    .filter(
      ([, inner]) =>
        inner !== undefined && inner !== null && inner !== "" && !(isObject(inner) && Object.keys(inner).length === 0),
    );
  return Object.fromEntries(entries);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

/** Leaves by dotted path, as text; a list is one leaf. What is empty has no leaf. */
export function leaves(wire: Wire): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (value: unknown, path: string): void => {
    if (isObject(value)) {
      for (const [key, inner] of Object.entries(value)) walk(inner, path === "" ? key : `${path}.${key}`);
      return;
    }
    if (Array.isArray(value)) {
      if (value.length > 0) found.set(path, JSON.stringify(sorted(value)));
      return;
    }
    found.set(path, String(value));
  };
  walk(pruned(wire), "");
  return found;
}

/** Paths in which two of them differ. */
export function differing(before: Wire, after: Wire): string[] {
  const [old, next] = [leaves(before), leaves(after)];
  const paths = new Set([...old.keys(), ...next.keys()]);
  return [...paths].filter((path) => old.get(path) !== next.get(path)).sort();
}

export function valueAt(wire: Wire, path: string): unknown {
  let value: unknown = wire;
  for (const key of path.split(".")) {
    if (Array.isArray(value)) value = value[Number(key)];
    else if (isObject(value) && Object.hasOwn(value, key)) value = value[key];
    else return undefined;
  }
  return value;
}

/** A copy with one path set, or taken away where the value is undefined. */
export function withValue(wire: Wire, path: string, value: unknown): Wire {
  const [key = "", ...rest] = path.split(".");
  const copy: Wire = { ...wire };
  if (rest.length > 0) {
    const inner = copy[key];
    copy[key] = withValue(isObject(inner) ? inner : {}, rest.join("."), value);
  } else if (value === undefined) delete copy[key];
  else copy[key] = value;
  return copy;
}

/** Lists, and objects that Klarna takes only whole. */
const WHOLE = new Set(["address"]);

/**
 * The body of an update: of `after`, what the paths name. What was taken away is sent as null, a list as an empty one,
 * because Klarna keeps what an update leaves out.
 */
export function patchOf(after: Wire, paths: readonly string[]): Wire {
  let body: Wire = {};
  const whole = pruned(after);
  const source = isObject(whole) ? whole : {};
  const heads = new Set<string>();
  for (const path of paths) {
    const head = path.split(".")[0] ?? path;
    if (WHOLE.has(head)) heads.add(head);
    const value = valueAt(source, path);
    body = withValue(body, path, value === undefined ? (LISTS.has(path) ? [] : null) : value);
  }
  for (const head of heads) {
    const own = body[head];
    const all = source[head];
    body[head] = { ...(isObject(own) ? own : {}), ...(isObject(all) ? all : {}) };
  }
  return body;
}
const LISTS = new Set([
  "social_media_links",
  "bundle_names",
  "supplementary_business_data.operating_addresses",
  "supplementary_business_data.stakeholders",
]);

// --- Ours to theirs ---

export function accountWire(account: AccountRow, contact: Contact | null): Wire {
  return {
    partner_account_name: account.accountName ?? account.partnerName,
    partner_account_contact: contact === null ? undefined : contact,
  };
}

export function entityWire(entity: EntityRow): Wire {
  const { payout } = entity;
  return {
    partner_business_entity_reference: entity.reference,
    legal_registered_entity_name: entity.legalName,
    legal_registration_country: entity.country,
    supplementary_business_data: {
      legal_registration: {
        number: entity.registrationNumber,
        authority: entity.registrationAuthority,
        entity_type: entity.entityType,
        tax_number: entity.taxNumber,
        financial_conduct_authority_number: entity.licenceNumber,
        address: entity.address,
      },
      operating_addresses: entity.operatingAddresses.length === 0 ? undefined : entity.operatingAddresses,
      stakeholders: entity.stakeholders.length === 0 ? undefined : entity.stakeholders,
      partner_payouts_state:
        payout === null
          ? undefined
          : {
              status: payout.status,
              delay_in_days: payout.delay_days,
              bank_accounts: payout.bank_accounts.map(({ type, holder, bic, iban }) => ({
                type,
                account_holder_name: holder,
                bic,
                iban,
              })),
            },
    },
  };
}

export function brandWire(brand: BrandRow): Wire {
  return {
    brand_reference: brand.reference,
    display_name: brand.name,
    element: { logo_url: brand.logoUrl, icon_url: brand.iconUrl, feature_image_url: brand.featureImageUrl },
  };
}

export function groupWire(group: GroupRow): Wire {
  return {
    store_group_reference: group.reference,
    brand_reference: group.brand,
    support_contact: { email: group.supportEmail, phone: group.supportPhone, contact_form: group.supportUrl },
    social_media_links: group.socialLinks.length === 0 ? undefined : group.socialLinks,
  };
}

export function storeWire(store: StoreRow): Wire {
  return {
    store_reference: store.reference,
    type: STORE_TYPES_AT_KLARNA[store.type] ?? store.type,
    store_group_reference: store.storeGroup,
    url: store.url,
    address: store.address,
    platform: store.platform,
    bundle_names: store.bundleNames.length === 0 ? undefined : store.bundleNames,
  };
}

export function paymentAccountWire(account: PaymentAccountRow): Wire {
  return {
    payment_account_reference: account.reference,
    payment_acquiring_account_id: account.acquiringAccountId,
    default_merchant_category_code: account.categoryCode,
    partner_business_entity_reference: account.entity,
    default_store_group_reference: account.storeGroup,
  };
}

/** A store within a group's own list names no group. */
export function storeInGroup(store: StoreRow): unknown {
  const { store_group_reference: _group, ...wire } = storeWire(store);
  return pruned(wire);
}

// --- Theirs in the same form: only the fields that we hold ---

const address = (wire: WireAddress | undefined): unknown =>
  wire === undefined
    ? undefined
    : {
        street_address: wire.street_address,
        street_address2: wire.street_address2,
        postal_code: wire.postal_code,
        city: wire.city,
        region: wire.region,
        country: wire.country,
      };

export function theirEntity(wire: WireEntity): Wire {
  const data = wire.supplementary_business_data;
  const registration = data?.legal_registration;
  return {
    partner_business_entity_reference: wire.partner_business_entity_reference,
    legal_registered_entity_name: wire.legal_registered_entity_name,
    legal_registration_country: wire.legal_registration_country,
    supplementary_business_data: {
      legal_registration: {
        number: registration?.number,
        authority: registration?.authority,
        entity_type: registration?.entity_type,
        tax_number: registration?.tax_number,
        financial_conduct_authority_number: registration?.financial_conduct_authority_number,
        address: address(registration?.address),
      },
      operating_addresses: data?.operating_addresses?.map(address),
      stakeholders: data?.stakeholders?.map((person) => ({
        given_name: person.given_name,
        family_name: person.family_name,
        date_of_birth: person.date_of_birth,
        address: address(person.address),
        national_identification: person.national_identification,
        roles: person.roles,
      })),
      partner_payouts_state: data?.partner_payouts_state,
    },
  };
}

export function theirBrand(wire: WireBrand): Wire {
  const { logo_url, icon_url, feature_image_url } = wire.element ?? {};
  return {
    brand_reference: wire.brand_reference,
    display_name: wire.display_name,
    element: { logo_url, icon_url, feature_image_url },
  };
}

export function theirGroup(wire: WireStoreGroup, brandReferences: ReadonlyMap<string, string>): Wire {
  const { email, phone, contact_form } = wire.support_contact ?? {};
  return {
    store_group_reference: wire.store_group_reference,
    brand_reference: (wire.brand_id && brandReferences.get(wire.brand_id)) ?? wire.brand_reference,
    support_contact: { email, phone, contact_form },
    social_media_links: wire.social_media_links?.map(({ provider, url }) => ({ provider, url })),
  };
}

export function theirStore(wire: WireStore, groupReferences: ReadonlyMap<string, string>): Wire {
  return {
    store_reference: wire.store_reference,
    type: wire.type,
    store_group_reference: wire.store_group_id === null ? undefined : groupReferences.get(wire.store_group_id),
    url: wire.url,
    address: address(wire.address),
    platform: wire.platform,
    bundle_names: wire.bundle_names,
  };
}
