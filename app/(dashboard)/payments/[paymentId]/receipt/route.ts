import { z } from "zod";
import { failureOf, routeContext, webServices } from "@/server/auth/web";
import { AppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { localeSchema } from "@/server/core/schema";
import { getReceipt, RECEIPT_FORMATS } from "@/server/domain/payments/service";
import { securityHeaders } from "@/server/rest/http";

const QuerySchema = z.object({
  format: z.enum(RECEIPT_FORMATS).default("html"),
  refund: idSchema("refund").optional(),
  locale: localeSchema.optional(),
});

const STATUS: Readonly<Record<string, number>> = {
  session_required: 401,
  state_conflict: 409,
  internal_error: 500,
  unavailable: 503,
};

/**
 * The receipt for somebody signed in: `?format=` html (shown), pdf (shown), text or escpos (saved); `&refund=` for that of
 * a return, `&locale=` for another language than the terminal's.
 */
export async function GET(request: Request, { params }: { params: Promise<{ paymentId: string }> }): Promise<Response> {
  const safe = securityHeaders(webServices().env.PUBLIC_URL.startsWith("https://"));
  try {
    const ctx = await routeContext("payments:read");
    const id = idSchema("payment").safeParse((await params).paymentId);
    const query = QuerySchema.safeParse(Object.fromEntries(new URL(request.url).searchParams));
    if (!id.success || !query.success) throw new AppError("payment_not_found");
    const { format, refund, locale } = query.data;
    const nonce = request.headers.get("x-nonce");
    const receipt = await getReceipt(ctx, id.data, {
      format,
      ...(nonce === null ? {} : { nonce }),
      ...(refund === undefined ? {} : { refundId: refund }),
      ...(locale === undefined ? {} : { locale }),
    });
    const isSaved = format === "text" || format === "escpos";
    return new Response(typeof receipt.body === "string" ? receipt.body : new Uint8Array(receipt.body), {
      headers: {
        ...safe,
        "content-type": receipt.contentType,
        "content-disposition": `${isSaved ? "attachment" : "inline"}; filename="${receipt.fileName}"`,
        ...(receipt.contentSecurityPolicy === null ? {} : { "content-security-policy": receipt.contentSecurityPolicy }),
      },
    });
  } catch (error) {
    const { code, message } = failureOf(error);
    const status = STATUS[code] ?? 404;
    return new Response(`${status === 404 ? "There is no such receipt." : message}\n`, {
      status,
      headers: { ...safe, "content-type": "text/plain; charset=utf-8" },
    });
  }
}
