import { invalid, SimulatedError } from "../errors";
import { iso, newUuid } from "../ids";
import type { Account } from "../model";
import { nowFor, type Simulator } from "../simulator";
import { emitAboutProduct } from "./events";
import { type Decision, type DecisionReason, newProduct, type PaymentAccount, type ProductState } from "./model";
import { managementOf } from "./settings";

/** The Payment Product of an account, its payment accounts, and Klarna's decisions about it. */

/** What the product's state comes to: a disabled account has all its products disabled. */
export function productStateOf(account: Account): ProductState {
  return account.state === "DISABLED" && account.product.state === "ENABLED" ? "DISABLED" : account.product.state;
}

/** New payments need an enabled product. What was paid before can still be captured and refunded. */
export function requireEnabledProduct(account: Account): void {
  if (account.state !== "DISABLED" && account.product.state === "ENABLED") return;
  throw new SimulatedError("OPERATION_FORBIDDEN", `The payment product is ${productStateOf(account)}.`);
}

type Index = { size: number; first: PaymentAccount | undefined; byAccount: Map<string, PaymentAccount[]> };

const indexes = new WeakMap<object, Index>();

/** Payments ask for this, so it is no search. Payment accounts never change and go only all at once. */
export function paymentAccountsOf(sim: Simulator, accountId: string): readonly PaymentAccount[] {
  const { paymentAccounts } = sim.state;
  const first = paymentAccounts.values().next().value;
  let index = indexes.get(paymentAccounts);
  if (index === undefined || index.size !== paymentAccounts.size || index.first !== first) {
    index = { size: paymentAccounts.size, first, byAccount: new Map() };
    for (const entry of paymentAccounts.values()) {
      const own = index.byAccount.get(entry.account_id);
      if (own === undefined) index.byAccount.set(entry.account_id, [entry]);
      else own.push(entry);
    }
    indexes.set(paymentAccounts, index);
  }
  return index.byAccount.get(accountId) ?? [];
}

export function paymentAccountView(sim: Simulator, account: Account, entry: PaymentAccount): Record<string, unknown> {
  return {
    payment_account_id: entry.payment_account_id,
    payment_account_reference: entry.payment_account_reference,
    payment_acquiring_account_id: entry.payment_acquiring_account_id,
    default_merchant_category_code: entry.default_merchant_category_code,
    partner_business_entity_id: entry.partner_business_entity_id,
    partner_business_entity_reference: sim.state.resources.get(entry.partner_business_entity_id)?.reference ?? null,
    default_store_group_id: entry.default_store_group_id,
    default_store_group_reference: sim.state.resources.get(entry.default_store_group_id)?.reference ?? null,
    // It follows the product and is never changed by itself.
    state: productStateOf(account) === "ENABLED" ? "ENABLED" : "DISABLED",
    created_at: iso(entry.created_at),
  };
}

export function productView(sim: Simulator, account: Account): Record<string, unknown> {
  const { product } = account;
  const decision = product.decision_id === null ? undefined : sim.state.decisions.get(product.decision_id);
  return {
    product_id: account.product_instance_id,
    type: "PAYMENT",
    state: productStateOf(account),
    ...(product.pending_state === null ? {} : { pending_state: product.pending_state }),
    payment_profile_id: product.payment_profile_id,
    ...(decision === undefined ? {} : { compliance_decision: decisionView(decision) }),
    payment_accounts: paymentAccountsOf(sim, account.account_id).map((entry) =>
      paymentAccountView(sim, account, entry),
    ),
    state_changed_at: product.changed_at === null ? null : iso(product.changed_at),
    state_changed_by: product.changed_by,
  };
}

export function decisionView(decision: Decision): Record<string, unknown> {
  return {
    compliance_decision_id: decision.decision_id,
    reason: decision.reason,
    outcome: decision.outcome,
    created_at: iso(decision.created_at),
  };
}

export function decisionsOf(sim: Simulator, accountId: string): Decision[] {
  return [...sim.state.decisions.values()].filter((decision) => decision.account_id === accountId);
}

/** Carries out the change that the product is waiting for. */
export function applyProductState(sim: Simulator, account: Account): void {
  const { product } = account;
  const state = product.pending_state;
  if (state === null) return;
  const previous = product.state;
  product.pending_state = null;
  product.state = state;
  if (state === "ENABLED") product.decision_id = null;
  account.updated_at = nowFor(sim, account);
  sim.state.accounts.put(account);
  if (previous === state) return;
  const management = managementOf(sim);
  if (product.changed_by !== "KLARNA" && !management.own_changes_raise_events) return;
  const decision = product.decision_id === null ? undefined : sim.state.decisions.get(product.decision_id);
  const names = management.event_names;
  const type = {
    ENABLED: names.product_enabled,
    DISABLED: names.product_disabled,
    TERMINATED: names.product_terminated,
  };
  emitAboutProduct(sim, account, type[state], {
    partner_account_id: account.account_id,
    partner_account_reference: account.partner_account_reference,
    product_id: account.product_instance_id,
    product_type: "PAYMENT",
    state,
    previous_state: previous,
    ...(decision === undefined ? {} : { compliance_decision_id: decision.decision_id, state_reason: decision.reason }),
  });
}

