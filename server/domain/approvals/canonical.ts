import { createHash } from "node:crypto";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** One text for one value, whatever the order of its fields: no spaces, names sorted, no undefined. */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: Json) => canonicalJson(item)).join(",")}]`;
  const fields = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, item]) => `${JSON.stringify(name)}:${canonicalJson(item)}`);
  return `{${fields.join(",")}}`;
}

/** SHA-256 of the canonical form, lower-case hex. */
export function payloadHash(payload: Json): string {
  return createHash("sha256").update(canonicalJson(payload)).digest("hex");
}
