import { z } from "zod";
import { maskSecrets } from "@/server/core/redact";

const MASK = "•••";
const DEPTH_MAX = 20;
const BodySchema = z.record(z.string(), z.unknown());
/** Fields whose whole value lets somebody do something. Ids of ours (`ctok_…`) are not such values. */
const SECRET_FIELD = /(?:^|_)(?:token|secret|password|signature)$/;
const OUR_ID = /^[a-z]{2,4}_[0-9A-HJKMNP-TV-Z]{26}$/;
/** Parameters of links that open something for whoever has them. */
const LINK_SECRET = /([?&](?:t|token|key|sig|signature|secret|code)=)[^&#\s"]+/gi;

/** The body of a delivery for a screen: readable, but good for nothing. Links, tokens and secrets are masked. */
export function maskBody(body: string): Record<string, unknown> {
  return BodySchema.parse(mask(JSON.parse(body), "", 0));
}

function mask(value: unknown, key: string, depth: number): unknown {
  if (typeof value === "string") {
    if (SECRET_FIELD.test(key) && !OUR_ID.test(value)) return MASK;
    return maskSecrets(value.replace(LINK_SECRET, `$1${MASK}`));
  }
  if (value === null || typeof value !== "object") return value;
  if (depth >= DEPTH_MAX) return MASK;
  if (Array.isArray(value)) return value.map((item) => mask(item, key, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, mask(inner, name, depth + 1)]));
}
