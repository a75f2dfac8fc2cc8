import { z } from "zod";
import { actionContext, failureOf } from "@/server/auth/web";
import { AppError, ERROR_CATALOGUE } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { ImportKindSchema } from "@/server/domain/imports/schema";
import { uploadImport } from "@/server/domain/imports/service";
import { IMPORT_BYTES_MAX } from "@/server/domain/imports/states";

const QuerySchema = z.object({
  kind: ImportKindSchema,
  partner: idSchema("partner").nullable(),
  name: z.string().min(1).max(500),
});

/** The body, no more of it than may be kept: what is larger is not even read to its end. */
async function readBody(request: Request): Promise<Uint8Array> {
  const tooLarge = () => new AppError("body_too_large", { detail: "The file is larger than 8 MB. Split it." });
  if (Number(request.headers.get("content-length") ?? 0) > IMPORT_BYTES_MAX) throw tooLarge();
  const reader = request.body?.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > IMPORT_BYTES_MAX) {
      await reader.cancel();
      throw tooLarge();
    }
    parts.push(value);
  }
  return Buffer.concat(parts);
}

const statusOf = (code: string): number =>
  Object.entries(ERROR_CATALOGUE).find(([known]) => known === code)?.[1].status ?? 500;

/** Takes a file as the body, as it is: `?kind=STORES&partner=ptn_…&name=stores.csv`. Answers the import, or what is wrong. */
export async function POST(request: Request): Promise<Response> {
  const headers = { "cache-control": "no-store" };
  try {
    const ctx = await actionContext("imports:write");
    const params = new URL(request.url).searchParams;
    const query = QuerySchema.safeParse({
      kind: params.get("kind"),
      partner: params.get("partner"),
      name: params.get("name"),
    });
    if (!query.success)
      throw new AppError("validation_failed", { detail: "The address of the upload is not complete." });
    const made = await uploadImport(ctx, {
      kind: query.data.kind,
      partnerId: query.data.partner,
      fileName: query.data.name,
      contentType: request.headers.get("content-type") ?? "",
      bytes: await readBody(request),
    });
    return Response.json({ ok: true, data: { id: made.id } }, { status: 201, headers });
  } catch (error) {
    const failure = failureOf(error);
    return Response.json(failure, { status: statusOf(failure.code), headers });
  }
}
