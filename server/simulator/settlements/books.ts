import { at, type Client, type Json } from "../fixtures";

/**
 * A small client with books of its own, for the simulator's tests. It believes only what it was answered, repeats what
 * failed under the same idempotency key, and works out fees and outcomes by rules of its own.
 */

export type Random = () => number;

/** Mulberry32: small, quick, the same numbers for the same seed. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const FAULTS = [
  "status_500",
  "status_503",
  "status_429",
  "html_502",
  "cut_before",
  "status_500_after",
  "cut_after",
  "cut_halfway",
  "malformed",
  "wrong_schema",
  "slow;delay_ms=1",
];
const TRIES_MAX = 12;
const DISPUTES = "/v4/payment/disputes";

/** What the price list says, written down here once more. */
const FIXED_FEES: Record<string, number> = { EUR: 35, SEK: 350, GBP: 20, USD: 30 };
const DISPUTE_FEES: Record<string, number> = { EUR: 1_500, SEK: 17_000, GBP: 1_500, USD: 1_500 };
const PERCENTAGE = 2.99;

export const CURRENCIES_USED = Object.keys(FIXED_FEES);

export type BookedTransaction = {
  id: string;
  base: string;
  currency: string;
  taxPercent: number;
  amount: number;
  isClosed: boolean;
  captures: { id: string; amount: number; refunded: number }[];
  refunds: { id: string; amount: number }[];
  voided: number;
};

type BookedDispute = { id: string; transaction: BookedTransaction; amount: number; proposed: number };

export type CallResult = { status: number; body: Json };

function roundHalfUp(value: number): number {
  return Math.floor(value + 0.5 + 1e-9);
}

