import { request } from "undici";

/* Klarna's pictures, brought to the browser by us: a page of the counter loads nothing from elsewhere. */

const TIMEOUT_MS = 2_000;
const BYTES_MAX = 65_536;
const KEPT_MS = 60 * 60_000;
const KEPT_MAX = 200;
const TYPES = /^image\/(?:svg\+xml|png|webp|jpeg)\b/;
/** Where Klarna keeps its pictures. */
const KLARNA_HOSTS = /(?:^|\.)(?:klarna\.com|klarnacdn\.net|klarnaservices\.com)$/;

const kept = new Map<string, { until: number; picture: Promise<string | null> }>();

/**
 * A picture that Klarna named, as a `data:` address; null when it is not Klarna's, does not come, is too large or no picture.
 * Where the simulator stands for Klarna it is asked, by the picture's path, whatever its public name is. Kept for an hour,
 * one call for many who ask. Never throws.
 */
export function readKlarnaPicture(address: string, simulatorUrl: string | null, nowMs: number): Promise<string | null> {
  // By its source too: what the simulator drew for an address is never shown as Klarna's own, nor the other way round.
  const key = `${simulatorUrl ?? "klarna"} ${address}`;
  const known = kept.get(key);
  if (known && known.until > nowMs) return known.picture;
  const picture = load(address, simulatorUrl).then((found) => {
    if (found === null) kept.delete(key);
    return found;
  });
  for (const oldest of kept.keys()) {
    if (kept.size < KEPT_MAX) break;
    kept.delete(oldest);
  }
  kept.set(key, { until: nowMs + KEPT_MS, picture });
  return picture;
}

function sourceOf(address: string, simulatorUrl: string | null): URL | null {
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  if (simulatorUrl !== null) {
    const target = new URL(simulatorUrl);
    // Set, not resolved: a path of two strokes would name another host.
    target.pathname = url.pathname;
    return target;
  }
  return url.protocol === "https:" && url.port === "" && KLARNA_HOSTS.test(url.hostname) ? url : null;
}

async function load(address: string, simulatorUrl: string | null): Promise<string | null> {
  const url = sourceOf(address, simulatorUrl);
  if (url === null) return null;
  try {
    const { statusCode, headers, body } = await request(url, {
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const type = TYPES.exec(String(headers["content-type"] ?? "").toLowerCase())?.[0];
    if (statusCode !== 200 || type === undefined || Number(headers["content-length"] ?? 0) > BYTES_MAX) {
      body.on("error", () => undefined).destroy();
      return null;
    }
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of body) {
      parts.push(Buffer.from(part));
      size += parts.at(-1)?.length ?? 0;
      if (size > BYTES_MAX) {
        body.destroy();
        return null;
      }
    }
    return `data:${type};base64,${Buffer.concat(parts).toString("base64")}`;
  } catch {
    // Klarna's words are enough to pay by; the customer does not wait for a picture.
    return null;
  }
}
