/* Kinds, states and fields of imports, apart from the schemas, so that screens can name them without a parser. */

export const IMPORT_KINDS = ["PARTNERS", "STORES", "TERMINALS"] as const;
export type ImportKind = (typeof IMPORT_KINDS)[number];
export const IMPORT_STATES = ["UPLOADED", "CHECKED", "RUNNING", "DONE", "FAILED", "CANCELED"] as const;
export type ImportState = (typeof IMPORT_STATES)[number];
export const IMPORT_ROW_STATES = ["PENDING", "VALID", "INVALID", "DONE", "FAILED", "SKIPPED"] as const;
export type ImportRowState = (typeof IMPORT_ROW_STATES)[number];
export const IMPORT_ACTIONS = ["CREATE", "UPDATE", "NONE"] as const;
export type ImportAction = (typeof IMPORT_ACTIONS)[number];

/** Plain words for people. */
export const IMPORT_KIND_WORDS: Readonly<Record<ImportKind, string>> = {
  PARTNERS: "Partners",
  STORES: "Stores",
  TERMINALS: "Terminals",
};
export const IMPORT_ACTION_WORDS: Readonly<Record<ImportAction, string>> = {
  CREATE: "New",
  UPDATE: "Change",
  NONE: "As it is",
};

/** 8 MB: a file of 50,000 terminals has about three. */
export const IMPORT_BYTES_MAX = 8 * 1024 * 1024;
export const IMPORT_ROWS_MAX: Readonly<Record<ImportKind, number>> = {
  PARTNERS: 2_000,
  STORES: 50_000,
  TERMINALS: 50_000,
};
export const IMPORT_COLUMNS_MAX = 60;
export const IMPORT_CELL_MAX = 2_000;

export type ImportField = {
  id: string;
  label: string;
  isRequired: boolean;
  hint: string;
  /** What heads of columns say instead, lower case without spaces and signs. */
  aliases: readonly string[];
  example: string;
};

const field = (
  id: string,
  label: string,
  example: string,
  hint: string,
  aliases: readonly string[] = [],
  isRequired = false,
): ImportField => ({ id, label, isRequired, hint, aliases, example });

const ADDRESS: readonly ImportField[] = [
  field("street_address", "Street", "Torstrasse 12", "With house number", [
    "street",
    "address",
    "addressline1",
    "strasse",
  ]),
  field("street_address2", "Street, second line", "", "Floor, building", ["addressline2", "street2"]),
  field("postal_code", "Postal code", "10119", "", ["zip", "zipcode", "postcode", "plz"]),
  field("city", "City", "Berlin", "", ["town", "ort", "stadt"]),
  field("region", "Region", "", "State or province", ["state", "province"]),
  field("country", "Country", "DE", "Two letters; the Partner's country where left out", ["countrycode", "land"]),
];

/** What a file can say, by kind; `reference` is what a row is recognised by. */
export const IMPORT_FIELDS: Readonly<Record<ImportKind, readonly ImportField[]>> = {
  PARTNERS: [
    field(
      "reference",
      "Reference",
      "blumen-berlin",
      "Yours; one for each Partner",
      ["partnerreference", "externalid", "ref"],
      true,
    ),
    field("name", "Name", "Blumen Berlin", "", ["partner", "partnername", "company"], true),
    field("country", "Country", "DE", "Two letters", ["countrycode", "land"], true),
    field("currency", "Currency", "EUR", "Three letters", ["currencycode"], true),
    field("contact_given_name", "Contact: given name", "Olga", "Given name, family name and e-mail go together", [
      "firstname",
      "givenname",
    ]),
    field("contact_family_name", "Contact: family name", "Owner", "", ["lastname", "familyname", "surname"]),
    field("contact_email", "Contact: e-mail", "olga@blumen.example", "", ["email", "contactemail"]),
    field("contact_phone", "Contact: phone", "+493012345670", "With + and country code", ["phone", "contactphone"]),
    field("legal_name", "Legal entity: name", "Blumen Berlin GmbH", "Makes the first legal entity", [
      "legalname",
      "entityname",
    ]),
    field(
      "registration_number",
      "Legal entity: registration number",
      "HRB 12345 B",
      "Of the company register, not the VAT number",
      ["registrationnumber", "companynumber"],
    ),
    field("registration_authority", "Legal entity: registration authority", "", "", ["registrationauthority"]),
    field("entity_type", "Legal entity: type", "LIMITED_LIABILITY_COMPANY", "In Klarna's words", [
      "entitytype",
      "legalform",
    ]),
    field("tax_number", "Legal entity: tax number", "", "", ["vatnumber", "vat", "taxid"]),
    field("street_address", "Legal entity: street", "Torstrasse 12", "", ["street", "address"]),
    field("postal_code", "Legal entity: postal code", "10119", "", ["zip", "zipcode", "postcode", "plz"]),
    field("city", "Legal entity: city", "Berlin", "", ["town", "ort"]),
    field("region", "Legal entity: region", "", "State or province", ["state", "province"]),
    field("brand_name", "Brand: name", "Blumen Berlin", "Makes the first brand and its store group", [
      "brand",
      "brandname",
    ]),
    field("brand_website", "Brand: website", "https://blumen.example", "", ["website", "url"]),
    field("support_email", "Brand: support e-mail", "help@blumen.example", "", ["supportemail"]),
    field("support_phone", "Brand: support phone", "", "With + and country code", ["supportphone"]),
  ],
  STORES: [
    field(
      "reference",
      "Reference",
      "S-0001",
      "Yours; one for each store",
      ["storereference", "storeid", "storenumber", "externalid", "ref", "filiale"],
      true,
    ),
    field("name", "Name", "Berlin Mitte", "", ["storename", "store"], true),
    field("type", "Type", "physical", "physical, website or mobile_app; physical where left out", [
      "storetype",
      "kind",
    ]),
    field("store_group", "Store group", "group-rose", "Its reference or name", [
      "group",
      "storegroup",
      "storegroupreference",
      "brand",
    ]),
    ...ADDRESS,
    field("url", "Web address", "", "Of a website", ["website", "webaddress"]),
    field("app_platform", "App platform", "", "ios or android, of a mobile app", ["platform"]),
    field("app_bundle_names", "App bundle names", "", "With spaces between", [
      "bundle",
      "bundleid",
      "bundlename",
      "packagename",
    ]),
    field("opening_state", "Opening state", "open", "open, opening_soon, temporarily_closed or closed", [
      "openingstate",
    ]),
    field("support_email", "Support e-mail", "", "", ["email", "supportemail"]),
    field("support_phone", "Support phone", "", "With + and country code", ["phone", "supportphone"]),
  ],
  TERMINALS: [
    field("store", "Store", "S-0001", "The store's reference", ["storereference", "storeid", "storenumber"], true),
    field(
      "reference",
      "Reference",
      "T-1",
      "Yours; one for each terminal of a store",
      ["terminalreference", "terminalid", "terminal", "externalid", "tid", "ref"],
      true,
    ),
    field("label", "Label", "Till 1", "What people call it; the reference where left out", ["name", "terminalname"]),
    field("device", "Device", "card_terminal", "card_terminal, tablet, kiosk, self_checkout or mobile_checkout", [
      "devicetype",
      "type",
      "kind",
    ]),
    field("can_show_qr", "Can show a QR code", "yes", "yes or no; yes where left out", ["qr", "canshowqr", "showsqr"]),
  ],
};

export function importField(kind: ImportKind, id: string): ImportField | undefined {
  return IMPORT_FIELDS[kind].find((one) => one.id === id);
}
