import type { z } from "zod";
import type { Address } from "@/server/core/schema";
import type {
  AccountRecord,
  BrandInput,
  BrandView,
  Contact,
  EntityInputSchema,
  EntityView,
  PaymentAccountInput,
  StoreGroupInput,
  StoreGroupView,
} from "@/server/domain/partners/schema-account";
import type { DraftRecord, DraftSectionInput } from "@/server/domain/partners/schema-onboarding";

/*
 * What stands in the fields: text as it is typed. Empty text is "not known" for the server. Paths of fields are those of the
 * schemas, so that what the schema, our server or Klarna says of a field finds it.
 */

export type AddressForm = {
  street_address: string;
  street_address2: string;
  postal_code: string;
  city: string;
  region: string;
  country: string;
};
export type PersonForm = {
  given_name: string;
  family_name: string;
  date_of_birth: string;
  address: AddressForm;
  idNumber: string;
  idCountry: string;
  roles: string[];
};
export type EntityForm = {
  /** Known to the server under its reference: that one stays. */
  isSaved: boolean;
  reference: string;
  legalName: string;
  country: string;
  registrationNumber: string;
  registrationAuthority: string;
  entityType: string;
  taxNumber: string;
  licenceNumber: string;
  address: AddressForm;
  operatingAddresses: AddressForm[];
  stakeholders: PersonForm[];
  /** What is there can be kept, changed or taken away; it is never shown again. */
  payoutChange: "keep" | "set" | "remove";
  payoutHint: string | null;
  holder: string;
  bic: string;
  iban: string;
};
export type BrandForm = {
  isSaved: boolean;
  reference: string;
  name: string;
  website: string;
  logoUrl: string;
  iconUrl: string;
  featureImageUrl: string;
};
export type GroupForm = {
  isSaved: boolean;
  reference: string;
  name: string;
  brand: string;
  supportEmail: string;
  supportPhone: string;
  supportUrl: string;
  socialLinks: { provider: string; url: string }[];
};
export type PaymentAccountForm = {
  isSaved: boolean;
  reference: string;
  acquiringAccountId: string;
  categoryCode: string;
  entity: string;
  storeGroup: string;
  isDefault: boolean;
};
export type ContactForm = { given_name: string; family_name: string; email: string; phone: string };
export type DraftForm = {
  company: { name: string; country: string; currency: string; accountName: string };
  contact: ContactForm;
  entities: EntityForm[];
  brands: BrandForm[];
  storeGroups: GroupForm[];
  payments: { paymentProfileId: string; paymentAccounts: PaymentAccountForm[] };
};
export type FormSection = keyof DraftForm;
export const FORM_SECTIONS: readonly FormSection[] = [
  "company",
  "contact",
  "entities",
  "brands",
  "storeGroups",
  "payments",
];

// --- From the server ---

const text = (value: string | null | undefined): string => value ?? "";

export function addressForm(address: Address | null | undefined, country = ""): AddressForm {
  return {
    street_address: text(address?.street_address),
    street_address2: text(address?.street_address2),
    postal_code: text(address?.postal_code),
    city: text(address?.city),
    region: text(address?.region),
    country: address?.country ?? country,
  };
}

export function newPerson(country: string): PersonForm {
  return {
    given_name: "",
    family_name: "",
    date_of_birth: "",
    address: addressForm(null, country),
    idNumber: "",
    idCountry: country,
    roles: ["OWNER"],
  };
}

export function newEntity(reference: string, country: string): EntityForm {
  return {
    isSaved: false,
    reference,
    legalName: "",
    country,
    registrationNumber: "",
    registrationAuthority: "",
    entityType: "",
    taxNumber: "",
    licenceNumber: "",
    address: addressForm(null, country),
    operatingAddresses: [],
    stakeholders: [],
    payoutChange: "set",
    payoutHint: null,
    holder: "",
    bic: "",
    iban: "",
  };
}

export function entityForm(entity: EntityView): EntityForm {
  return {
    ...newEntity(entity.reference, entity.country),
    isSaved: true,
    legalName: entity.legalName,
    registrationNumber: text(entity.registrationNumber),
    registrationAuthority: text(entity.registrationAuthority),
    entityType: text(entity.entityType),
    taxNumber: text(entity.taxNumber),
    licenceNumber: text(entity.licenceNumber),
    address: addressForm(entity.address, entity.country),
    operatingAddresses: entity.operatingAddresses.map((address) => addressForm(address)),
    stakeholders: entity.stakeholders.map((person) => ({
      given_name: person.given_name,
      family_name: person.family_name,
      date_of_birth: text(person.date_of_birth),
      address: addressForm(person.address, entity.country),
      idNumber: text(person.national_identification?.number),
      idCountry: person.national_identification?.country ?? entity.country,
      roles: [...person.roles],
    })),
    payoutChange: entity.payoutHint === null ? "set" : "keep",
    payoutHint: entity.payoutHint,
  };
}

