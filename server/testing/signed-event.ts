import { createHmac, randomUUID } from "node:crypto";
import type { WebhookAnswer } from "@/server/ingress/klarna-webhooks";
import type { WebhookReceiver } from "./klarna-webhooks";

export type SignedEventInput = {
  type: string;
  account: string;
  payload: Record<string, unknown>;
  eventId?: string;
  occurredAt?: Date;
  live?: boolean;
};

/** The raw body of an event as Klarna would write it. */
export function eventBody(input: SignedEventInput): Buffer {
  return Buffer.from(
    JSON.stringify({
      metadata: {
        event_type: input.type,
        event_id: input.eventId ?? randomUUID(),
        event_version: "v2",
        occurred_at: (input.occurredAt ?? new Date()).toISOString(),
        subject_account_id: input.account,
        recipient_account_id: input.account,
        live: input.live ?? false,
      },
      payload: input.payload,
    }),
  );
}

/** Hands the listener an event with a right signature, as if Klarna had sent it. */
export function sendSigned(receiver: WebhookReceiver, input: SignedEventInput): Promise<WebhookAnswer> {
  const rawBody = eventBody(input);
  return receiver.listener({
    headers: {
      "klarna-signing-key-id": receiver.signingKey.id,
      "klarna-signature": createHmac("sha256", receiver.signingKey.secret).update(rawBody).digest("hex"),
    },
    rawBody,
  });
}
