import { type Cell, csvResponse, exportFailure } from "@/app/(dashboard)/export/stream";
import { parseTableState } from "@/components/data-table/table-state";
import { routeContext } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { toDecimalString } from "@/server/core/money";
import type { PaymentFilter } from "@/server/domain/payments/schema";
import { getPaymentTotals, listPaymentRecordsPage, type PaymentView } from "@/server/domain/payments/service";
import { paymentChoices } from "../_components/payment-choices";
import { paymentFilter, paymentsTable } from "../_components/payments-table";

const PAGE_ROWS = 500;

type Payment = PaymentView["payment"];
const money = (payment: Payment, amount: number): string => toDecimalString({ amount, currency: payment.currency });

const left = (payment: Payment): number =>
  payment.state === "AUTHORIZED" ? payment.amountAuthorized - payment.amountCaptured - payment.amountVoided : 0;

const COLUMNS: ReadonlyArray<readonly [header: string, read: (payment: Payment) => Cell]> = [
  ["created_at", (payment) => payment.createdAt],
  ["payment_id", (payment) => payment.id],
  ["reference", (payment) => payment.reference],
  ["status", (payment) => payment.state.toLowerCase()],
  ["currency", (payment) => payment.currency],
  ["amount", (payment) => money(payment, payment.amount)],
  ["amount_authorized", (payment) => money(payment, payment.amountAuthorized)],
  ["amount_captured", (payment) => money(payment, payment.amountCaptured)],
  ["amount_refunded", (payment) => money(payment, payment.amountRefunded)],
  ["amount_voided", (payment) => money(payment, payment.amountVoided)],
  ["amount_left_to_capture", (payment) => money(payment, left(payment))],
  ["authorization_expires_at", (payment) => payment.authorizationExpiresAt],
  ["partner_id", (payment) => payment.partnerId],
  ["partner", (payment) => payment.partnerName],
  ["store_id", (payment) => payment.storeId],
  ["store_reference", (payment) => payment.storeReference],
  ["store", (payment) => payment.storeName],
  ["terminal_id", (payment) => payment.terminalId],
  ["terminal_reference", (payment) => payment.terminalReference],
  ["terminal", (payment) => payment.terminalLabel],
  ["channel", (payment) => payment.channel.toLowerCase()],
  ["launch", (payment) => payment.launch.toLowerCase()],
  ["interface", (payment) => payment.rail.toLowerCase()],
  ["capture", (payment) => payment.capture.toLowerCase()],
  // What Klarna itself says of a decline stays in the log.
  ["decline_reason", (payment) => (payment.declineReason === null ? null : "declined")],
  ["failure_code", (payment) => payment.failureCode],
  ["funding_type", (payment) => payment.fundingType?.toLowerCase()],
  ["funding_state", (payment) => payment.fundingState?.toLowerCase()],
  ["klarna_payment_request_id", (payment) => payment.klarnaPaymentRequestId],
  ["klarna_payment_transaction_id", (payment) => payment.klarnaPaymentTransactionId],
  ["klarna_reference", (payment) => payment.klarnaReference],
  ["metadata", (payment) => (Object.keys(payment.metadata).length === 0 ? null : JSON.stringify(payment.metadata))],
  ["expires_at", (payment) => payment.expiresAt],
  ["updated_at", (payment) => payment.updatedAt],
];

/** Everything the current filter finds, page by page as fast as it is read; a failure breaks the download off. */
async function* pages(ctx: ServiceContext, filter: PaymentFilter, signal: AbortSignal): AsyncGenerator<Cell[][]> {
  let cursor: string | undefined;
  do {
    const page = await listPaymentRecordsPage(ctx, filter, { limit: PAGE_ROWS, ...(cursor ? { cursor } : {}) });
    yield page.data.map((payment) => COLUMNS.map(([, read]) => read(payment)));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && !signal.aborted);
}

/** The list as a file: the same permission, the same filter, all of its rows. */
export async function GET(request: Request): Promise<Response> {
  try {
    const ctx = await routeContext("payments:read");
    const def = paymentsTable(await paymentChoices(ctx));
    const params = Object.fromEntries(new URL(request.url).searchParams);
    const now = ctx.clock.now();
    const filter = paymentFilter(def, parseTableState(def, params), now.getTime());
    // S41: a file that nobody opens is not written; the totals stop counting where this does.
    const { isPartial, count } = await getPaymentTotals(ctx, filter);
    if (isPartial)
      throw new AppError("validation_failed", {
        detail: `These are more than ${count.toLocaleString("en")} payments. Choose a shorter time.`,
      });
    return csvResponse({
      fileName: `payments-${ctx.scope.mode}-${now.toISOString().slice(0, 10)}.csv`,
      head: COLUMNS.map(([header]) => header),
      pages: pages(ctx, filter, request.signal),
    });
  } catch (error) {
    return exportFailure(error);
  }
}
