import { type Language, localeFor } from "@/server/core/languages";
import { formatMoney, toDecimalString } from "@/server/core/money";
import type { Address } from "@/server/core/schema";
import type { CaptureRow, PaymentRecord, RefundRow } from "@/server/domain/payments/rows";
import type { LineItem } from "@/server/domain/payments/schema";
import { cleanLine } from "./cells";
import { RECEIPT_WORDS, type ReceiptWords } from "./words";

/** What a receipt says, part after part; text, HTML, PDF and printers each set it in their way. */
export type Block =
  | { kind: "center"; text: string; isStrong?: boolean }
  | { kind: "title"; text: string }
  | { kind: "pair"; left: string; right: string; isStrong?: boolean }
  | { kind: "item"; name: string; amount: string; details: string }
  | { kind: "reference"; label: string; value: string }
  | { kind: "tax"; head: readonly [string, string, string]; rows: readonly TaxRow[] }
  | { kind: "note"; text: string }
  | { kind: "rule" }
  | { kind: "code"; value: string; label: string };
export type TaxRow = { rate: string; net: string; tax: string; gross: string };
export type ReceiptContent = { title: string; language: Language; blocks: Block[] };

/** Where the customer stood: of a return the place of the return. */
export type ReceiptPlace = {
  partnerName: string;
  brandName: string | null;
  storeName: string | null;
  storeAddress: Address | null;
  country: string;
  terminalReference: string | null;
  terminalLabel: string | null;
  header: string;
  footer: string;
  timeZone: string;
};

export type SoldPayment = Pick<
  PaymentRecord,
  | "id"
  | "mode"
  | "state"
  | "amount"
  | "currency"
  | "reference"
  | "lineItems"
  | "amountAuthorized"
  | "amountCaptured"
  | "amountVoided"
  | "klarnaPaymentTransactionId"
  | "klarnaReference"
  | "finalStartedAt"
  | "createdAt"
>;
export type Return = Pick<
  RefundRow,
  "id" | "state" | "amount" | "lineItems" | "reference" | "klarnaPaymentRefundId" | "createdAt"
>;

export type ReceiptFacts = {
  payment: SoldPayment;
  captures: readonly Pick<CaptureRow, "createdAt">[];
  refunds: readonly Return[];
  /** The return that the receipt is for; null for the sale. */
  refund: Return | null;
  place: ReceiptPlace;
  language: Language;
  /** For figures and dates; by language and country when left out. */
  locale?: string;
};

type Writer = {
  words: ReceiptWords;
  money: (amount: number) => string;
  figure: (amount: number) => string;
  percent: (basisPoints: number) => string;
  day: (at: Date) => string;
  moment: (at: Date) => string;
};

function writerOf(facts: ReceiptFacts): Writer {
  const { currency } = facts.payment;
  const locale = facts.locale ?? localeFor(facts.language, facts.place.country);
  const { timeZone } = facts.place;
  const digits = toDecimalString({ amount: 0, currency }).split(".")[1]?.length ?? 0;
  const figures = new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const percents = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 2 });
  const date = { year: "numeric", month: "2-digit", day: "2-digit", timeZone } as const;
  const time = { hour: "2-digit", minute: "2-digit", timeZoneName: "short" } as const;
  return {
    words: RECEIPT_WORDS[facts.language],
    money: (amount) => cleanLine(formatMoney(amount, currency, locale)),
    figure: (amount) => cleanLine(figures.format(toDecimalString({ amount, currency }) as `${number}`)),
    percent: (basisPoints) => cleanLine(percents.format(basisPoints / 10_000)),
    day: (at) => cleanLine(new Intl.DateTimeFormat(locale, date).format(at)),
    moment: (at) => cleanLine(new Intl.DateTimeFormat(locale, { ...date, ...time }).format(at)),
  };
}

const RULE: Block = { kind: "rule" };
const settled = (row: { state: string }): boolean => row.state === "SUCCEEDED";

