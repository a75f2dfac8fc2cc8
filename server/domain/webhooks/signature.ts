import { randomBytes } from "node:crypto";
import { Webhook } from "standardwebhooks";

const SECRET_BYTES = 32;
/** How long the old secret still signs beside the new one. */
export const ROTATION_MS = 24 * 60 * 60 * 1000;

export function newWebhookSecret(): string {
  return `whsec_${randomBytes(SECRET_BYTES).toString("base64")}`;
}

/** The three headers of Standard Webhooks. During a rotation both secrets sign, separated by a space. */
export function signatureHeaders(message: {
  id: string;
  at: Date;
  body: string;
  secrets: readonly string[];
}): Record<string, string> {
  return {
    "webhook-id": message.id,
    "webhook-timestamp": String(Math.floor(message.at.getTime() / 1000)),
    "webhook-signature": message.secrets
      .map((secret) => new Webhook(secret).sign(message.id, message.at, message.body))
      .join(" "),
  };
}