export function createBookkeeper(client: Client, random: Random, faultShare: number) {
  const transactions: BookedTransaction[] = [];
  const disputes: BookedDispute[] = [];
  let lastKey = 0;
  let operations = 0;
  let faults = 0;

  const chance = (share: number): boolean => random() < share;
  const whole = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)];

  /** Repeats until a whole answer with the wanted field comes, or a refusal. */
  async function call(
    method: string,
    path: string,
    field: string,
    body?: Json,
    extra: { headers?: Record<string, string>; rawBody?: string } = {},
  ): Promise<CallResult> {
    operations += 1;
    lastKey += 1;
    const key = method === "GET" ? undefined : `book-${lastKey}`;
    for (let turn = 0; turn < TRIES_MAX; turn += 1) {
      const fault = turn < TRIES_MAX - 2 && chance(faultShare) ? pick(FAULTS) : undefined;
      if (fault !== undefined) faults += 1;
      try {
        const answer = await client.call(method, path, body, {
          key,
          ...extra,
          headers: { ...extra.headers, ...(fault === undefined ? {} : { "x-simulator-fault": fault }) },
        });
        if (answer.status >= 500 || answer.status === 429) continue;
        if (answer.status >= 400 && typeof answer.body.error_code === "string") return answer;
        if (answer.status < 300 && answer.body[field] !== undefined) return answer;
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
      }
    }
    throw new Error(`${method} ${path} never gave an answer`);
  }

  function remainingOf(transaction: BookedTransaction): number {
    return transaction.amount - transaction.voided - sum(transaction.captures, (capture) => capture.amount);
  }

  function book(answer: CallResult, base: string, currency: string, taxPercent: number): void {
    const response = at(answer.body, "payment_transaction_response");
    if (at(response, "result") !== "APPROVED") return;
    const made = at(response, "payment_transaction");
    const captures = at(made, "payment_captures");
    transactions.push({
      id: String(at(made, "payment_transaction_id")),
      base,
      currency,
      taxPercent,
      amount: Number(at(made, "amount")),
      isClosed: false,
      captures: (Array.isArray(captures) ? captures : []).map((capture) => ({
        id: String(at(capture, "payment_capture_id")),
        amount: Number(at(capture, "amount")),
        refunded: 0,
      })),
      refunds: [],
      voided: 0,
    });
  }

  async function authorize(account: { base: string; taxPercent: number }): Promise<void> {
    const { base, taxPercent } = account;
    const currency = pick(CURRENCIES_USED) ?? "EUR";
    const digits = chance(0.2) ? (pick([1, 8, 9]) ?? 1) : chance(0.8) ? 2 : 50;
    const amount = whole(10, 2_000) * 100 + digits;
    const capture = chance(0.5) ? "NOW" : "LATER";
    const ask: Json = { currency, request_payment_transaction: { amount, capture } };
    const first = await call("POST", `${base}/authorize`, "payment_transaction_response", {
      ...ask,
      ...(digits === 50 ? { step_up_config: { payment_request_reference: `book-${lastKey}` } } : {}),
    });
    const requestId = at(first.body, "payment_request", "payment_request_id");
    if (typeof requestId !== "string") {
      book(first, base, currency, taxPercent);
      return;
    }
    const played = await client.control.play(requestId, chance(0.9) ? "complete" : "decline", { force: true });
    const token = played.klarna_network_session_token;
    if (token === null) return;
    const headers = { "klarna-network-session-token": token };
    const final = await call("POST", `${base}/authorize`, "payment_transaction_response", ask, { headers });
    book(final, base, currency, taxPercent);
  }

  async function capture(transaction: BookedTransaction): Promise<void> {
    const remaining = remainingOf(transaction);
    // Now and then more than there is: it must be refused and change nothing.
    const amount = chance(0.1) ? remaining + 1 : chance(0.5) ? remaining : whole(1, Math.max(1, remaining));
    if (amount < 1) return;
    const path = `${transaction.base}/transactions/${transaction.id}/captures`;
    const answer = await call("POST", path, "payment_capture_id", { amount });
    if (answer.status !== 201) return;
    transaction.captures.push({ id: String(answer.body.payment_capture_id), amount, refunded: 0 });
  }

  async function refund(transaction: BookedTransaction): Promise<void> {
    const one = chance(0.5) ? pick(transaction.captures) : undefined;
    const from = one === undefined ? transaction.captures : [one];
    const refundable = sum(from, (entry) => entry.amount - entry.refunded);
    const amount = chance(0.1) ? refundable + 1 : chance(0.3) ? refundable : whole(1, Math.max(1, refundable));
    if (amount < 1) return;
    const path = `${transaction.base}/transactions/${transaction.id}${one === undefined ? "" : `/captures/${one.id}`}/refunds`;
    const answer = await call("POST", path, "payment_refund_id", { amount });
    if (answer.status !== 201) return;
    let left = amount;
    for (const entry of from) {
      const part = Math.min(left, entry.amount - entry.refunded);
      entry.refunded += part;
      left -= part;
    }
    transaction.refunds.push({ id: String(answer.body.payment_refund_id), amount });
  }

  async function release(transaction: BookedTransaction): Promise<void> {
    const path = `${transaction.base}/transactions/${transaction.id}/void`;
    const answer = await call("POST", path, "payment_transaction", {});
    if (answer.status !== 200) return;
    transaction.voided += remainingOf(transaction);
    transaction.isClosed = transaction.captures.length === 0;
  }

  async function dispute(transaction: BookedTransaction): Promise<void> {
    operations += 1;
    const most = sum(transaction.captures, (entry) => entry.amount - entry.refunded);
    const answer = await client.call("POST", "/_control/disputes", {
      payment_transaction_id: transaction.id,
      amount: chance(0.5) ? Math.max(1, most) : whole(1, Math.max(1, most)),
      reason: pick(["PURCHASE_UNAUTHORIZED", "INCORRECT_AMOUNT", "PURCHASE_HIGH_RISK", "REFUND_NOT_PROCESSED"]),
    });
    if (answer.status !== 201) return;
    disputes.push({
      id: String(answer.body.payment_dispute_id),
      transaction,
      amount: Number(at(answer.body, "dispute_details", "dispute_amount")),
      proposed: 0,
    });
  }

  async function represent(entry: BookedDispute): Promise<void> {
    const path = `${DISPUTES}/${entry.id}`;
    const boundary = "book";
    const file = await call("POST", `${path}/attachments`, "payment_dispute_attachment_id", undefined, {
      headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
      rawBody: `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-1\r\n--${boundary}--\r\n`,
    });
    if (file.status !== 201) return;
    const proposed = chance(0.3) && entry.amount > 1 ? whole(1, entry.amount - 1) : 0;
    const answer = await call("POST", `${path}/represent`, "state", {
      attachments: [{ payment_dispute_attachment_id: file.body.payment_dispute_attachment_id }],
      ...(proposed === 0 ? {} : { partner_proposed_refund_amount: proposed }),
    });
    if (answer.status === 201) entry.proposed = proposed;
  }

  async function work(entry: BookedDispute): Promise<void> {
    const path = `${DISPUTES}/${entry.id}`;
    const { state } = (await call("GET", path, "state")).body;
    const decide = (): Promise<unknown> =>
      client.call("POST", `/_control${path.slice("/v4/payment".length)}/play`, {
        action: chance(0.5) ? "win" : "lose",
      });
    switch (state) {
      case "INITIATED":
        if (chance(0.3)) await call("POST", `${path}/accept-loss`, "state");
        else if (chance(0.7)) await represent(entry);
        return;
      case "REPRESENTMENT":
      case "ARBITRATION":
        if (chance(0.6)) await decide();
        return;
      case "PRE_ARBITRATION":
        if (chance(0.2)) await call("POST", `${path}/accept-loss`, "state");
        else if (chance(0.6)) await call("POST", `${path}/appeal`, "state", { additional_information: "look again" });
        return;
      default:
        return;
    }
  }

  /** What the Partner lost by disputes, and what Klarna still holds, asked of each dispute in the end. */
  async function disputed(currency: string): Promise<{ lost: number; held: number; fees: number }> {
    const totals = { lost: 0, held: 0, fees: 0 };
    for (const entry of disputes) {
      if (entry.transaction.currency !== currency) continue;
      const fee = DISPUTE_FEES[currency] ?? 0;
      totals.fees += fee + roundHalfUp((fee * entry.transaction.taxPercent) / 100);
      const { body } = await call("GET", `${DISPUTES}/${entry.id}`, "state");
      const context = at(body, "state_context");
      if (body.state === "CLOSED") {
        const isShared = at(context, "dispute_outcome_detailed") === "partner_has_refunded_payment_to_customer";
        totals.lost += at(context, "dispute_outcome") === "LOST" ? entry.amount : isShared ? entry.proposed : 0;
      } else if (at(body, "configuration", "options", "hold_policy") === "ON_DISPUTE_INITIATED") {
        totals.held += entry.amount;
      }
    }
    return totals;
  }

  function captureFees(transaction: BookedTransaction): number {
    const fixed = FIXED_FEES[transaction.currency] ?? 0;
    const taxed = (fee: number): number => fee + roundHalfUp((fee * transaction.taxPercent) / 100);
    return sum(transaction.captures, (entry) => taxed(roundHalfUp((entry.amount * PERCENTAGE) / 100)) + taxed(fixed));
  }

  return {
    call,
    chance,
    whole,
    pick,
    transactions,
    disputes,
    authorize,
    capture,
    refund,
    release,
    dispute,
    work,
    counts: () => ({ operations, faults }),
    /** The books of one currency. */
    async close(currency: string) {
      const own = transactions.filter((transaction) => transaction.currency === currency);
      const { lost, held, fees } = await disputed(currency);
      return {
        captured: sum(own, (transaction) => sum(transaction.captures, (entry) => entry.amount)),
        refunded: sum(own, (transaction) => sum(transaction.refunds, (entry) => entry.amount)),
        captureIds: own.flatMap((transaction) => transaction.captures.map((entry) => entry.id)),
        refundIds: own.flatMap((transaction) => transaction.refunds.map((entry) => entry.id)),
        fees: sum(own, captureFees) + fees,
        lost,
        held,
      };
    },
  };
}

export function sum<T>(items: readonly T[], amountOf: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += amountOf(item);
  return total;
}
