import { createHash } from "node:crypto";
import { ACQUIRING_ACCOUNTS, feeOfProfile } from "../management/catalogue";
import { newProduct } from "../management/model";
import type { Account, Transaction } from "../model";
import type { Simulator } from "../simulator";
import { DEFAULT_TERMS, FALLBACK_FEES, FEES, type Line, type LineType, TAX_RATES, type Terms } from "./model";

/** Balance entries: one line per movement of money between Klarna and the Acquiring Partner. */

const BASIS = 10_000;
const DEFAULTS_ID = "default";

/** The terms of an account, or of everybody. */
export function termsOf(sim: Simulator, accountId: string | undefined): Terms {
  const shared = sim.state.terms.get(DEFAULTS_ID)?.terms;
  const own = accountId === undefined ? undefined : sim.state.terms.get(accountId)?.terms;
  const profile = accountId === undefined ? undefined : sim.state.accounts.get(accountId)?.product.payment_profile_id;
  return { ...DEFAULT_TERMS, ...feeOfProfile(profile), ...shared, ...own };
}

export function changeTerms(sim: Simulator, accountId: string | undefined, terms: Partial<Terms>): Terms {
  const id = accountId ?? DEFAULTS_ID;
  sim.state.terms.put({ id, terms: { ...sim.state.terms.get(id)?.terms, ...terms } });
  return termsOf(sim, accountId);
}

/** The acquirer itself, as the account that settlement events are about. */
export function acquirerAccount(sim: Simulator): Account {
  const accountId = sim.settings().acquirer_account_id;
  return (
    sim.state.accounts.get(accountId) ?? {
      account_id: accountId,
      name: "Acquiring Partner",
      country: "SE",
      product_instance_id: `krn:partner:product:payment-acquiring:${stableUuid(accountId)}`,
      stores: [],
      switches: {},
      clock_offset_ms: 0,
      created_at: 0,
      partner_account_reference: null,
      contact: null,
      supplementary_account_data: null,
      state: "OPERATIONAL",
      product: newProduct(null),
      updated_at: null,
    }
  );
}

function stableUuid(seed: string): string {
  const hex = createHash("sha256").update(seed).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The acquiring account that a currency is settled on: each currency belongs to one. */
export function acquiringAccountId(currency: string): string {
  const account = ACQUIRING_ACCOUNTS.find(({ currencies }) => currencies.includes(currency)) ?? ACQUIRING_ACCOUNTS[0];
  return account?.payment_acquiring_account_id ?? "krn:partner:global:payment-acquiring-account:test:none";
}

/** A share of an amount, rounded to the nearest minor unit, halves away from zero. */
export function shareOf(amount: number, basisPoints: number): number {
  const share = Math.floor((Math.abs(amount) * basisPoints + BASIS / 2) / BASIS);
  return amount < 0 && share > 0 ? -share : share;
}

function taxRateOf(sim: Simulator, accountId: string): number {
  const own = termsOf(sim, accountId).tax_basis_points;
  return own ?? TAX_RATES[sim.state.accounts.get(accountId)?.country ?? ""] ?? 0;
}

export type NewLine = {
  line_id: string;
  account_id: string;
  currency: string;
  type: LineType;
  detailed_type: string;
  amount: number;
  created_at: number;
  /** Whether tax of the account's rate comes on top. */
  isTaxed?: boolean;
  transaction?: Transaction | undefined;
  capture?: { payment_capture_id: string; payment_capture_reference: string | null } | undefined;
  refund?: { payment_refund_id: string; payment_refund_reference: string | null } | undefined;
  disputeId?: string | undefined;
  comment?: string | undefined;
};

/** Writes a line; one with the same id is not written twice. */
export function addLine(sim: Simulator, input: NewLine): void {
  if (input.amount === 0 || sim.state.settlementLines.get(input.line_id) !== undefined) return;
  const { transaction, capture, refund } = input;
  const rate = input.isTaxed === true ? taxRateOf(sim, input.account_id) : 0;
  const line: Line = {
    line_id: input.line_id,
    settlement_id: null,
    payment_acquiring_account_id: acquiringAccountId(input.currency),
    account_id: input.account_id,
    currency: input.currency,
    type: input.type,
    detailed_type: input.detailed_type,
    amount: input.amount,
    tax_amount: shareOf(input.amount, rate),
    tax_basis_points: rate,
    payment_transaction_id: transaction?.payment_transaction_id ?? null,
    payment_transaction_reference: transaction?.payment_transaction_reference ?? null,
    purchase_reference: transaction?.purchase_reference ?? null,
    payment_capture_id: capture?.payment_capture_id ?? null,
    payment_capture_reference: capture?.payment_capture_reference ?? null,
    payment_refund_id: refund?.payment_refund_id ?? null,
    payment_refund_reference: refund?.payment_refund_reference ?? null,
    payment_dispute_id: input.disputeId ?? null,
    comment: input.comment ?? null,
    created_at: input.created_at,
  };
  sim.state.settlementLines.put(line);
}

/** What a capture and its fees, and a refund, mean for the balance. */
function collectTransaction(sim: Simulator, transaction: Transaction, before: number): void {
  const base = { account_id: transaction.account_id, currency: transaction.currency, transaction };
  for (const capture of transaction.captures) {
    const id = capture.payment_capture_id;
    if (capture.created_at >= before || sim.state.settlementLines.get(id) !== undefined) continue;
    const terms = termsOf(sim, transaction.account_id);
    const at = { ...base, capture, created_at: capture.created_at };
    addLine(sim, { ...at, line_id: id, type: "SALE", detailed_type: "PURCHASE", amount: capture.amount });
    addLine(sim, {
      ...at,
      line_id: `${id}:fee:percentage`,
      type: "FEE",
      detailed_type: "PURCHASE_FEE_PERCENTAGE",
      amount: -shareOf(capture.amount, terms.fee_basis_points),
      isTaxed: true,
    });
    addLine(sim, {
      ...at,
      line_id: `${id}:fee:fixed`,
      type: "FEE",
      detailed_type: "PURCHASE_FEE_FIXED",
      amount: -(terms.fee_fixed ?? (FEES[transaction.currency] ?? FALLBACK_FEES).fixed),
      isTaxed: true,
    });
  }
  for (const refund of transaction.refunds) {
    if (refund.created_at >= before) continue;
    const capture =
      refund.payment_capture_id === null
        ? undefined
        : transaction.captures.find((entry) => entry.payment_capture_id === refund.payment_capture_id);
    addLine(sim, {
      ...base,
      line_id: refund.payment_refund_id,
      type: "RETURN",
      detailed_type: "PURCHASE_RETURN",
      amount: -refund.amount,
      refund,
      capture,
      created_at: refund.created_at,
    });
  }
}

/** Writes the lines of captures and refunds that have none yet. Disputes write theirs as they happen. */
export function collectLines(sim: Simulator, before = Number.POSITIVE_INFINITY): void {
  for (const transaction of sim.state.transactions.values()) {
    if (transaction.captures.length > 0) collectTransaction(sim, transaction, before);
  }
}

export function disputeFeeOf(sim: Simulator, accountId: string, currency: string): number {
  return termsOf(sim, accountId).dispute_fee ?? (FEES[currency] ?? FALLBACK_FEES).dispute;
}
