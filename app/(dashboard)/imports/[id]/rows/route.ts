import { type Cell, csvResponse, exportFailure } from "@/app/(dashboard)/export/stream";
import { routeContext } from "@/server/auth/web";
import type { ServiceContext } from "@/server/context";
import type { ImportRecord } from "@/server/domain/imports/schema";
import { getImport, listImportRows } from "@/server/domain/imports/service";
import { importField } from "@/server/domain/imports/states";

const PAGE_ROWS = 1_000;

async function* pages(ctx: ServiceContext, record: ImportRecord, isErrors: boolean): AsyncGenerator<Cell[][]> {
  let cursor: string | null = null;
  do {
    const page = await listImportRows(ctx, record.id, isErrors ? { state: ["INVALID", "FAILED"] } : {}, {
      limit: PAGE_ROWS,
      cursor,
    });
    yield page.items.map((row) => [
      ...record.head.map((_column, index) => row.cells[index]),
      row.rowNumber,
      row.state.toLowerCase(),
      row.resourceId,
      row.problems
        .map(({ field, detail }) =>
          field === null ? detail : `${importField(record.kind, field)?.label ?? field} ${detail}`,
        )
        .join("; "),
    ]);
    cursor = page.nextCursor;
  } while (cursor !== null);
}

/** The file again, with what became of each row; `?errors=1` only those to correct. It can be uploaded as it is. */
export async function GET(request: Request, { params }: { params: Promise<{ id: string }> }): Promise<Response> {
  try {
    const ctx = await routeContext("imports:write");
    const record = await getImport(ctx, (await params).id);
    const isErrors = new URL(request.url).searchParams.get("errors") === "1";
    return csvResponse({
      fileName: `${record.id}-${isErrors ? "errors" : "rows"}.csv`,
      head: [...record.head, "import_row", "import_state", "import_id", "import_errors"],
      pages: pages(ctx, record, isErrors),
    });
  } catch (error) {
    return exportFailure(error);
  }
}
