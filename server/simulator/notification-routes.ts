import { NO_FACTS, type Outcome, ok, type Route, type Router } from "./routing";
import type { Simulator } from "./simulator";
import type { WebhookSender } from "./webhook-delivery";
import {
  createSigningKey,
  createWebhook,
  deleteSigningKey,
  getWebhook,
  listSigningKeys,
  readSigningKey,
  updateWebhook,
  webhookView,
} from "./webhooks";

/** Signing keys and webhooks of the acquirer. */

export function notificationRouter(sim: Simulator, sender: WebhookSender): Router {
  return (call, parts) => {
    const [version, area, noun, id, sub] = parts;
    const { method } = call;
    if (version !== "v2" || area !== "notification" || parts.length > 5) return null;
    const on = (operation: string, run: (body: unknown) => Outcome): Route => ({
      operation,
      accountId: null,
      facts: NO_FACTS,
      run: (_account, body) => run(body),
    });
    if (noun === "signing-keys" && sub === undefined) {
      if (id === undefined) {
        if (method === "POST") return on("create_signing_key", () => ok(createSigningKey(sim), 201));
        if (method === "GET") return on("list_signing_keys", () => ok(listSigningKeys(sim)));
        return null;
      }
      if (method === "GET") return on("read_signing_key", () => ok(readSigningKey(sim, id)));
      if (method !== "DELETE") return null;
      return on("delete_signing_key", () => {
        deleteSigningKey(sim, id);
        return { status: 204, body: null };
      });
    }
    if (noun !== "webhooks") return null;
    if (id === undefined) {
      if (method === "POST") return on("create_webhook", (body) => ok(webhookView(createWebhook(sim, body)), 201));
      if (method === "GET") {
        return on("list_webhooks", () => ok({ webhooks: [...sim.state.webhooks.values()].map(webhookView) }));
      }
      return null;
    }
    if (sub === "simulate" && method === "POST") {
      return on("simulate_webhook", (body) => ok({ event_id: sender.simulate(getWebhook(sim, id), body) }));
    }
    if (sub !== undefined) return null;
    if (method === "GET") return on("read_webhook", () => ok(webhookView(getWebhook(sim, id))));
    if (method === "PATCH") {
      return on("update_webhook", (body) => {
        const webhook = getWebhook(sim, id);
        updateWebhook(sim, webhook, body);
        return ok(webhookView(webhook));
      });
    }
    if (method !== "DELETE") return null;
    return on("delete_webhook", () => {
      sim.state.webhooks.remove(getWebhook(sim, id).webhook_id);
      return { status: 204, body: null };
    });
  };
}
