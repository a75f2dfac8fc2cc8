import { z } from "zod";
import type { Mode } from "@/server/core/schema";
import type { KlarnaClient, KlarnaOutcome, KlarnaRequest } from "./client";

/*
 * Klarna's notification API: signing keys and webhooks of one mode. Source: page on the notifications API,
 * `/v2/notification/signing-keys` and `/v2/notification/webhooks`.
 */

const moment = z
  .string()
  .optional()
  .transform((text) => (text === undefined || Number.isNaN(Date.parse(text)) ? null : new Date(text)));
const line = z.string().min(1).max(2048);

const NewKeySchema = z.object({ signing_key_id: line, signing_key: z.string().min(16).max(1024) });
const KeyListSchema = z.object({ signing_keys: z.array(z.object({ signing_key_id: line, created_at: moment })) });
const WebhookSchema = z.object({
  webhook_id: line,
  url: line,
  event_types: z.array(z.string()).default([]),
  event_version: z.string().default(""),
  signing_key_id: line,
  status: z.string(),
  updated_at: moment,
});
const WebhookListSchema = z.object({ webhooks: z.array(WebhookSchema) });

export type KlarnaWebhook = z.infer<typeof WebhookSchema>;
export type KlarnaWebhookFields = Pick<
  KlarnaWebhook,
  "url" | "event_types" | "event_version" | "signing_key_id" | "status"
>;

/** Klarna could not be asked, or said no. The message is a sentence for people. */
export class NotificationApiError extends Error {
  override readonly name = "NotificationApiError";
  constructor(
    readonly kind: "refused" | "unreachable",
    readonly reason: string,
    what: string,
  ) {
    super(kind === "refused" ? `Klarna refused to ${what}: ${reason}.` : `Klarna gave no answer (${what}: ${reason}).`);
  }
}

export type NotificationApi = {
  listKeys(): Promise<{ id: string; createdAt: Date | null }[]>;
  /** The same idempotency key gives the same signing key again; its secret is shown by this call only. */
  createKey(idempotencyKey: string): Promise<{ id: string; secret: string }>;
  deleteKey(id: string): Promise<void>;
  listWebhooks(): Promise<KlarnaWebhook[]>;
  /** Returns the id of the new webhook. */
  createWebhook(fields: KlarnaWebhookFields, idempotencyKey: string): Promise<string>;
  updateWebhook(id: string, fields: Partial<KlarnaWebhookFields>, idempotencyKey: string): Promise<void>;
  deleteWebhook(id: string): Promise<void>;
};

const KEYS = "/v2/notification/signing-keys";
const WEBHOOKS = "/v2/notification/webhooks";

/** Every function throws NotificationApiError when Klarna cannot be asked, refuses, or answers what cannot be read. */
export function notificationApi(klarna: KlarnaClient, mode: Mode): NotificationApi {
  async function ask<T>(
    what: string,
    schema: z.ZodType<T>,
    request: Pick<KlarnaRequest, "operation" | "method" | "path" | "body" | "idempotencyKey">,
  ): Promise<T> {
    const outcome = await klarna.call({ mode, sessionReference: "subscriptions", ...request });
    const parsed = schema.safeParse(bodyOf(outcome, what));
    if (!parsed.success) throw new NotificationApiError("unreachable", "an answer that cannot be read", what);
    return parsed.data;
  }
  const pathOf = (base: string, id: string): string => `${base}/${encodeURIComponent(id)}`;
  return {
    listKeys: async () =>
      (
        await ask("list its signing keys", KeyListSchema, { operation: "signing_keys", method: "GET", path: KEYS })
      ).signing_keys.map((key) => ({ id: key.signing_key_id, createdAt: key.created_at })),
    createKey: async (idempotencyKey) => {
      const key = await ask("make a signing key", NewKeySchema, {
        operation: "signing_keys",
        method: "POST",
        path: KEYS,
        body: {},
        idempotencyKey,
      });
      return { id: key.signing_key_id, secret: key.signing_key };
    },
    deleteKey: async (id) => {
      await ask("delete a signing key", z.unknown(), {
        operation: "signing_keys",
        method: "DELETE",
        path: pathOf(KEYS, id),
      });
    },
    listWebhooks: async () =>
      (await ask("list its webhooks", WebhookListSchema, { operation: "webhooks", method: "GET", path: WEBHOOKS }))
        .webhooks,
    createWebhook: async (fields, idempotencyKey) =>
      (
        await ask("make a webhook", z.object({ webhook_id: line }), {
          operation: "webhooks",
          method: "POST",
          path: WEBHOOKS,
          body: fields,
          idempotencyKey,
        })
      ).webhook_id,
    updateWebhook: async (id, fields, idempotencyKey) => {
      await ask("change a webhook", z.unknown(), {
        operation: "webhooks",
        method: "PATCH",
        path: pathOf(WEBHOOKS, id),
        body: fields,
        idempotencyKey,
      });
    },
    deleteWebhook: async (id) => {
      await ask("delete a webhook", z.unknown(), {
        operation: "webhooks",
        method: "DELETE",
        path: pathOf(WEBHOOKS, id),
      });
    },
  };
}

function bodyOf(outcome: KlarnaOutcome, what: string): unknown {
  if (outcome.kind === "answered") return outcome.body;
  // A webhook or key that is gone already is what a delete asks for.
  if (outcome.kind === "refused" && outcome.error.status === 404 && what.startsWith("delete")) return null;
  if (outcome.kind === "refused") throw new NotificationApiError("refused", outcome.error.code, what);
  throw new NotificationApiError("unreachable", outcome.reason, what);
}
