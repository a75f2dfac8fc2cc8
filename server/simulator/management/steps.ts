import { newUuid } from "../ids";
import type { Account } from "../model";
import { nowFor, type Simulator } from "../simulator";
import { emitAboutAccount } from "./events";
import type { Step } from "./model";
import { applyProductState } from "./products";
import { managementOf, saveManagement } from "./settings";

/** What happens later by itself. Every step can also be told to happen now. */

export function scheduleStep(
  sim: Simulator,
  account: Account | null,
  kind: Step["kind"],
  delayMs: number,
  subjectId: string | null = null,
): Step {
  const step: Step = {
    step_id: newUuid(),
    kind,
    account_id: account?.account_id ?? null,
    subject_id: subjectId,
    due_at: nowFor(sim, account ?? undefined) + delayMs,
  };
  sim.state.steps.put(step);
  return step;
}

/** Why a brand cannot be shown to consumers, or null. */
function brandProblem(logoUrl: unknown): string | null {
  if (typeof logoUrl !== "string" || logoUrl === "") return "the logo is missing";
  if (!URL.canParse(logoUrl)) return "the logo's address is not a URL";
  const url = new URL(logoUrl);
  if (url.protocol !== "https:") return "the logo's address does not use https";
  if (url.hostname === "invalid" || url.hostname.endsWith(".invalid")) return "the logo cannot be fetched";
  const ending = /\.([a-z0-9]{2,5})$/i.exec(url.pathname)?.[1]?.toLowerCase();
  if (ending !== undefined && !["png", "jpg", "jpeg", "svg", "webp", "gif"].includes(ending)) {
    return "the logo is not a picture";
  }
  return null;
}

export function checkBrand(sim: Simulator, account: Account, brandId: string, force: string | null = null): void {
  const brand = sim.state.resources.get(brandId);
  if (brand === undefined || brand.kind !== "brand") return;
  const element = brand.data.element;
  const logo = typeof element === "object" && element !== null && "logo_url" in element ? element.logo_url : undefined;
  const problem = force ?? brandProblem(logo);
  if (problem === null) return;
  emitAboutAccount(sim, account, managementOf(sim).event_names.brand_incomplete, brandId, {
    partner_account_id: account.account_id,
    brand_id: brandId,
    brand_reference: brand.reference,
    incomplete_fields: [{ parameter: "element.logo_url", reason: problem }],
  });
}

/** Moves an account as only Klarna does. */
export function setAccountState(sim: Simulator, account: Account, state: "OPERATIONAL" | "DISABLED"): void {
  if (account.state === state) return;
  const previous = account.state;
  account.state = state;
  account.updated_at = nowFor(sim, account);
  sim.state.accounts.put(account);
  const names = managementOf(sim).event_names;
  emitAboutAccount(
    sim,
    account,
    state === "OPERATIONAL" ? names.account_operational : names.account_disabled,
    account.account_id,
    {
      partner_account_id: account.account_id,
      partner_account_reference: account.partner_account_reference,
      state,
      previous_state: previous,
    },
  );
}

export function runStep(sim: Simulator, step: Step): void {
  sim.state.steps.remove(step.step_id);
  if (step.kind === "ip_restrictions") {
    const management = managementOf(sim);
    if (management.pending_ip_list !== null) management.ip_list = management.pending_ip_list;
    management.pending_ip_list = null;
    saveManagement(sim);
    return;
  }
  const account = step.account_id === null ? undefined : sim.state.accounts.get(step.account_id);
  if (account === undefined) return;
  switch (step.kind) {
    case "account_operational":
      if (account.state === "PARTIALLY_OPERATIONAL") setAccountState(sim, account, "OPERATIONAL");
      break;
    case "brand_check":
      if (step.subject_id !== null) checkBrand(sim, account, step.subject_id);
      break;
    case "product_state":
      applyProductState(sim, account);
      break;
  }
}

/** Runs every step whose time has come on its account's clock. */
export function runDueSteps(sim: Simulator): void {
  if (sim.state.steps.size === 0) return;
  for (const step of [...sim.state.steps.values()]) {
    const account = step.account_id === null ? undefined : sim.state.accounts.get(step.account_id);
    if (step.due_at <= nowFor(sim, account)) runStep(sim, step);
  }
}
