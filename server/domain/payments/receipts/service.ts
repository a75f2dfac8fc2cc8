import { requirePermission, type ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { languageOf, pickLanguage } from "@/server/core/languages";
import { timeZoneOf } from "@/server/core/time-zones";
import { findPayment, listCaptures, listRefundRows } from "@/server/domain/payments/repository";
import type { PaymentState } from "@/server/domain/payments/states";
import { getSurroundings } from "@/server/domain/payments/surroundings";
import { receiptContent } from "./content";
import { receiptEscpos } from "./escpos";
import { RECEIPT_CSP, receiptHtml } from "./html";
import { receiptPdf } from "./pdf";
import { receiptText } from "./text";

export const RECEIPT_FORMATS = ["text", "html", "pdf", "escpos"] as const;
export type ReceiptFormat = (typeof RECEIPT_FORMATS)[number];
export const RECEIPT_TYPES: Readonly<Record<ReceiptFormat, string>> = {
  text: "text/plain; charset=utf-8",
  html: "text/html; charset=utf-8",
  pdf: "application/pdf",
  escpos: "application/vnd.escpos",
};
export type Receipt = {
  contentType: string;
  body: string | Buffer;
  /** Of the page: only the receipt's own style. Null where the format is no page. */
  contentSecurityPolicy: string | null;
  /** Under which it is saved. */
  fileName: string;
};

const APPROVED: ReadonlySet<PaymentState> = new Set<PaymentState>([
  "AUTHORIZED",
  "AUTHORIZATION_EXPIRED",
  "COMPLETED",
  "VOIDED",
]);
const EXTENSIONS: Readonly<Record<ReceiptFormat, string>> = { text: "txt", html: "html", pdf: "pdf", escpos: "bin" };

/**
 * The receipt of a sale, or with `refundId` of a return: 42 columns of text, and the same as a page, a PDF or bytes for a
 * printer. `locale` (a BCP 47 tag) chooses the words and figures; without it the terminal's language, else the one of the
 * store's country. `nonce` is for the page's style where a policy of the web app stands before it.
 * Errors: permission_denied, payment_not_found, not_found (another payment's return), state_conflict (a payment that was
 * never approved, a return that failed). Source: KNR-L8.
 */
export async function getReceipt(
  ctx: ServiceContext,
  paymentId: string,
  input: { format: ReceiptFormat; refundId?: string; locale?: string; nonce?: string },
): Promise<Receipt> {
  requirePermission(ctx, "payments:read");
  const payment = await findPayment(ctx.db, ctx.scope, paymentId);
  if (!payment) throw new AppError("payment_not_found");
  if (!APPROVED.has(payment.state)) {
    throw new AppError("state_conflict", {
      detail: "A payment that was not approved has no receipt.",
      params: { status: payment.state.toLowerCase() },
    });
  }
  const [captures, refunds, place] = await Promise.all([
    listCaptures(ctx.db, payment),
    listRefundRows(ctx.db, payment),
    getSurroundings(ctx, paymentId, input.refundId),
  ]);
  const refund = input.refundId === undefined ? null : refunds.find(({ id }) => id === input.refundId);
  if (refund === undefined) throw new AppError("not_found");
  if (refund?.state === "FAILED") {
    throw new AppError("state_conflict", { detail: "A return that failed has no receipt." });
  }
  const { settings } = place;
  const language = pickLanguage({ asked: input.locale, setting: settings.language, country: place.country });
  const hasOwnFigures = input.locale !== undefined && languageOf(input.locale) !== null && /[-_]/.test(input.locale);
  const content = receiptContent({
    payment,
    captures,
    refunds,
    refund,
    language,
    ...(hasOwnFigures && input.locale !== undefined ? { locale: input.locale } : {}),
    place: {
      partnerName: payment.partnerName,
      brandName: place.brandName,
      storeName: place.storeName,
      storeAddress: place.storeAddress,
      country: place.country,
      terminalReference: place.terminalReference,
      terminalLabel: place.terminalLabel,
      header: settings.receipt_header,
      footer: settings.receipt_footer,
      timeZone: timeZoneOf({ setting: settings.time_zone, country: place.country, region: place.region }),
    },
  });
  const draw: Record<ReceiptFormat, () => string | Buffer | Promise<Buffer>> = {
    text: () => receiptText(content.blocks),
    html: () => receiptHtml(content, input.nonce),
    pdf: () => receiptPdf(content, refund?.createdAt ?? payment.createdAt),
    escpos: () => receiptEscpos(content),
  };
  return {
    contentType: RECEIPT_TYPES[input.format],
    body: await draw[input.format](),
    contentSecurityPolicy: input.format === "html" ? RECEIPT_CSP : null,
    fileName: `receipt-${refund?.id ?? payment.id}.${EXTENSIONS[input.format]}`,
  };
}
