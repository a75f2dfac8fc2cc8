import { channel } from "node:diagnostics_channel";

/*
 * Everything that Partners say to us and hear from us, for whoever listens in this process (the tests check all of it
 * against the document of the API). Nobody listens when the product runs, and then nothing is put together either.
 */

/** One call of the Partner API, after it was answered. Bodies are as they went over the line; a stream has none here. */
export type Exchange = {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly requestHeaders: Readonly<Record<string, string | undefined>>;
  /** Null when it was larger than what is taken. */
  readonly requestBody: string | null;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
  readonly isStream: boolean;
};

/** One piece of an event stream. */
export type StreamPiece = { readonly method: string; readonly target: string; readonly text: string };

/** The body of one webhook, each time that it is sent. */
export type WebhookSent = { readonly body: string };

export const EXCHANGES = "tillgate.rest.exchange";
export const STREAM_PIECES = "tillgate.rest.stream";
export const WEBHOOKS_SENT = "tillgate.webhook.sent";

export const exchanges = channel(EXCHANGES);
export const streamPieces = channel(STREAM_PIECES);
export const webhooksSent = channel(WEBHOOKS_SENT);
