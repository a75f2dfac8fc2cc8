import { z } from "zod";
import type { SecretBox } from "@/server/db/secrets";

/* What is stored encrypted in an endpoint's row. The old secret keeps its place when it moves to previous_secret. */

type Owner = { id: string; partnerId: string };
const secretPlace = (owner: Owner): string => `webhook_endpoints|secret|${owner.id}|${owner.partnerId}`;
const headersPlace = (owner: Owner): string => `webhook_endpoints|headers_secret|${owner.id}|${owner.partnerId}`;
const StoredHeadersSchema = z.record(z.string(), z.string());

export function sealSecret(box: SecretBox, owner: Owner, secret: string): string {
  return box.seal(secret, secretPlace(owner));
}

export function openSecret(box: SecretBox, owner: Owner, sealed: string): string {
  return box.open(sealed, secretPlace(owner));
}

export function sealHeaders(box: SecretBox, owner: Owner, headers: Readonly<Record<string, string>>): string | null {
  return Object.keys(headers).length === 0 ? null : box.seal(JSON.stringify(headers), headersPlace(owner));
}

export function openHeaders(box: SecretBox, owner: Owner, sealed: string | null): Record<string, string> {
  return sealed === null ? {} : StoredHeadersSchema.parse(JSON.parse(box.open(sealed, headersPlace(owner))));
}
