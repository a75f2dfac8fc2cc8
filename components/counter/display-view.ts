import { z } from "zod";
import { modeSchema } from "@/server/core/schema";
import { PublicStatusSchema } from "@/server/domain/payments/schema";

/** What a customer's screen needs of a payment, and nothing else: no links, no tokens, no customer. */
export const DisplayMessageSchema = z.object({
  id: z.string(),
  mode: modeSchema,
  status: PublicStatusSchema,
  amount: z.int(),
  currency: z.string(),
  launch: z.string().optional(),
  funding: z.object({ type: z.string(), state: z.string() }).nullish(),
  klarna: z.object({ qr_code: z.object({ target_url: z.string() }).nullable() }),
  created_at: z.string(),
  expires_at: z.string(),
  updated_at: z.string(),
});

export type DisplayView = {
  id: string;
  mode: "test" | "live";
  status: z.infer<typeof PublicStatusSchema>;
  amount: number;
  currency: string;
  qrTarget: string | null;
  /** The customer scanned the shop's own code, or opened a link: this screen has none to show. */
  isOnPhone: boolean;
  /** Approved, but Klarna does not vouch for the money, or not any more. */
  isHeld: boolean;
  createdAt: string;
  expiresAt: string;
  updatedAt: string;
};

export function toDisplayView(payment: z.infer<typeof DisplayMessageSchema>): DisplayView {
  return {
    id: payment.id,
    mode: payment.mode,
    status: payment.status,
    amount: payment.amount,
    currency: payment.currency,
    qrTarget: payment.status === "pending" ? (payment.klarna.qr_code?.target_url ?? null) : null,
    isOnPhone: payment.launch !== undefined && payment.launch !== "qr",
    isHeld: payment.funding?.type === "non_guaranteed" && payment.funding.state !== "funded",
    createdAt: payment.created_at,
    expiresAt: payment.expires_at,
    updatedAt: payment.updated_at,
  };
}

/** What the screen looks like, by what the payment is. */
export type DisplayPhase =
  | "starting"
  | "scan"
  | "phone"
  | "paying"
  | "confirming"
  | "done"
  | "held"
  | "refused"
  | "over";

const PHASES: Readonly<Record<DisplayView["status"], DisplayPhase>> = {
  processing: "starting",
  pending: "scan",
  in_progress: "paying",
  finalizing: "confirming",
  authorized: "done",
  completed: "done",
  declined: "refused",
  failed: "refused",
  canceled: "over",
  expired: "over",
  voided: "over",
  authorization_expired: "over",
};

export function displayPhase(view: DisplayView): DisplayPhase {
  const phase = PHASES[view.status];
  if (phase === "scan" && view.qrTarget === null) return view.isOnPhone ? "phone" : "starting";
  return phase === "done" && view.isHeld ? "held" : phase;
}

/** Nothing more will come that a customer has to see. */
export function isOver(view: DisplayView): boolean {
  return ["done", "refused", "over"].includes(PHASES[view.status]);
}
