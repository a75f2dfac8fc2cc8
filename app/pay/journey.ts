import { webServices } from "@/server/auth/web";
import { type ServiceContext, systemContext } from "@/server/context";
import { idSchema } from "@/server/core/ids";
import { MODES } from "@/server/core/schema";
import { findJourney, type JourneyView } from "@/server/domain/payments/service";
import { securityHeaders } from "@/server/rest/http";

/** The page for addresses that name no payment. */
export const UNKNOWN_PATH = "/pay/unknown/status";

export const returnCookieName = (paymentId: string): string => `tg_return_${paymentId}`;

/** The payment of an address, in whichever mode it is; null when there is none. */
export async function journeyOf(rawId: string): Promise<{ ctx: ServiceContext; id: string; view: JourneyView } | null> {
  const id = idSchema("payment").safeParse(rawId);
  if (!id.success) return null;
  for (const mode of MODES) {
    const ctx = systemContext(webServices(), "pay", mode, "SCREEN");
    const view = await findJourney(ctx, id.data);
    if (view !== null) return { ctx, id: id.data, view };
  }
  return null;
}

/** On to another address, remembered by nobody. */
export function forward(location: string, cookies: readonly string[] = []): Response {
  const { PUBLIC_URL } = webServices().env;
  const headers = new Headers({ ...securityHeaders(PUBLIC_URL.startsWith("https://")), location });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(null, { status: 303, headers });
}