export const newBrand = (reference: string): BrandForm => ({
  isSaved: false,
  reference,
  name: "",
  website: "",
  logoUrl: "",
  iconUrl: "",
  featureImageUrl: "",
});

export const brandForm = (brand: BrandView): BrandForm => ({
  isSaved: true,
  reference: brand.reference,
  name: brand.name,
  website: text(brand.website),
  logoUrl: text(brand.logoUrl),
  iconUrl: text(brand.iconUrl),
  featureImageUrl: text(brand.featureImageUrl),
});

export const newGroup = (reference: string, brand: string): GroupForm => ({
  isSaved: false,
  reference,
  name: "",
  brand,
  supportEmail: "",
  supportPhone: "",
  supportUrl: "",
  socialLinks: [],
});

export const groupForm = (group: StoreGroupView): GroupForm => ({
  isSaved: true,
  reference: group.reference,
  name: group.name,
  brand: group.brand,
  supportEmail: text(group.supportEmail),
  supportPhone: text(group.supportPhone),
  supportUrl: text(group.supportUrl),
  socialLinks: group.socialLinks.map((link) => ({ ...link })),
});

export const newPaymentAccount = (reference: string): PaymentAccountForm => ({
  isSaved: false,
  reference,
  acquiringAccountId: "",
  categoryCode: "",
  entity: "",
  storeGroup: "",
  isDefault: false,
});

export const contactForm = (contact: Contact | null): ContactForm => ({
  given_name: text(contact?.given_name),
  family_name: text(contact?.family_name),
  email: text(contact?.email),
  phone: text(contact?.phone),
});

export function draftForm(draft: DraftRecord): DraftForm {
  return {
    company: {
      name: draft.partnerName,
      country: draft.country,
      currency: draft.currency,
      accountName: text(draft.accountName),
    },
    contact: contactForm(draft.contact),
    entities: draft.entities.map(entityForm),
    brands: draft.brands.map(brandForm),
    storeGroups: draft.storeGroups.map(groupForm),
    payments: {
      paymentProfileId: text(draft.paymentProfileId),
      paymentAccounts: draft.paymentAccounts.map(
        ({ reference, acquiringAccountId, categoryCode, entity, storeGroup, isDefault }) => ({
          isSaved: true,
          reference,
          acquiringAccountId,
          categoryCode,
          entity,
          storeGroup,
          isDefault: isDefault ?? false,
        }),
      ),
    },
  };
}

/** A list with one of it replaced. */
export const swapped = <T>(all: readonly T[], index: number, value: T): T[] =>
  all.map((one, at) => (at === index ? value : one));

/** A list without one of it. */
export const without = <T>(all: readonly T[], index: number): T[] => all.filter((_, at) => at !== index);

/** The next `name-1`, `name-2` … that is free. */
export function freeReference(stem: string, taken: readonly { reference: string }[]): string {
  for (let number = 1; ; number += 1) {
    const reference = `${stem}-${number}`;
    if (!taken.some((other) => other.reference === reference)) return reference;
  }
}

// --- To the server ---

const orNull = (value: string): string | null => (value.trim() === "" ? null : value.trim());

/** Null when nothing but the country was given. */
function addressInput(address: AddressForm): Address | null {
  const { country, ...rest } = address;
  if (Object.values(rest).every((value) => value.trim() === "")) return null;
  return {
    street_address: address.street_address.trim(),
    ...(orNull(address.street_address2) === null ? {} : { street_address2: address.street_address2.trim() }),
    postal_code: address.postal_code.trim(),
    city: address.city.trim(),
    ...(orNull(address.region) === null ? {} : { region: address.region.trim() }),
    country,
  };
}

