import { Inngest } from "inngest";
import { eventApiUrl } from "@/server/context";
import { env } from "@/server/env";

const settings = env();

/** An Inngest server without a signing key is one for development: it signs nothing, and is only reached on this machine. */
const isDev = settings.INNGEST_BASE_URL !== undefined && settings.INNGEST_SIGNING_KEY === undefined;

export const inngest = new Inngest({
  id: "tillgate",
  // Of an Inngest server the SDK reads the addresses itself: for events and for the rest they may differ.
  ...(settings.INNGEST_BASE_URL ? {} : { baseUrl: eventApiUrl(settings) }),
  eventKey: settings.INNGEST_EVENT_KEY,
  signingKey: settings.INNGEST_SIGNING_KEY,
  signingKeyFallback: settings.INNGEST_SIGNING_KEY_FALLBACK,
  isDev,
});

/** Where an Inngest server calls our functions: our public address, or this process itself when nothing is signed. */
export const serveOrigin = isDev ? `http://127.0.0.1:${settings.WEB_PORT}` : settings.PUBLIC_URL;
