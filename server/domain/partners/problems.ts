import type { DraftProblem } from "./schema-onboarding";
import { valueAt, type Wire } from "./wire";

/* Where a field that Klarna refused stands in the draft. */

const ENTITY_FIELDS: Readonly<Record<string, string>> = {
  partner_business_entity_reference: "reference",
  legal_registered_entity_name: "legalName",
  legal_registration_country: "country",
  "supplementary_business_data.legal_registration.number": "registrationNumber",
  "supplementary_business_data.legal_registration.authority": "registrationAuthority",
  "supplementary_business_data.legal_registration.entity_type": "entityType",
  "supplementary_business_data.legal_registration.tax_number": "taxNumber",
  "supplementary_business_data.legal_registration.financial_conduct_authority_number": "licenceNumber",
  "supplementary_business_data.legal_registration.address": "address",
  "supplementary_business_data.operating_addresses": "operatingAddresses",
  "supplementary_business_data.stakeholders": "stakeholders",
  "supplementary_business_data.partner_payouts_state": "payout",
};
const BRAND_FIELDS: Readonly<Record<string, string>> = {
  brand_reference: "reference",
  display_name: "name",
  "element.logo_url": "logoUrl",
  "element.icon_url": "iconUrl",
  "element.feature_image_url": "featureImageUrl",
};
const GROUP_FIELDS: Readonly<Record<string, string>> = {
  store_group_reference: "reference",
  brand_reference: "brand",
  brand_id: "brand",
  "support_contact.email": "supportEmail",
  "support_contact.phone": "supportPhone",
  "support_contact.contact_form": "supportUrl",
  social_media_links: "socialLinks",
};
const STORE_FIELDS: Readonly<Record<string, string>> = {
  store_reference: "reference",
  platform: "appPlatform",
  bundle_names: "appBundleNames",
};
const PAYMENT_FIELDS: Readonly<Record<string, string>> = {
  payment_account_reference: "reference",
  payment_acquiring_account_id: "acquiringAccountId",
  default_merchant_category_code: "categoryCode",
  partner_business_entity_reference: "entity",
  default_store_group_reference: "storeGroup",
};

/** The longest name of the table that leads to the field, then what is below it: `address.city`, `stakeholders.0.given_name`. */
function fieldOf(path: string, table: Readonly<Record<string, string>>): string {
  const name = Object.keys(table)
    .filter((key) => path === key || path.startsWith(`${key}.`))
    .sort((a, b) => b.length - a.length)[0];
  return name === undefined ? path : `${table[name] ?? name}${path.slice(name.length)}`;
}

function textAt(body: Wire, path: string): string | null {
  const value = valueAt(body, path);
  return typeof value === "string" ? value : null;
}

/** `body` is what was sent: it tells which entity, brand or store an index means. */
export function toDraftProblem(body: Wire, problem: { parameter: string; reason: string }): DraftProblem {
  const path = problem.parameter.replaceAll(/\[(\d+)\]/g, ".$1").replace(/^\./, "");
  const detail = problem.reason === "" ? "is not accepted by Klarna" : problem.reason;
  const at = (pattern: RegExp): RegExpExecArray | null => pattern.exec(path);
  let match = at(/^partner_account_contact(?:\.(.*))?$/);
  if (match) return { section: "contact", item: null, field: match[1] ?? "", detail };
  match = at(/^partner_business_entities\.(\d+)(?:\.(.*))?$/);
  if (match) {
    const item = textAt(body, `partner_business_entities.${match[1]}.partner_business_entity_reference`);
    return { section: "entities", item, field: fieldOf(match[2] ?? "", ENTITY_FIELDS), detail };
  }
  match = at(/^brands\.(\d+)(?:\.(.*))?$/);
  if (match) {
    const item = textAt(body, `brands.${match[1]}.brand_reference`);
    return { section: "brands", item, field: fieldOf(match[2] ?? "", BRAND_FIELDS), detail };
  }
  match = at(/^store_groups\.(\d+)\.stores\.(\d+)(?:\.(.*))?$/);
  if (match) {
    const item = textAt(body, `store_groups.${match[1]}.stores.${match[2]}.store_reference`);
    return { section: "stores", item, field: fieldOf(match[3] ?? "", STORE_FIELDS), detail };
  }
  match = at(/^store_groups\.(\d+)(?:\.(.*))?$/);
  if (match) {
    const item = textAt(body, `store_groups.${match[1]}.store_group_reference`);
    return { section: "storeGroups", item, field: fieldOf(match[2] ?? "", GROUP_FIELDS), detail };
  }
  match = at(/^products\.\d+\.payment_accounts\.(\d+)(?:\.(.*))?$/);
  if (match) {
    const item = textAt(body, `products.0.payment_accounts.${match[1]}.payment_account_reference`);
    return { section: "payments", item, field: fieldOf(match[2] ?? "", PAYMENT_FIELDS), detail };
  }
  if (at(/^products\.\d+\.payment_profile_id$/))
    return { section: "payments", item: null, field: "paymentProfileId", detail };
  if (path.startsWith("products")) return { section: "payments", item: null, field: "paymentAccounts", detail };
  if (path === "partner_business_entities") return { section: "entities", item: null, field: "", detail };
  if (path === "store_groups") return { section: "storeGroups", item: null, field: "", detail };
  if (path.startsWith("partner_account_relationships"))
    return { section: "relationships", item: null, field: path, detail };
  const company: Readonly<Record<string, string>> = {
    partner_account_name: "accountName",
    partner_account_reference: "reference",
  };
  return { section: "company", item: null, field: company[path] ?? path, detail };
}
