import { iso } from "../ids";
import { DEFAULT_TERMS, FALLBACK_FEES, FEES } from "../settlements/model";

/** What Klarna provisions after the contract and the acquirer can only read. Fixed ids, so that scripts may name them. */

export type AcquiringAccount = {
  payment_acquiring_account_id: string;
  acquiring_entity_name: string;
  klarna_legal_entity: string;
  settlement_configuration_id: string;
  currencies: readonly string[];
};

const acquiring = (tail: string) => `krn:partner:global:payment-acquiring-account:test:${tail}`;
const configuration = (tail: string) => `krn:partner:global:settlement-configuration:test:${tail}`;

export const ACQUIRING_ACCOUNTS: readonly AcquiringAccount[] = [
  {
    payment_acquiring_account_id: acquiring("0a1f5c1e-0000-4000-8000-000000000001"),
    acquiring_entity_name: "Acquirer Europe",
    klarna_legal_entity: "Klarna Bank AB (publ)",
    settlement_configuration_id: configuration("0a1f5c1e-0000-4000-8000-000000000011"),
    currencies: ["EUR", "SEK", "DKK", "NOK", "PLN", "CHF", "CZK", "HUF", "RON"],
  },
  {
    payment_acquiring_account_id: acquiring("0a1f5c1e-0000-4000-8000-000000000002"),
    acquiring_entity_name: "Acquirer UK",
    klarna_legal_entity: "Klarna Financial Services UK Limited",
    settlement_configuration_id: configuration("0a1f5c1e-0000-4000-8000-000000000012"),
    currencies: ["GBP"],
  },
  {
    payment_acquiring_account_id: acquiring("0a1f5c1e-0000-4000-8000-000000000003"),
    acquiring_entity_name: "Acquirer Americas",
    klarna_legal_entity: "Klarna Inc.",
    settlement_configuration_id: configuration("0a1f5c1e-0000-4000-8000-000000000013"),
    currencies: ["USD", "CAD", "MXN", "AUD", "NZD"],
  },
];

export type Rate = {
  issuing_country: string;
  merchant_category_code: string | null;
  sales_channel: "ONLINE" | "PHYSICAL";
  payment_program: string;
  /** Minor units of the currency, per capture. */
  fixed_amount: number;
  currency: string;
  /** Hundredths of a percent. */
  variable_basis_points: number;
};

export type PricePlan = {
  price_plan_id: string;
  name: string;
  state: "PUBLISHED";
  version: number;
  effective_from: string;
  micro_transaction_cap_basis_points: number;
  rates: readonly Rate[];
};

const PROGRAMS = ["PAY_IN_FULL", "PAY_LATER", "PAY_IN_PARTS", "FINANCING"] as const;
const PRICED: readonly (readonly [country: string, currency: string])[] = [
  ["DE", "EUR"],
  ["AT", "EUR"],
  ["NL", "EUR"],
  ["FR", "EUR"],
  ["SE", "SEK"],
  ["GB", "GBP"],
  ["US", "USD"],
];

/** One price per plan whatever the program and the channel, so that a settlement can be checked by head. */
function ratesOf(basisPoints: number): Rate[] {
  return PRICED.flatMap(([issuing_country, currency]) =>
    PROGRAMS.flatMap((payment_program) =>
      (["ONLINE", "PHYSICAL"] as const).map((sales_channel) => ({
        issuing_country,
        merchant_category_code: null,
        sales_channel,
        payment_program,
        fixed_amount: (FEES[currency] ?? FALLBACK_FEES).fixed,
        currency,
        variable_basis_points: basisPoints,
      })),
    ),
  );
}

const STANDARD_BASIS_POINTS = DEFAULT_TERMS.fee_basis_points;
const VOLUME_BASIS_POINTS = 249;

const plan = (tail: string) => `krn:partner:product:payment:price-plan:${tail}`;

export const PRICE_PLANS: readonly PricePlan[] = [
  {
    price_plan_id: plan("0a1f5c1e-0000-4000-8000-000000000021"),
    name: "Standard",
    state: "PUBLISHED",
    version: 1,
    effective_from: iso(Date.UTC(2025, 0, 1)),
    micro_transaction_cap_basis_points: 1_000,
    rates: ratesOf(STANDARD_BASIS_POINTS),
  },
  {
    price_plan_id: plan("0a1f5c1e-0000-4000-8000-000000000022"),
    name: "Volume",
    state: "PUBLISHED",
    version: 2,
    effective_from: iso(Date.UTC(2025, 5, 1)),
    micro_transaction_cap_basis_points: 800,
    rates: ratesOf(VOLUME_BASIS_POINTS),
  },
];

export type PaymentProfile = {
  payment_profile_id: string;
  name: string;
  price_plan_id: string;
  payment_program_plan_id: string;
  payment_programs: readonly string[];
};

const profile = (tail: string) => `krn:partner:product:payment:profile:${tail}`;
const programs = (tail: string) => `krn:partner:product:payment:program-plan:${tail}`;

export const PAYMENT_PROFILES: readonly PaymentProfile[] = [
  {
    payment_profile_id: profile("0a1f5c1e-0000-4000-8000-000000000031"),
    name: "Standard, all programs",
    price_plan_id: plan("0a1f5c1e-0000-4000-8000-000000000021"),
    payment_program_plan_id: programs("0a1f5c1e-0000-4000-8000-000000000041"),
    payment_programs: PROGRAMS,
  },
  {
    payment_profile_id: profile("0a1f5c1e-0000-4000-8000-000000000032"),
    name: "Volume, without financing",
    price_plan_id: plan("0a1f5c1e-0000-4000-8000-000000000022"),
    payment_program_plan_id: programs("0a1f5c1e-0000-4000-8000-000000000042"),
    payment_programs: ["PAY_IN_FULL", "PAY_LATER", "PAY_IN_PARTS"],
  },
];

/** The variable part of the price that comes with a payment profile; nothing where there is none. */
export function feeOfProfile(paymentProfileId: string | null | undefined): { fee_basis_points?: number } {
  const found = PAYMENT_PROFILES.find((entry) => entry.payment_profile_id === paymentProfileId);
  const rate = PRICE_PLANS.find((entry) => entry.price_plan_id === found?.price_plan_id)?.rates[0];
  return rate === undefined ? {} : { fee_basis_points: rate.variable_basis_points };
}