/** Facts as blocks. Nothing of the customer, and nothing that the Partner noted for itself, is on a receipt. */
export function receiptContent(facts: ReceiptFacts): ReceiptContent {
  const write = writerOf(facts);
  const { payment, refund } = facts;
  const title = refund ? write.words.returned : write.words.receipt;
  const banner: Block[] =
    payment.mode === "test" ? [{ kind: "center", text: `*** ${write.words.test} ***`, isStrong: true }] : [];
  const blocks: Block[] = [
    ...banner,
    ...headOf(facts.place),
    RULE,
    { kind: "title", text: title },
    { kind: "pair", left: write.words.date, right: write.moment(refund ? refund.createdAt : soldAt(facts)) },
    ...terminalOf(facts, write),
    { kind: "pair", left: write.words.reference, right: cleanLine(payment.reference) },
    ...(refund ? returnOf(facts, refund, write) : saleOf(facts, write)),
    RULE,
    ...referencesOf(facts, write),
    { kind: "code", value: payment.id, label: write.words.scan },
    ...linesOf(facts.place.footer),
    ...banner,
  ];
  return { title, language: facts.language, blocks };
}

function soldAt({ payment, captures }: ReceiptFacts): Date {
  return captures[0]?.createdAt ?? payment.finalStartedAt ?? payment.createdAt;
}

function linesOf(text: string): Block[] {
  return text
    .split(/\r\n|\r|\n/)
    .map(cleanLine)
    .filter((line) => line !== "")
    .map((line) => ({ kind: "center", text: line }));
}

function headOf(place: ReceiptPlace): Block[] {
  const name = cleanLine(place.brandName ?? place.partnerName);
  const store = cleanLine(place.storeName ?? "");
  const address = place.storeAddress;
  const lines = [
    store === name ? "" : store,
    ...(address
      ? [
          cleanLine([address.street_address, address.street_address2].filter(Boolean).join(", ")),
          cleanLine(
            `${address.postal_code} ${address.city}${address.region ? `, ${address.region}` : ""}, ${address.country}`,
          ),
        ]
      : []),
  ];
  return [
    { kind: "center", text: name, isStrong: true },
    ...lines.filter((line) => line !== "").map((text): Block => ({ kind: "center", text })),
    // Who the contract is with, where the brand goes by another name.
    ...(place.brandName !== null && cleanLine(place.partnerName) !== name
      ? [{ kind: "center", text: cleanLine(place.partnerName) } as const]
      : []),
    ...linesOf(place.header),
  ];
}

function terminalOf({ place }: ReceiptFacts, { words }: Writer): Block[] {
  if (place.terminalReference === null) return [];
  const [label, reference] = [cleanLine(place.terminalLabel ?? ""), cleanLine(place.terminalReference)];
  const right = label === "" || label === reference ? reference : `${label} (${reference})`;
  return [{ kind: "pair", left: words.terminal, right }];
}

function itemOf(line: LineItem, write: Writer): Block {
  const details = [
    line.quantity === 1 && line.unit_price === undefined
      ? ""
      : `${line.quantity}${line.unit_price === undefined ? "" : ` x ${write.figure(line.unit_price)}`}`,
    line.tax_rate === undefined ? "" : `${write.words.tax} ${write.percent(line.tax_rate)}`,
  ];
  return {
    kind: "item",
    name: cleanLine(line.name),
    amount: write.figure(line.total_amount),
    details: details.filter((part) => part !== "").join(", "),
  };
}

/** The lines; what they do not add up to is a line of its own, so that the paper never contradicts its total. */
function itemsOf(lines: readonly LineItem[], total: number, write: Writer): Block[] {
  if (lines.length === 0) return [];
  const rest = total - lines.reduce((sum, line) => sum + line.total_amount, 0);
  return [
    RULE,
    ...lines.map((line) => itemOf(line, write)),
    ...(rest === 0
      ? []
      : [{ kind: "item", name: write.words.other, amount: write.figure(rest), details: "" } as const]),
  ];
}

