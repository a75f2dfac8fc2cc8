"use client";

import { useEffect, useState } from "react";
import { useSafeRefresh } from "@/components/use-safe-refresh";
import { CustomerDisplay, type DisplayManner } from "./customer-display";
import { DisplayMessageSchema, type DisplayView, displayPhase, isOver, toDisplayView } from "./display-view";
import { FullScreenButton } from "./full-screen";

const REFRESH_MS = 2000;
const RETRY_MS = 5000;
/**
 * How often the page is asked besides: a payment that is approved, but whose money is not certain, has no stream any more, and
 * a line that died without a word looks open for long.
 */
const SURE_MS = 10_000;
/** A short break is not worth a word. */
const OFFLINE_AFTER_MS = 6000;

/** The display on its own screen: follows the payment, keeps the screen awake. */
export function LiveDisplay({ initial, manner }: { initial: DisplayView; manner: DisplayManner }) {
  const [streamed, setStreamed] = useState<DisplayView | null>(null);
  const view = streamed !== null && streamed.updatedAt >= initial.updatedAt ? streamed : initial;
  const isOffline = useStream(view.id, isOver(view), setStreamed);
  useRefresh(displayPhase(view) === "held" || !isOver(view));
  useWakeLock();
  useNoMenu();
  return (
    <main className="fixed inset-0">
      <CustomerDisplay view={view} manner={manner} isOffline={isOffline} />
      <FullScreenButton label={manner.words.labels.fullScreen} />
    </main>
  );
}

/** Follows the event stream; where there is none (no display cookie, a proxy that breaks it) the page is asked again. */
function useStream(id: string, isFinished: boolean, show: (view: DisplayView) => void): boolean {
  const askAgain = useSafeRefresh();
  const [isOffline, setOffline] = useState(false);
  useEffect(() => {
    if (isFinished) return;
    let source: EventSource | null = null;
    let refresh: ReturnType<typeof setInterval> | undefined;
    let retry: ReturnType<typeof setTimeout> | undefined;
    let offline: ReturnType<typeof setTimeout> | undefined;
    const connected = () => {
      clearInterval(refresh);
      refresh = undefined;
      clearTimeout(offline);
      offline = undefined;
      setOffline(false);
    };
    const connect = () => {
      source = new EventSource(`/api/v1/payments/${encodeURIComponent(id)}/events`);
      source.onopen = connected;
      source.onmessage = (message: MessageEvent<string>) => {
        connected();
        const parsed = DisplayMessageSchema.safeParse(parseJson(message.data));
        if (parsed.success) show(toDisplayView(parsed.data));
      };
      source.onerror = () => {
        refresh ??= setInterval(askAgain, REFRESH_MS);
        offline ??= setTimeout(() => setOffline(!navigator.onLine), OFFLINE_AFTER_MS);
        if (source?.readyState !== EventSource.CLOSED) return;
        retry = setTimeout(connect, RETRY_MS);
      };
    };
    connect();
    return () => {
      source?.close();
      clearInterval(refresh);
      clearTimeout(retry);
      clearTimeout(offline);
    };
  }, [id, isFinished, show, askAgain]);
  return isOffline && !isFinished;
}

function useRefresh(isOn: boolean): void {
  const askAgain = useSafeRefresh();
  useEffect(() => {
    if (!isOn) return;
    const timer = setInterval(askAgain, SURE_MS);
    return () => clearInterval(timer);
  }, [isOn, askAgain]);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Asked for again whenever the page comes back: browsers drop the lock with the tab. */
function useWakeLock(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | null = null;
    const request = () => {
      if (document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
      navigator.wakeLock.request("screen").then(
        (granted) => {
          lock = granted;
        },
        () => undefined,
      );
    };
    request();
    document.addEventListener("visibilitychange", request);
    return () => {
      document.removeEventListener("visibilitychange", request);
      void lock?.release();
    };
  }, []);
}

/** A long press on a touch screen opens nothing. */
function useNoMenu(): void {
  useEffect(() => {
    const prevent = (event: Event) => event.preventDefault();
    window.addEventListener("contextmenu", prevent);
    return () => window.removeEventListener("contextmenu", prevent);
  }, []);
}
