import { routeContext } from "@/server/auth/web";
import { AppError } from "@/server/core/errors";
import { EXPORT_LISTS } from "../lists";
import { csvResponse, exportFailure } from "../stream";

/** `/export/stores?status=ACTIVE`: the list as its address asks for it, as a file, with all of its rows. */
export async function GET(request: Request, { params }: { params: Promise<{ list: string }> }): Promise<Response> {
  try {
    const { list } = await params;
    const found = EXPORT_LISTS.get(list);
    if (!found) throw new AppError("not_found", { detail: "There is no such list." });
    const ctx = await routeContext(found.permission);
    const query = Object.fromEntries(new URL(request.url).searchParams);
    return csvResponse({
      fileName: `${list}-${ctx.scope.mode}-${ctx.clock.now().toISOString().slice(0, 10)}.csv`,
      head: found.head,
      pages: found.pages(ctx, query, request.signal),
    });
  } catch (error) {
    return exportFailure(error);
  }
}
