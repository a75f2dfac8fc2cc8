import { failureOf, routeContext, webServices } from "@/server/auth/web";
import { idSchema } from "@/server/core/ids";
import { getPayment, issueDisplayToken } from "@/server/domain/payments/service";
import { exchangeDisplayToken } from "@/server/rest/display";

/**
 * Opens the customer display for somebody signed in: hands this browser the display's cookies and goes on to its address.
 * The token never stands in an address.
 */
export async function GET(
  _request: Request,
  { params }: { params: Promise<{ paymentId: string }> },
): Promise<Response> {
  try {
    const ctx = await routeContext("payments:read");
    const id = idSchema("payment").parse((await params).paymentId);
    await getPayment(ctx, id);
    const services = webServices();
    const exchange = exchangeDisplayToken(services, `/display/${id}?t=${issueDisplayToken(services, id)}`);
    const headers = new Headers({ location: `/display/${id}`, "cache-control": "no-store" });
    for (const cookie of exchange?.headers["set-cookie"]?.split("\n") ?? []) headers.append("set-cookie", cookie);
    return new Response(null, { status: 303, headers });
  } catch (error) {
    const { code, message } = failureOf(error);
    const status = code === "session_required" ? 401 : 404;
    return new Response(`${status === 401 ? message : "There is no such payment."}\n`, {
      status,
      headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
    });
  }
}
