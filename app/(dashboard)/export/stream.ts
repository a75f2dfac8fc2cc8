import "server-only";
import { failureOf } from "@/server/auth/web";
import { csvLine } from "@/server/core/csv";

/** What stands in a cell: moments as ISO 8601 in UTC, numbers as digits, nothing as an empty cell. */
export type Cell = string | number | boolean | Date | null | undefined;

const text = (cell: Cell): string | null => {
  if (cell === null || cell === undefined) return null;
  return cell instanceof Date ? cell.toISOString() : String(cell);
};

/** A file that is sent while it is read. A failure after the first byte breaks the download off: it never ends early in silence. */
export function csvResponse(options: {
  fileName: string;
  head: readonly string[];
  pages: AsyncIterable<readonly (readonly Cell[])[]>;
}): Response {
  async function* lines(): AsyncGenerator<string> {
    // Excel takes a file for UTF-8 only with this mark.
    yield `\uFEFF${csvLine(options.head)}`;
    for await (const page of options.pages) yield page.map((cells) => csvLine(cells.map(text))).join("");
  }
  const source = lines();
  const encoder = new TextEncoder();
  const stream = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await source.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel: async () => {
      await source.return(undefined);
    },
  });
  return new Response(stream, {
    headers: {
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": `attachment; filename="${options.fileName}"`,
      "cache-control": "no-store",
    },
  });
}

const STATUSES: Readonly<Record<string, number>> = {
  session_required: 401,
  permission_denied: 403,
  not_found: 404,
  validation_failed: 400,
  unavailable: 503,
};

/** What is answered instead of a file. */
export function exportFailure(error: unknown): Response {
  const { code, message, requestId } = failureOf(error);
  return new Response(`${message} (${requestId})\n`, {
    status: STATUSES[code] ?? 500,
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
  });
}
