"use client";

import { useEffect, useState } from "react";
import { CustomerDisplay } from "@/components/counter/customer-display";
import type { DisplayLook } from "@/components/counter/display-code";
import { DISPLAY_LANGUAGES } from "@/components/counter/display-languages";
import { toDisplayView } from "@/components/counter/display-view";
import { localeFor } from "@/server/core/languages";
import { kioskWords } from "../../../_components/kiosk-words";
import type { CounterSpot } from "../../../_components/place";
import { type CustomerMessage, CustomerMessageSchema, customerChannel } from "./channel";

const DONE_MS = 8_000;
const ENDED = new Set(["completed", "authorized", "declined", "failed", "canceled", "expired", "voided"]);

/** Shows what the till beside it takes; a welcome in between. Nothing to click. */
export function CustomerScreen({ spot, look }: { spot: CounterSpot; look: DisplayLook }) {
  const [said, setSaid] = useState<CustomerMessage | null>(null);
  useEffect(() => {
    const channel = new BroadcastChannel(customerChannel(spot.terminalId));
    channel.onmessage = (message: MessageEvent<unknown>) => {
      const parsed = CustomerMessageSchema.safeParse(message.data);
      if (parsed.success) setSaid(parsed.data);
    };
    channel.postMessage("hello");
    return () => channel.close();
  }, [spot.terminalId]);
  const payment = said?.payment ?? null;
  const isEnded = payment !== null && ENDED.has(payment.status);
  const key = payment === null ? "" : `${payment.id} ${payment.status}`;
  const [forgotten, setForgotten] = useState("");
  useEffect(() => {
    if (!isEnded) return;
    const timer = setTimeout(() => setForgotten(key), DONE_MS);
    return () => clearTimeout(timer);
  }, [isEnded, key]);
  const language = said?.language ?? "en";
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const words = kioskWords(language);
  return (
    <main className="fixed inset-0 bg-bg">
      {payment === null || forgotten === key ? (
        <div className="grid size-full place-content-center gap-2 p-6 text-center">
          <h1 className="text-balance font-semibold text-[clamp(28px,6vw,64px)] leading-tight">{spot.partnerName}</h1>
          <p className="text-[clamp(16px,3vw,28px)] text-ink-2 leading-snug">{words.welcome}</p>
        </div>
      ) : (
        <CustomerDisplay
          view={toDisplayView(payment)}
          manner={{ words: DISPLAY_LANGUAGES[language], locale: localeFor(language, spot.country), look }}
        />
      )}
    </main>
  );
}
