import { Inngest } from "inngest";
import { env } from "@/server/env";

const settings = env();
/** Where events go: an Inngest server when one is configured, else the embedded engine on this machine. */
export const EVENT_API_URL = settings.INNGEST_BASE_URL ?? `http://127.0.0.1:${settings.ENGINE_PORT}`;

export const inngest = new Inngest({
  id: "tillgate",
  baseUrl: EVENT_API_URL,
  eventKey: settings.INNGEST_EVENT_KEY,
  signingKey: settings.INNGEST_SIGNING_KEY,
  isDev: false,
});
