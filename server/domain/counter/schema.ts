import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import {
  amountSchema,
  currencySchema,
  freeTextSchema,
  lineSchema,
  modeSchema,
  referenceSchema,
} from "@/server/core/schema";
import { PAYMENT_LAUNCHES, PublicStatusSchema, ShortCodeSchema } from "@/server/domain/payments/schema";

/* What the till and the kiosk send and show. The same for the browser and the server actions. */

/** Names one attempt: however often its button is pressed, it is one payment or one return. */
export const NonceSchema = z.string().regex(/^[0-9a-f]{32}$/);

export const CounterLineSchema = z.strictObject({
  name: freeTextSchema(1, 255),
  quantity: z.int().min(1).max(9_999),
  unitPrice: amountSchema,
});
export type CounterLine = z.infer<typeof CounterLineSchema>;

export const TakeSchema = z.strictObject({
  terminalId: idSchema("terminal"),
  nonce: NonceSchema,
  amount: amountSchema,
  currency: currencySchema,
  reference: referenceSchema,
  lines: z.array(CounterLineSchema).max(100).default([]),
  /** As the presentation named it, where the customer chose from Klarna's own texts. */
  paymentOptionId: lineSchema(1, 255).nullable().default(null),
  /** What the customer read out; null shows a QR code. At terminals of classic sessions only. */
  shortCode: ShortCodeSchema.nullable().default(null),
});
/** Nobody reads a code out to a kiosk, and nobody tries codes of others there. */
export const KioskTakeSchema = TakeSchema.extend({ shortCode: z.null().default(null) });
export type TakeInput = z.input<typeof TakeSchema>;

export const ReturnSchema = z.strictObject({
  terminalId: idSchema("terminal"),
  nonce: NonceSchema,
  paymentId: idSchema("payment"),
  /** Minor units; null gives back what is left of the capture. Not with lines. */
  amount: amountSchema.nullable(),
  /** Places in the list of the sale's lines, each whole. */
  lines: z.array(z.int().min(0).max(499)).max(500).default([]),
  capture: idSchema("capture").nullable().default(null),
  reason: freeTextSchema(1, 255),
});
export type ReturnInput = z.input<typeof ReturnSchema>;

/** What is typed, or read by a scanner, to find a sale again. */
export const SaleSearchSchema = freeTextSchema(1, 255);

/** A payment as the counter shows it: nothing of the customer, no token, no note of the Partner's. */
export const CounterPaymentSchema = z.object({
  id: z.string(),
  mode: modeSchema,
  status: PublicStatusSchema,
  amount: z.int(),
  currency: z.string(),
  reference: z.string(),
  launch: z.enum(PAYMENT_LAUNCHES).default("qr"),
  amount_refunded: z.int(),
  amount_refundable: z.int(),
  klarna: z.object({ qr_code: z.object({ target_url: z.string() }).nullable() }),
  funding: z.object({ type: z.string(), state: z.string() }).nullish(),
  failure: z.object({ code: z.string() }).nullish(),
  created_at: z.string(),
  expires_at: z.string(),
  updated_at: z.string(),
});
export type CounterPayment = z.infer<typeof CounterPaymentSchema>;

/** Approved, but Klarna does not vouch for the money, or not any more: the goods stay here until it is funded. */
export function isHeld({ status, funding }: Pick<CounterPayment, "status" | "funding">): boolean {
  const isApproved = status === "authorized" || status === "completed";
  return isApproved && funding?.type === "non_guaranteed" && funding.state !== "funded";
}

/** Failures that asking Klarna once more would meet again: another way to pay is needed, and a person. */
export const HOPELESS_FAILURES: ReadonlySet<string> = new Set(["klarna_not_permitted", "klarna_error"]);

/** A sale that may be given back, wherever it was made. */
export type Sale = {
  id: string;
  reference: string;
  status: CounterPayment["status"];
  amount: number;
  currency: string;
  channel: "in_store" | "web" | "mobile_app";
  storeName: string | null;
  createdAt: string;
  amountRefundable: number;
};
export type SaleLine = { index: number; name: string; quantity: number; amount: number };
export type SaleCapture = { id: string; amount: number; left: number };
export type SaleRecord = Sale & { lines: SaleLine[]; captures: SaleCapture[] };

/**
 * `approval`: a second person has to agree first. `limit`: more than this till may give back, `amount` is the most.
 * `currency`: this till's limit is stated in another one than the sale. In all three nothing was sent, and there is neither
 * id nor status.
 */
export type ReturnOutcome = {
  kind: "refund" | "approval" | "limit" | "currency";
  id: string | null;
  status: "processing" | "succeeded" | "failed" | null;
  amount: number;
  currency: string;
};

/** How Klarna wants to be shown, in its own words, with pictures that the page may show. */
export type KioskMethod = {
  isAvailable: boolean;
  /** Klarna could not be asked now. */
  isUnreachable: boolean;
  instruction: "show" | "preselect" | "show_only" | "hide";
  paymentOptionId: string | null;
  header: string | null;
  subheader: string | null;
  message: string | null;
  badge: string | null;
  button: string | null;
  termsUrl: string | null;
  image: { source: string; alt: string } | null;
};
