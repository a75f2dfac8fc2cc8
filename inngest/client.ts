import { Inngest } from "inngest";
import { eventApiUrl } from "@/server/context";
import { env } from "@/server/env";

const settings = env();

export const inngest = new Inngest({
  id: "tillgate",
  baseUrl: eventApiUrl(settings),
  eventKey: settings.INNGEST_EVENT_KEY,
  signingKey: settings.INNGEST_SIGNING_KEY,
  signingKeyFallback: settings.INNGEST_SIGNING_KEY_FALLBACK,
  isDev: false,
});
