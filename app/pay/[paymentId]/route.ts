import { webServices } from "@/server/auth/web";
import { systemContext } from "@/server/context";
import { isAppError } from "@/server/core/errors";
import { idSchema } from "@/server/core/ids";
import { MODES } from "@/server/core/schema";
import type { PublicPayment } from "@/server/domain/payments/schema";
import { getPayment } from "@/server/domain/payments/service";
import { securityHeaders } from "@/server/rest/http";

export const dynamic = "force-dynamic";

/** Our redirect address: on to Klarna's journey while the payment waits for its customer, else a sentence. */
export async function GET(
  _request: Request,
  { params }: { params: Promise<{ paymentId: string }> },
): Promise<Response> {
  const services = webServices();
  const headers = securityHeaders(services.env.PUBLIC_URL.startsWith("https://"));
  const id = idSchema("payment").safeParse((await params).paymentId);
  const payment = id.success ? await findPayment(id.data) : null;
  if (!payment) return sentence(404, "There is no such payment.", headers);
  const target = payment.klarna.payment_request_url;
  if (target !== null && (payment.status === "pending" || payment.status === "in_progress")) {
    return new Response(null, { status: 303, headers: { ...headers, location: target } });
  }
  return sentence(410, "This payment no longer waits for you. You can close this page.", headers);
}

async function findPayment(id: string): Promise<PublicPayment | null> {
  for (const mode of MODES) {
    try {
      return await getPayment(systemContext(webServices(), "pay", mode), id);
    } catch (error) {
      if (!isAppError(error) || error.status !== 404) throw error;
    }
  }
  return null;
}

function sentence(status: number, text: string, headers: Readonly<Record<string, string>>): Response {
  return new Response(`${text}\n`, { status, headers: { ...headers, "content-type": "text/plain; charset=utf-8" } });
}
