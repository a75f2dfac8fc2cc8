import { csvResponse, exportFailure } from "@/app/(dashboard)/export/stream";
import { routeContext } from "@/server/auth/web";
import { BULK_COLUMNS, BULK_KINDS } from "@/server/domain/bulk/states";

/** An example of a file with every column there is: `?kind=CAPTURE`. */
export async function GET(request: Request): Promise<Response> {
  try {
    await routeContext("payments:read");
    const asked = new URL(request.url).searchParams.get("kind");
    const kind = BULK_KINDS.find((one) => one === asked) ?? "CAPTURE";
    const columns = BULK_COLUMNS.filter((column) => column.kinds.includes(kind));
    return csvResponse({
      fileName: `${kind.toLowerCase()}s-example.csv`,
      head: columns.map((column) => column.id),
      pages: (async function* () {
        yield [columns.map((column) => column.example)];
      })(),
    });
  } catch (error) {
    return exportFailure(error);
  }
}