export function entityInput(entity: EntityForm): z.input<typeof EntityInputSchema> {
  const hasPayout = entity.holder.trim() !== "" || entity.iban.trim() !== "" || entity.bic.trim() !== "";
  return {
    reference: entity.reference.trim(),
    legalName: entity.legalName.trim(),
    country: entity.country,
    registrationNumber: orNull(entity.registrationNumber),
    registrationAuthority: orNull(entity.registrationAuthority),
    entityType: orNull(entity.entityType),
    taxNumber: orNull(entity.taxNumber),
    licenceNumber: orNull(entity.licenceNumber),
    address: addressInput(entity.address),
    operatingAddresses: entity.operatingAddresses.flatMap((address) => addressInput(address) ?? []),
    stakeholders: entity.stakeholders.map((person) => ({
      given_name: person.given_name.trim(),
      family_name: person.family_name.trim(),
      date_of_birth: orNull(person.date_of_birth),
      address: addressInput(person.address),
      national_identification:
        person.idNumber.trim() === "" ? null : { number: person.idNumber.trim(), country: person.idCountry },
      roles: person.roles,
    })),
    ...(entity.payoutChange === "keep" || (entity.payoutChange === "set" && !hasPayout)
      ? {}
      : {
          payout:
            entity.payoutChange === "remove"
              ? null
              : {
                  bank_accounts: [
                    { holder: entity.holder.trim(), bic: orNull(entity.bic.toUpperCase()), iban: entity.iban.trim() },
                  ],
                },
        }),
  };
}

export const brandInput = (brand: BrandForm): BrandInput => ({
  reference: brand.reference.trim(),
  name: brand.name.trim(),
  website: orNull(brand.website),
  logoUrl: orNull(brand.logoUrl),
  iconUrl: orNull(brand.iconUrl),
  featureImageUrl: orNull(brand.featureImageUrl),
});

export const groupInput = (group: GroupForm): StoreGroupInput => ({
  reference: group.reference.trim(),
  name: group.name.trim(),
  brand: group.brand,
  supportEmail: orNull(group.supportEmail),
  supportPhone: orNull(group.supportPhone.replaceAll(/[\s()/-]/g, "")),
  supportUrl: orNull(group.supportUrl),
  socialLinks: group.socialLinks
    .filter((link) => link.url.trim() !== "")
    .map((link) => ({ provider: link.provider.trim().toUpperCase(), url: link.url.trim() })),
});

export const paymentAccountInput = (account: PaymentAccountForm): PaymentAccountInput => ({
  reference: account.reference.trim(),
  acquiringAccountId: account.acquiringAccountId,
  categoryCode: account.categoryCode.trim(),
  entity: account.entity,
  storeGroup: account.storeGroup,
  isDefault: account.isDefault,
});

export const contactInput = (contact: ContactForm): Contact => ({
  given_name: contact.given_name.trim(),
  family_name: contact.family_name.trim(),
  email: contact.email.trim(),
  phone: orNull(contact.phone.replaceAll(/[\s()/-]/g, "")),
});

export function sectionInput(form: DraftForm, section: FormSection): DraftSectionInput {
  switch (section) {
    case "company":
      return {
        section,
        data: {
          name: form.company.name.trim(),
          country: form.company.country,
          currency: form.company.currency,
          accountName: orNull(form.company.accountName),
        },
      };
    case "contact":
      return { section, data: contactInput(form.contact) };
    case "entities":
      return { section, data: form.entities.map(entityInput) };
    case "brands":
      return { section, data: form.brands.map(brandInput) };
    case "storeGroups":
      return { section, data: form.storeGroups.map(groupInput) };
    case "payments":
      return {
        section,
        data: {
          paymentProfileId: orNull(form.payments.paymentProfileId),
          paymentAccounts: form.payments.paymentAccounts.map(paymentAccountInput),
        },
      };
  }
}

/** What a field that is not right should hold, for whoever typed it. */
export function issueWords(issue: z.core.$ZodIssue): string {
  if (issue.code === "too_small" && issue.origin === "string") return "Fill this in.";
  if (issue.code === "too_small" && issue.origin === "array") return "Choose at least one.";
  if (issue.code === "too_big" && issue.origin === "string") return `At most ${String(issue.maximum)} characters.`;
  if (issue.code === "invalid_format" && issue.format === "url") return "Enter a whole web address: https://…";
  if (issue.code === "invalid_format" && issue.format === "date") return "Enter a date.";
  if (issue.code === "invalid_format" && issue.format === "regex" && issue.message.startsWith("Invalid"))
    return "This is not in the right form.";
  if (issue.code === "invalid_type") return "Fill this in.";
  const { message } = issue;
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}${message.endsWith(".") ? "" : "."}`;
}

export type AccountFacts = Pick<AccountRecord, "accountName" | "contact">;
