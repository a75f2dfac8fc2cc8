import { z } from "zod";
import { invalid, SimulatedError } from "./errors";
import { iso, newSigningKey, newSigningKeyId, newWebhookId } from "./ids";
import type { SigningKey, Webhook } from "./model";
import { parseBody } from "./requests";
import { nowFor, type Simulator } from "./simulator";

export function createSigningKey(sim: Simulator): Record<string, unknown> {
  const key: SigningKey = {
    signing_key_id: newSigningKeyId(),
    signing_key: newSigningKey(),
    created_at: nowFor(sim, undefined),
  };
  sim.state.signingKeys.put(key);
  return { signing_key_id: key.signing_key_id, signing_key: key.signing_key, created_at: iso(key.created_at) };
}

function signingKeyView(key: SigningKey): Record<string, unknown> {
  return { signing_key_id: key.signing_key_id, created_at: iso(key.created_at) };
}

export function listSigningKeys(sim: Simulator): Record<string, unknown> {
  return { signing_keys: [...sim.state.signingKeys.values()].map(signingKeyView) };
}

export function readSigningKey(sim: Simulator, id: string): Record<string, unknown> {
  const key = sim.state.signingKeys.get(id);
  if (key === undefined) throw new SimulatedError("RESOURCE_NOT_FOUND", "The signing key does not exist.");
  return signingKeyView(key);
}

export function deleteSigningKey(sim: Simulator, id: string): void {
  readSigningKey(sim, id);
  for (const webhook of sim.state.webhooks.values()) {
    if (webhook.signing_key_id === id) {
      throw new SimulatedError("OPERATION_FORBIDDEN", "The signing key is used by a webhook.");
    }
  }
  sim.state.signingKeys.remove(id);
}

function checkTarget(sim: Simulator, raw: string): string {
  if (!URL.canParse(raw)) throw invalid("url", "is not a URL");
  const url = new URL(raw);
  const isLoopback = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname) || url.hostname.endsWith(".localhost");
  if (sim.settings().webhook_targets === "loopback" && isLoopback && url.protocol.startsWith("http")) return raw;
  if (url.protocol !== "https:") throw invalid("url", "must use https");
  if (url.port !== "" && url.port !== "8443") throw invalid("url", "must use port 443 or 8443");
  return raw;
}

const EventTypesSchema = z
  .array(z.string().regex(/^[a-z0-9.*-]+$/, "is not an event type"))
  .min(1)
  .refine((types) => new Set(types).size === types.length, "must be unique");

const WebhookBodySchema = z.looseObject({
  url: z.string().max(2048),
  event_types: EventTypesSchema,
  event_version: z.enum(["v1", "v2"]).default("v2"),
  signing_key_id: z.string(),
  status: z.enum(["ENABLED", "DISABLED"]).default("ENABLED"),
});

const WebhookPatchSchema = z.looseObject({
  url: z.string().max(2048).optional(),
  event_types: EventTypesSchema.optional(),
  event_version: z.enum(["v1", "v2"]).optional(),
  signing_key_id: z.string().optional(),
  status: z.enum(["ENABLED", "DISABLED"]).optional(),
});

export function webhookView(webhook: Webhook): Record<string, unknown> {
  return { ...webhook, created_at: iso(webhook.created_at), updated_at: iso(webhook.updated_at) };
}

export function getWebhook(sim: Simulator, id: string): Webhook {
  const webhook = sim.state.webhooks.get(id);
  if (webhook === undefined) throw new SimulatedError("RESOURCE_NOT_FOUND", "The webhook does not exist.");
  return webhook;
}

function checkSigningKey(sim: Simulator, id: string): void {
  if (sim.state.signingKeys.get(id) === undefined) throw invalid("signing_key_id", "the signing key does not exist");
}

export function createWebhook(sim: Simulator, body: unknown): Webhook {
  const input = parseBody(WebhookBodySchema, body);
  checkTarget(sim, input.url);
  checkSigningKey(sim, input.signing_key_id);
  const types = [...input.event_types].sort().join(" ");
  for (const other of sim.state.webhooks.values()) {
    const isSame =
      other.url === input.url &&
      other.event_version === input.event_version &&
      other.signing_key_id === input.signing_key_id &&
      [...other.event_types].sort().join(" ") === types;
    if (isSame) throw new SimulatedError("RESOURCE_CONFLICT", "A webhook with the same configuration exists.");
  }
  const now = nowFor(sim, undefined);
  const webhook: Webhook = {
    webhook_id: newWebhookId(),
    url: input.url,
    event_types: input.event_types,
    event_version: input.event_version,
    signing_key_id: input.signing_key_id,
    status: input.status,
    created_at: now,
    updated_at: now,
  };
  sim.state.webhooks.put(webhook);
  return webhook;
}

export function updateWebhook(sim: Simulator, webhook: Webhook, body: unknown): void {
  const input = parseBody(WebhookPatchSchema, body);
  if (input.url !== undefined) checkTarget(sim, input.url);
  if (input.signing_key_id !== undefined) checkSigningKey(sim, input.signing_key_id);
  webhook.url = input.url ?? webhook.url;
  webhook.event_types = input.event_types ?? webhook.event_types;
  webhook.event_version = input.event_version ?? webhook.event_version;
  webhook.signing_key_id = input.signing_key_id ?? webhook.signing_key_id;
  webhook.status = input.status ?? webhook.status;
  webhook.updated_at = nowFor(sim, undefined);
  sim.state.webhooks.put(webhook);
}
