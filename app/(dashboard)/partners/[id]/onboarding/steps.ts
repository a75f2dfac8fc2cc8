import type { DraftProblem, DraftRecord } from "@/server/domain/partners/schema-onboarding";
import type { OnboardingState } from "@/server/domain/partners/states";
import { type DraftForm, FORM_SECTIONS, type FormSection } from "../../_forms/values";

export const STEPS = [
  "company",
  "contact",
  "entities",
  "brands",
  "storeGroups",
  "stores",
  "payments",
  "review",
] as const;
export type Step = (typeof STEPS)[number];

export const STEP_WORDS: Readonly<Record<Step, { title: string; hint: string }>> = {
  company: { title: "Company", hint: "What Klarna shall call the account." },
  contact: { title: "Contact", hint: "Whom Klarna can ask about the account." },
  entities: {
    title: "Legal entities",
    hint: "Each company that sells, as the register has it, with who owns and runs it and where it is paid out to.",
  },
  brands: { title: "Brands", hint: "The names and pictures that consumers know." },
  storeGroups: {
    title: "Store groups",
    hint: "Stores of one brand that share a support contact. Each belongs to a brand.",
  },
  stores: { title: "Stores and terminals", hint: "Where it sells. Files bring many at once." },
  payments: { title: "Prices and settlement", hint: "The acquirer chooses programs, prices and where money goes." },
  review: { title: "Review", hint: "Everything once more before it goes on." },
};

export function isStep(value: string | null): value is Step {
  return STEPS.some((step) => step === value);
}

export const isFormSection = (step: string): step is FormSection => FORM_SECTIONS.some((section) => section === step);

/** Relationships have no step of their own: what concerns them is decided with the prices. */
export function stepOf(section: string): Step {
  return isStep(section) ? section : "payments";
}

/** Where a field stands on the screen: `entities.1.address.city`. What has no field of its own leads to its step. */
export function pathOf(form: DraftForm, about: { section: string; item: string | null; field: string }): string {
  const { section, item, field } = about;
  const join = (...parts: (string | number)[]) => parts.filter((part) => part !== "").join(".");
  const at = (items: readonly { reference: string }[]) => items.findIndex((one) => one.reference === item);
  if (section === "entities" || section === "brands" || section === "storeGroups") {
    const index = at(form[section]);
    return index < 0 ? section : join(section, index, field);
  }
  if (section === "payments") {
    const index = at(form.payments.paymentAccounts);
    return index < 0 ? join("payments", field) : join("payments.paymentAccounts", index, field);
  }
  return join(section, field);
}

export type StepState = "problem" | "missing" | "done";

export function stateOf(draft: DraftRecord, step: Step): { state: StepState; missing: number } {
  if (step === "review") return { state: draft.completeness.isReady ? "done" : "missing", missing: 0 };
  const missing = draft.completeness.missing.filter(
    (item) => stepOf(item.section) === step && item.level === "required",
  ).length;
  if (draft.problems.some((problem: DraftProblem) => stepOf(problem.section) === step))
    return { state: "problem", missing };
  const isEmpty = step === "stores" && draft.storeCount === 0;
  return { state: missing > 0 || isEmpty ? "missing" : "done", missing };
}

export const isOpen = (state: OnboardingState): boolean =>
  state === "DRAFT" || state === "SUBMITTED" || state === "REFUSED";
/** Klarna is at work: the screen follows. */
export const isUnderWay = (state: OnboardingState): boolean =>
  state === "APPROVED" || state === "ONBOARDING" || state === "ONBOARDED";