/** The acquirer's own change. `later` is called where the change needs its time. */
export function changeProduct(
  sim: Simulator,
  account: Account,
  productId: string,
  state: "ENABLED" | "DISABLED",
  later: (delayMs: number) => void,
): void {
  requireProduct(account, productId);
  const { product } = account;
  if (product.state === "TERMINATED") {
    throw new SimulatedError("OPERATION_FORBIDDEN", "The payment product is TERMINATED; only Klarna can activate it.");
  }
  const now = nowFor(sim, account);
  const management = managementOf(sim);
  const isTooSoon = product.changed_at !== null && now - product.changed_at < management.product_interval_ms;
  if (isTooSoon && now >= (product.changed_at ?? 0)) {
    throw new SimulatedError("RATE_LIMITED", "A product can be changed about once a second.");
  }
  if ((product.pending_state ?? product.state) === state) return;
  product.pending_state = state;
  product.changed_at = now;
  product.changed_by = "ACQUIRING_PARTNER";
  sim.state.accounts.put(account);
  if (management.product_change_ms === 0) applyProductState(sim, account);
  else later(management.product_change_ms);
}

/** Klarna's change: at once, with a decision where there is a reason, and always with an event. */
export function changeProductAsKlarna(
  sim: Simulator,
  account: Account,
  state: ProductState,
  reason: DecisionReason | null,
): Decision | null {
  const { product } = account;
  let decision: Decision | null = null;
  if (state !== "ENABLED" && reason !== null) {
    decision = {
      decision_id: `krn:partner:global:compliance-decision:test:${newUuid()}`,
      account_id: account.account_id,
      reason,
      outcome: state,
      created_at: nowFor(sim, account),
    };
    sim.state.decisions.put(decision);
  }
  product.pending_state = state;
  product.changed_at = nowFor(sim, account);
  product.changed_by = "KLARNA";
  product.decision_id = decision?.decision_id ?? null;
  applyProductState(sim, account);
  return decision;
}

export function requireProduct(account: Account, productId: string): void {
  if (account.product_instance_id !== productId) {
    throw new SimulatedError("RESOURCE_NOT_FOUND", "The payment product does not exist.");
  }
}

export function getPaymentAccount(sim: Simulator, account: Account, id: string): PaymentAccount {
  const entry = sim.state.paymentAccounts.get(id);
  if (entry === undefined || entry.account_id !== account.account_id) {
    throw new SimulatedError("RESOURCE_NOT_FOUND", "The payment account does not exist.");
  }
  return entry;
}

/**
 * The payment account that a payment names by id, or by reference and acquiring account; the only one where it names
 * none. Null where the account has none at all or there is a choice. Undefined where the named one does not exist.
 */
export function findPaymentAccount(
  sim: Simulator,
  account: Account,
  named: {
    payment_account_id?: string | undefined;
    payment_account_reference?: string | undefined;
    payment_acquiring_account_id?: string | undefined;
  } = {},
): PaymentAccount | null | undefined {
  const all = paymentAccountsOf(sim, account.account_id);
  if (named.payment_account_id !== undefined) {
    return all.find((entry) => entry.payment_account_id === named.payment_account_id);
  }
  if (named.payment_account_reference !== undefined) {
    return all.find(
      (entry) =>
        entry.payment_account_reference === named.payment_account_reference &&
        (named.payment_acquiring_account_id === undefined ||
          entry.payment_acquiring_account_id === named.payment_acquiring_account_id),
    );
  }
  return all.length === 1 ? (all[0] ?? null) : null;
}

/** A payment that names a payment account must name one of the account. */
export function requirePaymentAccount(
  sim: Simulator,
  account: Account,
  named: Parameters<typeof findPaymentAccount>[2] | undefined,
): void {
  if (named === undefined || findPaymentAccount(sim, account, named) !== undefined) return;
  const field = named.payment_account_id === undefined ? "payment_account_reference" : "payment_account_id";
  throw invalid(`acquiring_config.${field}`, "the payment account does not exist");
}

export function startProduct(account: Account, paymentProfileId: string): void {
  account.product = newProduct(paymentProfileId);
}
