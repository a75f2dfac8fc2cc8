import { webServices } from "@/server/auth/web";
import { isReturnToken, issueJourneyTokens, refreshJourney } from "@/server/domain/payments/service";
import { displayCookieName } from "@/server/rest/display";
import { readCookie } from "@/server/rest/http";
import { forward, journeyOf, returnCookieName, UNKNOWN_PATH } from "../../journey";

export const dynamic = "force-dynamic";

/** As long as a journey may take at the most. */
const COOKIE_SECONDS = 172_800;
/** How long a browser is kept waiting here; after that it waits on a page that follows the payment. */
const WAIT_MS = 1_000;
const WAIT_COMPLETED_MS = 4_000;

/**
 * Where Klarna sends the customer back to. What the address says about the payment is not believed: it only makes us ask
 * Klarna now. A payment that is over leads on to the Partner's page, any other to the page that follows it.
 */
export async function GET(request: Request, { params }: { params: Promise<{ paymentId: string }> }): Promise<Response> {
  const journey = await journeyOf((await params).paymentId);
  if (!journey) return forward(UNKNOWN_PATH);
  const { ctx, id, view } = journey;
  const status = `/pay/${id}/status`;
  const query = new URL(request.url).searchParams;
  const token = query.get("t") ?? readCookie(request.headers.get("cookie") ?? undefined, returnCookieName(id)) ?? "";
  if (!/^[A-Za-z0-9_-]{1,200}$/.test(token) || !isReturnToken(ctx, id, token)) return forward(status);

  const isLeaving = query.get("leave") === "1";
  const hasFinished = query.get("state")?.toUpperCase() === "COMPLETED";
  const known = isLeaving ? view : ((await refreshJourney(ctx, id, hasFinished ? WAIT_COMPLETED_MS : WAIT_MS)) ?? view);
  if (known.returnUrl !== null && (known.isSettled || isLeaving)) return forward(known.returnUrl);
  return forward(status, cookiesOf(id));
}

/** The way here carried the token in the address; from now on it is in cookies of this payment's paths alone. */
function cookiesOf(id: string): string[] {
  const services = webServices();
  const { returnToken, displayToken } = issueJourneyTokens(services, id);
  const tail = `Max-Age=${COOKIE_SECONDS}; HttpOnly; SameSite=Lax${services.env.PUBLIC_URL.startsWith("https://") ? "; Secure" : ""}`;
  return [
    `${returnCookieName(id)}=${returnToken}; Path=/pay/${id}; ${tail}`,
    `${displayCookieName(id)}=${displayToken}; Path=/api/v1/payments/${id}; ${tail}`,
  ];
}
