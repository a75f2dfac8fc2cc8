import type { z } from "zod";
import {
  type Address,
  addressSchema,
  countrySchema,
  currencySchema,
  emailSchema,
  lineSchema,
  nameSchema,
  referenceSchema,
} from "@/server/core/schema";
import { phoneSchema, webAddressSchema } from "@/server/domain/partners/schema-account";
import { APP_PLATFORMS, OPENING_STATES, STORE_TYPES, type StoreType } from "@/server/domain/stores/states";
import { TERMINAL_DEVICES, type TerminalDevice } from "@/server/domain/terminals/states";
import type { ImportColumns, RowProblem } from "./schema";

/* Cells become values. Nothing here asks the database: neighbours are looked up by whoever judges the rows. */

export type Cells = (field: string) => string | null;
export type Read<T> = { value: T; problems: [] } | { value: null; problems: RowProblem[] };

/** The mark that our own exports put before what a spreadsheet would run; a file that was corrected comes back with it. */
const MARKED = /^'(?=[=+\-@\t\r\n|%＝＋－＠])/;

/** Reads cells by field; null where the file has no such column or the cell is empty. */
export function cellsOf(head: readonly string[], columns: ImportColumns, cells: readonly string[]): Cells {
  return (field) => {
    const column = columns[field];
    const written = column === undefined ? "" : (cells[head.indexOf(column)] ?? "").trim();
    const text = written.replace(MARKED, "");
    return text === "" ? null : text;
  };
}

class Reader {
  readonly problems: RowProblem[] = [];
  readonly #cells: Cells;
  constructor(cells: Cells) {
    this.#cells = cells;
  }
  text(field: string): string | null {
    return this.#cells(field);
  }
  fail(field: string | null, detail: string): void {
    this.problems.push({ field, detail });
  }
  optional<T>(field: string, schema: z.ZodType<T>, change: (text: string) => string = (text) => text): T | null {
    const text = this.#cells(field);
    if (text === null) return null;
    const parsed = schema.safeParse(change(text));
    if (parsed.success) return parsed.data;
    this.fail(field, wordsOf(parsed.error));
    return null;
  }
  required<T>(field: string, schema: z.ZodType<T>, change?: (text: string) => string): T | null {
    if (this.#cells(field) === null) {
      this.fail(field, "is missing");
      return null;
    }
    return this.optional(field, schema, change);
  }
  word<T extends string>(field: string, words: readonly T[]): T | null {
    const text = this.#cells(field);
    if (text === null) return null;
    const wanted = text.toUpperCase().replace(/[^A-Z0-9]+/g, "_");
    const found = words.find((word) => word === wanted);
    if (found === undefined) this.fail(field, `must be one of ${words.map((word) => word.toLowerCase()).join(", ")}`);
    return found ?? null;
  }
  yesOrNo(field: string): boolean | null {
    const text = this.#cells(field)?.toLowerCase();
    if (text === undefined) return null;
    if (["yes", "y", "true", "1", "x", "ja", "oui", "si"].includes(text)) return true;
    if (["no", "n", "false", "0", "nein", "non", "-"].includes(text)) return false;
    this.fail(field, "must be yes or no");
    return null;
  }
}

/** The first thing that is wrong, in words that do not repeat what was in the cell. */
function wordsOf(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue?.code === "too_big") return `is longer than ${issue.maximum} characters`;
  if (issue?.code === "too_small") return "is too short";
  if (issue?.code === "custom" || (issue?.code === "invalid_format" && issue.message.startsWith("must")))
    return issue.message;
  return "has the wrong form";
}

const upper = (text: string): string => text.toUpperCase();
/** As people write them: with spaces, brackets and two zeros. */
const phone = (text: string): string => text.replace(/[\s()./-]/g, "").replace(/^00/, "+");

/** The cell as it may be shown in a list, whatever else is wrong with the row. */
export function referenceOf(cells: Cells): string | null {
  const text = cells("reference");
  return text !== null && referenceSchema.safeParse(text).success ? text : null;
}

export type StoreCells = {
  reference: string;
  name: string;
  type: StoreType;
  /** Reference, name or id, as the file has it. */
  group: string | null;
  address: Address | null;
  url: string | null;
  appPlatform: string | null;
  appBundleNames: string[];
  openingState: string;
  supportEmail: string | null;
  supportPhone: string | null;
};

export function readStore(cells: Cells, country: string): Read<StoreCells> {
  const row = new Reader(cells);
  const reference = row.required("reference", referenceSchema);
  const name = row.required("name", nameSchema);
  const type = row.word("type", STORE_TYPES) ?? "PHYSICAL";
  const address = readAddress(row, country, type === "PHYSICAL");
  const url = row.optional("url", webAddressSchema, withScheme);
  if (type === "WEBSITE" && row.text("url") === null) row.fail("url", "is missing: a website has an address");
  const appPlatform = row.word("app_platform", APP_PLATFORMS);
  const appBundleNames = (row.text("app_bundle_names") ?? "").split(/[\s;,]+/).filter((part) => part !== "");
  if (appBundleNames.length > 20 || appBundleNames.some((part) => !lineSchema(1, 255).safeParse(part).success))
    row.fail("app_bundle_names", "must be up to 20 names with spaces between");
  if (type === "MOBILE_APP") {
    if (row.text("app_platform") === null) row.fail("app_platform", "is missing: a mobile app has a platform");
    if (appBundleNames.length === 0) row.fail("app_bundle_names", "is missing: a mobile app has one at least");
  }
  const group = row.optional("store_group", lineSchema(1, 255));
  const value = {
    group,
    type,
    address: type === "PHYSICAL" ? address : null,
    url: type === "WEBSITE" ? url : null,
    appPlatform: type === "MOBILE_APP" ? appPlatform : null,
    appBundleNames: type === "MOBILE_APP" ? appBundleNames : [],
    openingState: row.word("opening_state", OPENING_STATES) ?? "OPEN",
    supportEmail: row.optional("support_email", emailSchema),
    supportPhone: row.optional("support_phone", phoneSchema, phone),
  };
  if (row.problems.length > 0 || reference === null || name === null) return { value: null, problems: row.problems };
  return { value: { ...value, reference, name }, problems: [] };
}

