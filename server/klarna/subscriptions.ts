import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Mode } from "@/server/core/schema";
import type { Clock } from "@/server/core/time";
import type { Database } from "@/server/db/client";
import type { SecretBox } from "@/server/db/secrets";
import type { KlarnaClient, KlarnaRequest } from "./client";
import { signingKeyPlace } from "./webhook-signature";

/*
 * Our subscription to Klarna's notifications: one signing key and one webhook for each mode. Source: Klarna's
 * notification API, `/v2/notification/signing-keys` and `/v2/notification/webhooks`.
 */

const EVENT_TYPES = ["payment.*"];
const EVENT_VERSION = "v2";

const SigningKeySchema = z.object({
  signing_key_id: z.string().min(1).max(255),
  signing_key: z.string().min(16).max(1024),
});
const WebhookSchema = z.object({
  webhook_id: z.string(),
  url: z.string(),
  signing_key_id: z.string(),
  status: z.string(),
});
const WebhookListSchema = z.object({ webhooks: z.array(WebhookSchema) });

export type SubscriptionServices = {
  readonly klarna: KlarnaClient;
  readonly db: Database;
  readonly secrets: SecretBox;
  readonly clock: Clock;
  readonly env: { readonly PUBLIC_URL: string };
};

/**
 * Makes sure that Klarna sends its payment events of this mode to our listener: repairs the address after a move,
 * enables a webhook that was switched off, and makes signing key and webhook when there are none. Safe to repeat.
 *
 * Throws an Error whose message is a sentence when Klarna cannot be reached or refuses.
 */
export async function ensureWebhookSubscription(
  services: SubscriptionServices,
  mode: Mode,
): Promise<{ outcome: "kept" | "repaired" | "created"; webhookId: string; signingKeyId: string }> {
  const url = `${services.env.PUBLIC_URL.replace(/\/$/, "")}/api/klarna/webhooks`;
  const ask = async (request: Pick<KlarnaRequest, "operation" | "method" | "path" | "body">): Promise<unknown> => {
    const isWrite = request.method === "POST" || request.method === "PATCH";
    const outcome = await services.klarna.call({
      mode,
      sessionReference: "subscriptions",
      ...request,
      ...(isWrite ? { idempotencyKey: randomUUID() } : {}),
    });
    if (outcome.kind === "answered") return outcome.body;
    const reason = outcome.kind === "refused" ? outcome.error.code : outcome.reason;
    throw new Error(
      `Klarna's webhooks (${mode}) could not be set up: ${request.method} ${request.path} ended with ${reason}.`,
    );
  };

  const known = await services.db.query<{ id: string }>({
    text: "select id from klarna_signing_keys where mode = $1 and state = 'ACTIVE'",
    values: [mode],
  });
  const ours = new Set(known.map((row) => row.id));
  const { webhooks } = WebhookListSchema.parse(
    await ask({ operation: "webhooks", method: "GET", path: "/v2/notification/webhooks" }),
  );
  const pathOf = (webhookId: string): string => `/v2/notification/webhooks/${encodeURIComponent(webhookId)}`;

  const mine = webhooks.find((webhook) => ours.has(webhook.signing_key_id));
  // A webhook to our own address whose key we no longer hold can only ever be refused by us.
  for (const webhook of webhooks.filter((other) => other.url === url && !ours.has(other.signing_key_id))) {
    await ask({ operation: "webhooks", method: "DELETE", path: pathOf(webhook.webhook_id) });
  }
  if (mine) {
    const facts = { webhookId: mine.webhook_id, signingKeyId: mine.signing_key_id };
    if (mine.url === url && mine.status === "ENABLED") return { outcome: "kept", ...facts };
    await ask({
      operation: "webhooks",
      method: "PATCH",
      path: pathOf(mine.webhook_id),
      body: { url, status: "ENABLED" },
    });
    return { outcome: "repaired", ...facts };
  }

  const key = SigningKeySchema.parse(
    await ask({ operation: "signing_keys", method: "POST", path: "/v2/notification/signing-keys", body: {} }),
  );
  // Klarna shows the secret once: it is stored before anything can be signed with it.
  await services.db.query({
    text: "insert into klarna_signing_keys (id, mode, secret, state, created_at) values ($1,$2,$3,'ACTIVE',$4)",
    values: [
      key.signing_key_id,
      mode,
      services.secrets.seal(key.signing_key, signingKeyPlace({ id: key.signing_key_id, mode })),
      services.clock.now(),
    ],
  });
  const webhook = z.object({ webhook_id: z.string() }).parse(
    await ask({
      operation: "webhooks",
      method: "POST",
      path: "/v2/notification/webhooks",
      body: {
        url,
        event_types: EVENT_TYPES,
        event_version: EVENT_VERSION,
        signing_key_id: key.signing_key_id,
        status: "ENABLED",
      },
    }),
  );
  return { outcome: "created", webhookId: webhook.webhook_id, signingKeyId: key.signing_key_id };
}
