import { csvResponse, exportFailure } from "@/app/(dashboard)/export/stream";
import { parseTableState } from "@/components/data-table/table-state";
import { routeContext } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import type { DeliveryFilter, DeliveryRecord } from "@/server/domain/webhooks/schema";
import { listDeliveries } from "@/server/domain/webhooks/service";
import { webhookChoices } from "../../choices";
import { deliveriesFilter, deliveriesTable } from "../table";

const PAGE_ROWS = 100;

const COLUMNS: ReadonlyArray<readonly [header: string, read: (row: DeliveryRecord) => string | null]> = [
  ["created_at", (row) => row.created_at],
  ["delivery_id", (row) => row.id],
  ["event_type", (row) => row.event.type],
  ["event_id", (row) => row.event.id],
  ["status", (row) => row.status],
  ["about", (row) => row.subject],
  ["sequence", (row) => String(row.sequence)],
  ["attempts", (row) => String(row.attempts)],
  ["last_outcome", (row) => row.last_outcome],
  ["last_status", (row) => (row.last_status === null ? null : String(row.last_status))],
  ["next_attempt_at", (row) => row.next_attempt_at],
  ["delivered_at", (row) => row.delivered_at],
  ["endpoint_id", (row) => row.endpoint],
  ["endpoint_url", (row) => row.endpoint_url],
  ["partner_id", (row) => row.partner_id],
  ["partner", (row) => row.partner_name],
];

/** Everything the current filter finds, page by page as fast as it is read. */
async function* pages(ctx: ServiceContext, filter: DeliveryFilter, signal: AbortSignal) {
  let cursor: string | null = null;
  do {
    const page = await listDeliveries(ctx, filter, { limit: PAGE_ROWS, cursor });
    yield page.items.map((row) => COLUMNS.map(([, read]) => read(row)));
    cursor = page.nextCursor;
  } while (cursor !== null && !signal.aborted);
}

/** The list as a file: the same permission, the same filter, all of its rows. */
export async function GET(request: Request): Promise<Response> {
  try {
    const ctx = await routeContext("webhooks:read");
    const choices = await webhookChoices(ctx);
    const params = Object.fromEntries(new URL(request.url).searchParams);
    const now = ctx.clock.now();
    const filter = deliveriesFilter(parseTableState(deliveriesTable(choices), params), choices, now.getTime());
    return csvResponse({
      fileName: `webhook-deliveries-${ctx.scope.mode}-${now.toISOString().slice(0, 10)}.csv`,
      head: COLUMNS.map(([header]) => header),
      pages: pages(ctx, filter, request.signal),
    });
  } catch (error) {
    return exportFailure(error);
  }
}
