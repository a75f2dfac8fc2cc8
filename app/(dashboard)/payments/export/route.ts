import { parseTableState } from "@/components/data-table/table-state";
import { failureOf, routeContext } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import { csvLine } from "@/server/core/csv";
import { toDecimalString } from "@/server/core/money";
import type { PaymentFilter } from "@/server/domain/payments/schema";
import { listPaymentRecordsPage, type PaymentView } from "@/server/domain/payments/service";
import { paymentChoices } from "../_components/payment-choices";
import { paymentFilter, paymentsTable } from "../_components/payments-table";

const PAGE_ROWS = 500;

type Payment = PaymentView["payment"];
const money = (payment: Payment, amount: number): string => toDecimalString({ amount, currency: payment.currency });

const COLUMNS: ReadonlyArray<readonly [header: string, read: (payment: Payment) => string | null]> = [
  ["created_at", (payment) => payment.createdAt.toISOString()],
  ["payment_id", (payment) => payment.id],
  ["reference", (payment) => payment.reference],
  ["status", (payment) => payment.state.toLowerCase()],
  ["currency", (payment) => payment.currency],
  ["amount", (payment) => money(payment, payment.amount)],
  ["amount_authorized", (payment) => money(payment, payment.amountAuthorized)],
  ["amount_captured", (payment) => money(payment, payment.amountCaptured)],
  ["amount_refunded", (payment) => money(payment, payment.amountRefunded)],
  ["partner_id", (payment) => payment.partnerId],
  ["partner", (payment) => payment.partnerName],
  ["store_reference", (payment) => payment.storeReference],
  ["store", (payment) => payment.storeName],
  ["terminal_reference", (payment) => payment.terminalReference],
  ["klarna_payment_request_id", (payment) => payment.klarnaPaymentRequestId],
  ["klarna_payment_transaction_id", (payment) => payment.klarnaPaymentTransactionId],
  ["updated_at", (payment) => payment.updatedAt.toISOString()],
];

/** Everything the current filter finds, page by page as fast as it is read; a failure breaks the download off. */
async function* lines(ctx: ServiceContext, filter: PaymentFilter, signal: AbortSignal): AsyncGenerator<string> {
  // Excel takes a file for UTF-8 only with this mark.
  yield `\uFEFF${csvLine(COLUMNS.map(([header]) => header))}`;
  let cursor: string | undefined;
  do {
    const page = await listPaymentRecordsPage(ctx, filter, { limit: PAGE_ROWS, ...(cursor ? { cursor } : {}) });
    yield page.data.map((payment) => csvLine(COLUMNS.map(([, read]) => read(payment)))).join("");
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && !signal.aborted);
}

function toStream(source: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await source.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel: async () => {
      await source.return(undefined);
    },
  });
}

/** The list as a file: the same permission, the same filter, all of its rows. */
export async function GET(request: Request): Promise<Response> {
  try {
    const ctx = await routeContext("payments:read");
    const def = paymentsTable(await paymentChoices(ctx));
    const params = Object.fromEntries(new URL(request.url).searchParams);
    const now = ctx.clock.now();
    const filter = paymentFilter(def, parseTableState(def, params), now.getTime());
    return new Response(toStream(lines(ctx, filter, request.signal)), {
      headers: {
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": `attachment; filename="payments-${ctx.scope.mode}-${now.toISOString().slice(0, 10)}.csv"`,
        "cache-control": "no-store",
      },
    });
  } catch (error) {
    const { code, message, requestId } = failureOf(error);
    const status = code === "session_required" ? 401 : code === "permission_denied" ? 403 : 500;
    return new Response(`${message} (${requestId})\n`, {
      status,
      headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
    });
  }
}
