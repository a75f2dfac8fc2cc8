import { webServices } from "@/server/auth/web";
import { createKlarnaListener, type KlarnaListener, WEBHOOK_BODY_MAX_BYTES } from "@/server/ingress/klarna-webhooks";
import { securityHeaders } from "@/server/rest/http";
import { readAtMost } from "@/server/rest/mount";

export const dynamic = "force-dynamic";

let listener: KlarnaListener | null = null;

/** Klarna's webhooks, for the Next app alone; the front door normally serves them itself. */
export async function POST(request: Request): Promise<Response> {
  const services = webServices();
  listener ??= createKlarnaListener(services);
  const rawBody = await readAtMost(request.body, WEBHOOK_BODY_MAX_BYTES);
  const headers = {
    ...securityHeaders(services.env.PUBLIC_URL.startsWith("https://")),
    "content-type": "application/json; charset=utf-8",
  };
  if (rawBody === null) return new Response(null, { status: 413, headers });
  try {
    const answer = await listener({ headers: Object.fromEntries(request.headers), rawBody: Buffer.from(rawBody) });
    return new Response(answer.body, { status: answer.status, headers });
  } catch (error) {
    // Not stored, so not acknowledged: Klarna sends it again.
    services.log.error({ path: "/api/klarna/webhooks", error }, "a webhook was not stored");
    return new Response(null, { status: 503, headers: { ...headers, "retry-after": "5" } });
  }
}