const withScheme = (text: string): string => (/^[a-z]+:\/\//i.test(text) ? text : `https://${text}`);

function readAddress(row: Reader, country: string, isNeeded: boolean): Address | null {
  const shape = addressSchema.shape;
  const given = ["street_address", "postal_code", "city"].some((field) => row.text(field) !== null);
  if (!isNeeded && !given) return null;
  const street = row.required("street_address", shape.street_address);
  const street2 = row.optional("street_address2", lineSchema(1, 99));
  const postalCode = row.required("postal_code", shape.postal_code);
  const city = row.required("city", shape.city);
  const region = row.optional("region", lineSchema(1, 99));
  const land = row.text("country") === null ? country : row.optional("country", countrySchema, upper);
  if (street === null || postalCode === null || city === null || land === null) return null;
  return {
    street_address: street,
    ...(street2 === null ? {} : { street_address2: street2 }),
    postal_code: postalCode,
    city,
    ...(region === null ? {} : { region }),
    country: land,
  };
}

export type TerminalCells = {
  store: string;
  reference: string;
  label: string;
  device: TerminalDevice;
  canShowQr: boolean;
};

export function readTerminal(cells: Cells): Read<TerminalCells> {
  const row = new Reader(cells);
  const store = row.required("store", referenceSchema);
  const reference = row.required("reference", referenceSchema);
  const label = row.optional("label", nameSchema) ?? reference?.slice(0, 99) ?? null;
  const device = row.word("device", TERMINAL_DEVICES) ?? "CARD_TERMINAL";
  const canShowQr = row.yesOrNo("can_show_qr") ?? true;
  if (row.problems.length > 0 || store === null || reference === null || label === null)
    return { value: null, problems: row.problems };
  return { value: { store, reference, label, device, canShowQr }, problems: [] };
}

export type PartnerCells = {
  reference: string;
  name: string;
  country: string;
  currency: string;
  contact: { given_name: string; family_name: string; email: string; phone: string | null } | null;
  entity: {
    legalName: string;
    registrationNumber: string | null;
    registrationAuthority: string | null;
    entityType: string | null;
    taxNumber: string | null;
    address: Address | null;
  } | null;
  brand: { name: string; website: string | null; supportEmail: string | null; supportPhone: string | null } | null;
};

export function readPartner(cells: Cells): Read<PartnerCells> {
  const row = new Reader(cells);
  const reference = row.required("reference", referenceSchema);
  const name = row.required("name", nameSchema);
  const country = row.required("country", countrySchema, upper);
  const currency = row.required("currency", currencySchema, upper);
  const contact = readContact(row);
  const legalName = row.optional("legal_name", nameSchema);
  const details = {
    registrationNumber: row.optional("registration_number", lineSchema(1, 60)),
    registrationAuthority: row.optional("registration_authority", lineSchema(1, 120)),
    entityType: row.optional("entity_type", lineSchema(1, 64)),
    taxNumber: row.optional("tax_number", lineSchema(1, 60)),
    address: readAddress(row, country ?? "XX", false),
  };
  if (row.text("legal_name") === null && Object.values(details).some((value) => value !== null))
    row.fail("legal_name", "is missing: other cells tell of a legal entity");
  const brandName = row.optional("brand_name", nameSchema);
  const brand = {
    website: row.optional("brand_website", webAddressSchema, withScheme),
    supportEmail: row.optional("support_email", emailSchema),
    supportPhone: row.optional("support_phone", phoneSchema, phone),
  };
  if (row.text("brand_name") === null && Object.values(brand).some((value) => value !== null))
    row.fail("brand_name", "is missing: other cells tell of a brand");
  if (row.problems.length > 0 || reference === null || name === null || country === null || currency === null)
    return { value: null, problems: row.problems };
  return {
    value: {
      reference,
      name,
      country,
      currency,
      contact,
      entity: legalName === null ? null : { legalName, ...details },
      brand: brandName === null ? null : { name: brandName, ...brand },
    },
    problems: [],
  };
}

function readContact(row: Reader): PartnerCells["contact"] {
  const fields = ["contact_given_name", "contact_family_name", "contact_email", "contact_phone"];
  if (fields.every((field) => row.text(field) === null)) return null;
  const given = row.required("contact_given_name", lineSchema(1, 99));
  const family = row.required("contact_family_name", lineSchema(1, 99));
  const email = row.required("contact_email", emailSchema);
  const number = row.optional("contact_phone", phoneSchema, phone);
  if (given === null || family === null || email === null) return null;
  return { given_name: given, family_name: family, email, phone: number };
}
