import { z } from "zod";
import { counterEntry } from "@/app/(counter)/_lib/access";
import { counterReceipt } from "@/app/(counter)/_lib/receipt";
import { failureOf } from "@/server/auth/web";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { LANGUAGES } from "@/server/core/languages";

type Props = { params: Promise<{ terminalId: string; paymentId: string }> };

const QuerySchema = z.object({ refund: idSchema("refund").nullable(), language: z.enum(LANGUAGES).catch("en") });

/** The receipt of a sale at this till, or of a return, as PDF. */
export async function GET(request: Request, { params }: Props): Promise<Response> {
  try {
    const { terminalId, paymentId } = await params;
    const entry = await counterEntry(terminalId, "TILL");
    if ("refusal" in entry) throw new AppError(entry.refusal === "unpaired" ? "session_required" : "payment_not_found");
    const search = new URL(request.url).searchParams;
    const { refund, language } = QuerySchema.parse({ refund: search.get("refund"), language: search.get("language") });
    const id = idSchema("payment").safeParse(paymentId);
    if (!id.success) throw new AppError("payment_not_found");
    const { contentType, body } = await counterReceipt(entry, id.data, { refundId: refund, language, format: "pdf" });
    return new Response(typeof body === "string" ? body : new Uint8Array(body), {
      headers: {
        "content-type": contentType,
        "content-disposition": `inline; filename="${refund ?? id.data}.pdf"`,
        "cache-control": "no-store",
      },
    });
  } catch (error) {
    const { code } = failureOf(error);
    const status = code === "session_required" ? 401 : 404;
    return new Response(status === 401 ? "Pair this browser or sign in.\n" : "There is no such receipt.\n", {
      status,
      headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
    });
  }
}