/** By rate, as the Partner told it: a tax that was not told is not worked out. */
function taxOf(lines: readonly LineItem[], write: Writer): Block[] {
  const groups = new Map<string, { rate: number | null; tax: number; gross: number }>();
  for (const line of lines) {
    if (line.total_tax_amount === undefined) continue;
    const rate = line.tax_rate ?? null;
    const group = groups.get(String(rate)) ?? { rate, tax: 0, gross: 0 };
    group.tax += line.total_tax_amount;
    group.gross += line.total_amount;
    groups.set(String(rate), group);
  }
  if (groups.size === 0) return [];
  const rows = [...groups.values()]
    .sort((a, b) => (b.rate ?? -1) - (a.rate ?? -1))
    .map(({ rate, tax, gross }) => ({
      rate: rate === null ? write.words.tax : write.percent(rate),
      net: write.figure(gross - tax),
      tax: write.figure(tax),
      gross: write.figure(gross),
    }));
  return [{ kind: "tax", head: [write.words.net, write.words.tax, write.words.gross], rows }, RULE];
}

function saleOf(facts: ReceiptFacts, write: Writer): Block[] {
  const { payment } = facts;
  const { words, money } = write;
  // What an expired authorization left over may never be charged.
  const left =
    payment.state === "AUTHORIZED" ? payment.amountAuthorized - payment.amountCaptured - payment.amountVoided : 0;
  const isWhole = payment.amountCaptured === payment.amount;
  const returns = facts.refunds.filter(settled);
  const moved: Block[] = [
    ...(isWhole ? [] : [{ kind: "pair", left: words.charged, right: money(payment.amountCaptured) } as const]),
    ...(left > 0 ? [{ kind: "pair", left: words.toCharge, right: money(left) } as const] : []),
    ...(payment.amountVoided > 0
      ? [{ kind: "pair", left: words.released, right: money(payment.amountVoided) } as const]
      : []),
    ...returns.map(
      (refund): Block => ({
        kind: "pair",
        left: `${words.returned} ${write.day(refund.createdAt)}`,
        right: money(-refund.amount),
      }),
    ),
    ...(returns.length === 0
      ? []
      : [{ kind: "pair", left: words.left, right: money(payment.amountCaptured - sumOf(returns)) } as const]),
  ];
  return [
    ...itemsOf(payment.lineItems, payment.amount, write),
    RULE,
    { kind: "pair", left: words.total, right: money(payment.amount), isStrong: true },
    RULE,
    ...taxOf(payment.lineItems, write),
    { kind: "pair", left: "Klarna", right: money(payment.amount) },
    ...moved,
  ];
}

const sumOf = (refunds: readonly Return[]): number => refunds.reduce((sum, refund) => sum + refund.amount, 0);

function returnOf(facts: ReceiptFacts, refund: Return, write: Writer): Block[] {
  const { payment } = facts;
  const { words, money } = write;
  const before = facts.refunds.filter(
    (other) => other.id !== refund.id && settled(other) && other.createdAt <= refund.createdAt,
  );
  return [
    ...(refund.reference === null
      ? []
      : [{ kind: "pair", left: words.returned, right: cleanLine(refund.reference) } as const]),
    ...itemsOf(refund.lineItems, refund.amount, write),
    RULE,
    { kind: "pair", left: words.returned, right: money(refund.amount), isStrong: true },
    RULE,
    ...taxOf(refund.lineItems, write),
    { kind: "pair", left: "Klarna", right: money(refund.amount) },
    ...(settled(refund) ? [] : [{ kind: "note", text: words.processing } as const]),
    RULE,
    { kind: "pair", left: `${words.purchase} ${write.day(soldAt(facts))}`, right: money(payment.amount) },
    ...(settled(refund)
      ? [
          {
            kind: "pair",
            left: words.left,
            right: money(payment.amountCaptured - sumOf(before) - refund.amount),
          } as const,
        ]
      : []),
  ];
}

/** Each of them lets a clerk find the payment again, here or at Klarna. */
function referencesOf({ payment, refund }: ReceiptFacts, { words }: Writer): Block[] {
  const references: [string, string | null][] = [
    // The short one, where Klarna has given one: it stands on the customer's own papers too.
    [words.klarnaReference, payment.klarnaReference ?? payment.klarnaPaymentTransactionId],
    [words.klarnaReturn, refund?.klarnaPaymentRefundId ?? null],
    [words.returned, refund?.id ?? null],
    [words.payment, payment.id],
  ];
  return references.flatMap(([label, value]): Block[] =>
    value === null ? [] : [{ kind: "reference", label, value: cleanLine(value) }],
  );
}
