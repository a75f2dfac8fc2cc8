import { type Cell, csvResponse, exportFailure } from "@/app/(dashboard)/export/stream";
import { routeContext } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { toDecimalString } from "@/server/core/money";
import type { BulkRowItem, BulkRowPage } from "@/server/domain/bulk/schema";
import { getBulkRun, listBulkRows } from "@/server/domain/bulk/service";

const PAGE_ROWS = 500;

/** The names of the columns of a file to upload stand first, so that what failed can be corrected and sent again. */
const COLUMNS: ReadonlyArray<readonly [head: string, read: (row: BulkRowItem) => Cell]> = [
  ["row", (row) => row.rowNumber],
  ["payment", (row) => row.paymentId ?? row.given],
  [
    "amount",
    (row) =>
      row.amount === null || row.currency === null
        ? null
        : toDecimalString({ amount: row.amount, currency: row.currency }),
  ],
  ["currency", (row) => row.currency],
  ["capture_id", (row) => row.captureId],
  ["reference", (row) => row.reference],
  ["reason", (row) => row.reason],
  ["given", (row) => row.given],
  ["payment_reference", (row) => row.paymentReference],
  ["state", (row) => row.state.toLowerCase()],
  ["result_id", (row) => row.resultId],
  ["problem", (row) => row.problem],
];

async function* pages(ctx: ServiceContext, id: string, onlyRefused: boolean, signal: AbortSignal) {
  const filter = onlyRefused ? { state: ["INVALID" as const, "FAILED" as const] } : {};
  let cursor: string | null = null;
  do {
    const page: BulkRowPage = await listBulkRows(ctx, id, filter, { limit: PAGE_ROWS, cursor });
    yield page.items.map((row) => COLUMNS.map(([, read]) => read(row)));
    cursor = page.nextCursor;
  } while (cursor !== null && !signal.aborted);
}

/** What became of each row, as a file; `?refused=1` only of those that were not done. */
export async function GET(request: Request, { params }: { params: Promise<{ id: string }> }): Promise<Response> {
  try {
    const ctx = await routeContext("payments:read");
    const id = idSchema("bulkRun").safeParse((await params).id);
    if (!id.success) throw new AppError("not_found", { detail: "There is no such run." });
    await getBulkRun(ctx, id.data);
    const onlyRefused = new URL(request.url).searchParams.has("refused");
    return csvResponse({
      fileName: `${id.data}${onlyRefused ? "-refused" : ""}.csv`,
      head: COLUMNS.map(([head]) => head),
      pages: pages(ctx, id.data, onlyRefused, request.signal),
    });
  } catch (error) {
    return exportFailure(error);
  }
}
