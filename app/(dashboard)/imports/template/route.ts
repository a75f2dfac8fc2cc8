import { csvResponse, exportFailure } from "@/app/(dashboard)/export/stream";
import { routeContext } from "@/server/auth/web";
import { ImportKindSchema } from "@/server/domain/imports/schema";
import { IMPORT_FIELDS } from "@/server/domain/imports/states";

/** An example of a file with every column there is: `?kind=STORES`. */
export async function GET(request: Request): Promise<Response> {
  try {
    await routeContext("imports:write");
    const kind = ImportKindSchema.catch("STORES").parse(new URL(request.url).searchParams.get("kind"));
    const fields = IMPORT_FIELDS[kind];
    return csvResponse({
      fileName: `${kind.toLowerCase()}-example.csv`,
      head: fields.map((field) => field.id),
      pages: (async function* () {
        yield [fields.map((field) => field.example)];
      })(),
    });
  } catch (error) {
    return exportFailure(error);
  }
}
