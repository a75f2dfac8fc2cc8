import { requirePermission, type ServiceContext } from "@/server/context";
import { SECOND_MS } from "@/server/core/time";
import { inTimeOf, issueDisplayToken, toPublic } from "./change";
import { issueReturnToken, openPurchase, partnerReturnUrl } from "./purchase";
import { findPayment } from "./repository";
import type { PaymentRecord } from "./rows";
import type { PublicPayment } from "./schema";
import { isSettled, QR_STATES } from "./states";
import { advancePayment } from "./sweep";

/*
 * The customer's browser on its way to Klarna and back. Nothing is decided by it: it may make us ask Klarna sooner, and is
 * then told what we know.
 */

/** What a browser may be told of a payment, and where it goes next. */
export type JourneyView = {
  payment: PublicPayment;
  partnerName: string;
  isSettled: boolean;
  /** Klarna's own address of the journey, as long as the customer may still go there. */
  klarnaUrl: string | null;
  /** The Partner's address, with what we know now; null where the Partner gave none. */
  returnUrl: string | null;
};

function toView(ctx: ServiceContext, record: PaymentRecord): JourneyView {
  const payment = toPublic(ctx, record);
  const { back } = openPurchase(ctx, record);
  const target = back?.partner ?? back?.app ?? null;
  const url = payment.klarna.payment_request_url;
  const now = inTimeOf(ctx, record).clock.now();
  const isWaiting =
    QR_STATES.includes(record.state) &&
    record.stopMark === null &&
    now < record.expiresAt &&
    (record.klarnaRequestExpiresAt === null || now < record.klarnaRequestExpiresAt);
  return {
    payment,
    partnerName: record.partnerName,
    isSettled: isSettled(record.state),
    klarnaUrl: isWaiting && url !== null && /^https?:\/\//.test(url) ? url : null,
    returnUrl: target === null ? null : partnerReturnUrl(target, payment),
  };
}

/** Null for a payment that is not there. Errors: permission_denied. */
export async function findJourney(ctx: ServiceContext, id: string): Promise<JourneyView | null> {
  requirePermission(ctx, "payments:read");
  const record = await findPayment(ctx.db, ctx.scope, id);
  return record === null ? null : toView(ctx, record);
}

/** The tokens of the customer who came back from Klarna: for our own pages, and for following the payment live. */
export function issueJourneyTokens(
  ctx: Pick<ServiceContext, "secrets">,
  id: string,
): { returnToken: string; displayToken: string } {
  return { returnToken: issueReturnToken(ctx, id), displayToken: issueDisplayToken(ctx, id) };
}

/** One payment is asked about at Klarna no more often than this because browsers come back. */
const ASK_INTERVAL_MS = 3 * SECOND_MS;
const ASKS_MAX = 20;
const ASKED_MAX = 5_000;
type Asking = { at: number; done: Promise<void> | null };
const asking = new WeakMap<ServiceContext["db"], Map<string, Asking>>();

/**
 * Learns at Klarna how far an open payment is, because its customer has come back; waits for that at most `waitMs`. Many
 * returns at once make one question, and a payment is asked about at most every three seconds.
 */
export async function refreshJourney(ctx: ServiceContext, id: string, waitMs: number): Promise<JourneyView | null> {
  const view = await findJourney(ctx, id);
  if (view === null || view.isSettled || view.payment.klarna.payment_request_id === null) return view;
  const asked = asking.get(ctx.db) ?? new Map<string, Asking>();
  asking.set(ctx.db, asked);
  const done = askOnce(ctx, id, asked);
  if (done === null) return view;
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([
    done,
    new Promise<void>((resolve) => {
      timer = setTimeout(resolve, waitMs);
    }),
  ]);
  clearTimeout(timer);
  return findJourney(ctx, id);
}

function askOnce(ctx: ServiceContext, id: string, asked: Map<string, Asking>): Promise<void> | null {
  const known = asked.get(id);
  if (known?.done) return known.done;
  const now = performance.now();
  if (known && now - known.at < ASK_INTERVAL_MS) return null;
  const running = [...asked.values()].filter((one) => one.done !== null).length;
  if (running >= ASKS_MAX) return null;
  if (asked.size >= ASKED_MAX)
    for (const [key, one] of asked) if (one.done === null && now - one.at >= ASK_INTERVAL_MS) asked.delete(key);
  const mine: Asking = { at: now, done: null };
  mine.done = advancePayment(ctx, id)
    .then(
      () => undefined,
      (error: unknown) => ctx.log.warn({ error, payment_id: id }, "a payment could not be read for its customer"),
    )
    .finally(() => {
      mine.done = null;
      mine.at = performance.now();
    });
  asked.set(id, mine);
  return mine.done;
}
