import { webServices } from "@/server/auth/web";
import {
  CALLBACK_BODY_MAX_BYTES,
  type ClassicListener,
  createClassicListener,
} from "@/server/ingress/classic-callback";
import { securityHeaders } from "@/server/rest/http";
import { readAtMost } from "@/server/rest/mount";

export const dynamic = "force-dynamic";

let listener: ClassicListener | null = null;

/** Callbacks of Klarna's classic sessions, for the Next app alone; the front door normally serves them itself. */
export async function POST(request: Request): Promise<Response> {
  const services = webServices();
  listener ??= createClassicListener(services);
  const { pathname, search } = new URL(request.url);
  const rawBody = await readAtMost(request.body, CALLBACK_BODY_MAX_BYTES);
  const headers = {
    ...securityHeaders(services.env.PUBLIC_URL.startsWith("https://")),
    "content-type": "application/json; charset=utf-8",
  };
  if (rawBody === null) return new Response(null, { status: 413, headers });
  try {
    const answer = await listener({ target: `${pathname}${search}`, rawBody: Buffer.from(rawBody) });
    return new Response(answer.body, { status: answer.status, headers });
  } catch (error) {
    // Nothing was woken, so it is not acknowledged: Klarna sends it again.
    services.log.error({ path: pathname, error }, "a callback was not taken");
    return new Response(null, { status: 503, headers: { ...headers, "retry-after": "5" } });
  }
}
