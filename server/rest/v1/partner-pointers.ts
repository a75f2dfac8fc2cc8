import { AppError, type FieldError, isAppError } from "@/server/core/errors";
import type { DraftRecord, DraftSection } from "@/server/domain/partners/schema-onboarding";

/* Where in the body stands what a use case speaks of. */

export const SECTION_POINTERS: Readonly<Record<DraftSection | "stores", string>> = {
  company: "/company",
  contact: "/contact",
  entities: "/business_entities",
  brands: "/brands",
  storeGroups: "/store_groups",
  payments: "/payments",
  relationships: "/relationships",
  stores: "/stores",
};
/** Names that are not only written in another way. */
const OTHER_NAMES: Readonly<Record<string, string>> = { entity: "business_entity" };

export function snakePointer(pointer: string): string {
  return pointer
    .split("/")
    .map((step) => OTHER_NAMES[step] ?? step.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
    .join("/");
}

/** A field of the draft as a pointer into what is read and written: `/business_entities/0/address/city`. */
export function pointerOf(
  draft: Pick<DraftRecord, "entities" | "brands" | "storeGroups" | "paymentAccounts">,
  place: { section: DraftSection | "stores"; item: string | null; field: string },
): string {
  const lists: Partial<Record<DraftSection | "stores", readonly { reference: string }[]>> = {
    entities: draft.entities,
    brands: draft.brands,
    storeGroups: draft.storeGroups,
    payments: draft.paymentAccounts,
  };
  const at = place.item === null ? -1 : (lists[place.section]?.findIndex((one) => one.reference === place.item) ?? -1);
  const steps = [
    SECTION_POINTERS[place.section],
    place.section === "payments" && place.item !== null ? "payment_accounts" : null,
    place.item === null ? null : at === -1 ? place.item.replaceAll("~", "~0").replaceAll("/", "~1") : String(at),
    place.field === "" ? null : snakePointer(place.field.replaceAll(".", "/")),
  ];
  return steps.filter((step) => step !== null).join("/");
}

/** What a use case says of one section, with pointers into the whole body. */
export function pointingInto(section: DraftSection, error: unknown): unknown {
  if (!isAppError(error) || error.errors.length === 0) return error;
  const base = section === "payments" ? "/payments/payment_accounts" : SECTION_POINTERS[section];
  return new AppError(error.code, {
    detail: error.detail,
    errors: error.errors.map(({ pointer, detail }) => ({ pointer: `${base}${snakePointer(pointer)}`, detail })),
    cause: error,
  });
}

/** The refusal of an incomplete draft, with pointers to what it lacks. */
export function pointingAtMissing(error: unknown, draft: DraftRecord): unknown {
  if (!isAppError(error) || error.code !== "rule_broken") return error;
  const errors: FieldError[] = draft.completeness.missing
    .filter((item) => item.level === "required")
    .slice(0, 50)
    .map((item) => ({ pointer: pointerOf(draft, item), detail: `${item.label} is missing (${item.requirement})` }));
  return new AppError("rule_broken", { detail: error.detail, errors, cause: error });
}
