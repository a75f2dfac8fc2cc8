import type { KlarnaWebhook } from "@/server/klarna/subscriptions";
import { type HeldWebhook, SUBSCRIPTION_FIELDS, type SubscriptionFacts, type SubscriptionField } from "./schema";
import type { SubscriptionVerdict } from "./states";

/* What our subscription at Klarna should be, and how far what Klarna holds is from it. Decides; asks nobody. */

/**
 * Payment requests, transactions and disputes; account life cycle; settlements.
 * Source: KNR-D5, KNR-O4, KNR-P1, KNR-Q1 and the payments document 6.4.
 */
export const EVENT_TYPES: readonly string[] = ["partner.*", "payment.*", "settlement.*"];
export const EVENT_VERSION = "v2";

const listTypes = (types: readonly string[]): string => [...types].sort().join(", ");

export function factsOf(webhook: Omit<KlarnaWebhook, "webhook_id" | "updated_at">): SubscriptionFacts {
  return {
    url: webhook.url,
    event_types: listTypes(webhook.event_types),
    event_version: webhook.event_version,
    signing_key_id: webhook.signing_key_id,
    status: webhook.status,
  };
}

export function wantedFacts(url: string, signingKeyId: string | null): SubscriptionFacts {
  return {
    url,
    event_types: listTypes(EVENT_TYPES),
    event_version: EVENT_VERSION,
    signing_key_id: signingKeyId ?? "a new key",
    status: "ENABLED",
  };
}

/** Whether a webhook of ours hears everything that this pattern names. */
export function isCovered(pattern: string, by: readonly string[] = EVENT_TYPES): boolean {
  return by.some(
    (wide) => wide === "*" || wide === pattern || (wide.endsWith("*") && pattern.startsWith(wide.slice(0, -1))),
  );
}

export type KnownKey = { id: string; source: "KLARNA" | "HAND"; createdAt: Date; retireAt: Date | null };

export type SubscriptionPlan = {
  verdict: Extract<SubscriptionVerdict, "IN_ORDER" | "DIFFERS" | "MISSING">;
  wanted: SubscriptionFacts;
  /** Null: a key has to be made first. */
  signingKeyId: string | null;
  held: HeldWebhook[];
  ours: HeldWebhook | null;
  differences: { field: SubscriptionField; held: string; wanted: string }[];
};

/**
 * Compares what Klarna holds with what we want. `keys` are our active ones.
 *
 * Ours is the webhook that reaches us: signed with a key that we hold, or sent to our address. Others at our address are
 * surplus when nothing is lost with them: signed with a key that we do not hold, or hearing nothing that ours does not.
 * The key that we want is the newest that Klarna made for us and that is not on its way out.
 */
export function planSubscription(input: {
  url: string;
  webhooks: readonly KlarnaWebhook[];
  keys: readonly KnownKey[];
}): SubscriptionPlan {
  const known = new Set(input.keys.map((key) => key.id));
  const rank = (webhook: KlarnaWebhook): number =>
    (known.has(webhook.signing_key_id) ? 8 : 0) +
    (webhook.url === input.url ? 4 : 0) +
    (webhook.event_types.some((type) => isCovered(type) || isCovered("payment.*", [type])) ? 2 : 0) +
    (webhook.status === "ENABLED" ? 1 : 0);
  const [best] = input.webhooks
    .filter((webhook) => known.has(webhook.signing_key_id) || webhook.url === input.url)
    .sort((a, b) => rank(b) - rank(a) || a.webhook_id.localeCompare(b.webhook_id));
  const signingKeyId = chooseKey(input.keys, best?.signing_key_id ?? null);
  const held = input.webhooks.map((webhook): HeldWebhook => {
    const isKeyKnown = known.has(webhook.signing_key_id);
    const isUseless = !isKeyKnown || webhook.event_types.every((type) => isCovered(type));
    return {
      webhookId: webhook.webhook_id,
      updatedAt: webhook.updated_at,
      isKeyKnown,
      relation: webhook === best ? "ours" : webhook.url === input.url && isUseless ? "surplus" : "other",
      ...factsOf(webhook),
    };
  });
  const ours = held.find((webhook) => webhook.relation === "ours") ?? null;
  const wanted = wantedFacts(input.url, signingKeyId);
  const differences =
    ours === null
      ? []
      : SUBSCRIPTION_FIELDS.filter((field) => ours[field] !== wanted[field]).map((field) => ({
          field,
          held: ours[field],
          wanted: wanted[field],
        }));
  const hasSurplus = held.some((webhook) => webhook.relation === "surplus");
  return {
    verdict: ours === null ? "MISSING" : differences.length > 0 || hasSurplus ? "DIFFERS" : "IN_ORDER",
    wanted,
    signingKeyId,
    held,
    ours,
    differences,
  };
}

function chooseKey(keys: readonly KnownKey[], current: string | null): string | null {
  const [newest] = keys
    .filter((key) => key.source === "KLARNA" && key.retireAt === null)
    .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || b.id.localeCompare(a.id));
  if (newest) return newest.id;
  return keys.some((key) => key.id === current && key.retireAt === null) ? current : null;
}
