import { Agent } from "undici";
import { guardedLookup, type Resolve, type UrlPolicy, urlRefusal } from "./url-guard";

const TIMEOUT_MS = 1_500;
const BYTES_MAX = 262_144;

/**
 * Fetches a picture from an address that a person typed, under the same guard as webhooks: no redirects, no proxies, a
 * checked address, limits on time and size. Null for whatever does not come or is no `image/png`; never throws.
 */
export async function fetchPicture(
  address: string,
  policy: UrlPolicy,
  options: { resolve?: Resolve; timeoutMs?: number } = {},
): Promise<Buffer | null> {
  if (urlRefusal(address, policy)) return null;
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const agent = new Agent({
    connect: { lookup: guardedLookup(policy, options.resolve), timeout: timeoutMs, rejectUnauthorized: true },
    allowH2: false,
    maxHeaderSize: 8_192,
    maxResponseSize: BYTES_MAX,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
  });
  const url = new URL(address);
  try {
    const { statusCode, headers, body } = await agent.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: "GET",
      headers: { accept: "image/png", "user-agent": "Tillgate/1" },
      signal: AbortSignal.timeout(timeoutMs),
    });
    const isPicture = statusCode === 200 && /^image\/png\b/i.test(String(headers["content-type"] ?? ""));
    if (!isPicture) {
      body.on("error", () => undefined).destroy();
      return null;
    }
    const bytes = Buffer.from(await body.arrayBuffer());
    return bytes.length <= BYTES_MAX ? bytes : null;
  } catch {
    // A code without a logo pays as well: nobody at the till waits for somebody's web server.
    return null;
  } finally {
    await agent.destroy();
  }
}
