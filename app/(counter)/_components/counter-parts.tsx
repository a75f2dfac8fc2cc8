"use client";

import { WifiOff } from "lucide-react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { KeepAlive } from "@/app/pair/keep-alive";
import { useNow } from "@/components/hooks";
import { useSafeRefresh } from "@/components/use-safe-refresh";
import { type Language, languageOf } from "@/server/core/languages";
import { LANGUAGE_COOKIE } from "./language-cookie";
import { LANGUAGE_NAMES } from "./till-words";

function subscribeToConnection(listener: () => void): () => void {
  window.addEventListener("online", listener);
  window.addEventListener("offline", listener);
  return () => {
    window.removeEventListener("online", listener);
    window.removeEventListener("offline", listener);
  };
}

/** Says so while there is no connection, to the network or to us; nothing is hidden meanwhile. */
export function ConnectionBanner({ word, isLost }: { word: string; isLost: boolean }) {
  const isOnline = useSyncExternalStore(
    subscribeToConnection,
    () => navigator.onLine,
    () => true,
  );
  return (
    <div role="status">
      {isOnline && !isLost ? null : (
        <p className="flex items-center justify-center gap-2 bg-warn-soft px-4 py-2 text-warn text-base">
          <WifiOff aria-hidden className="size-4 shrink-0" />
          {word}
        </p>
      )}
    </div>
  );
}

/** A paired browser tells that it is there; one that was let go sees so. */
export function SignOfLife({ isDevice }: { isDevice: boolean }) {
  return isDevice ? <KeepAlive /> : null;
}

const YEAR_S = 365 * 24 * 3_600;

/** The language of this screen; the choice stays in this browser, and the page says it in its `lang`. */
export function useLanguage(first: Language, isKept: boolean): [Language, (language: Language) => void] {
  const [language, setLanguage] = useState(first);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const choose = (next: Language) => {
    setLanguage(next);
    if (!isKept) return;
    // biome-ignore lint/suspicious/noDocumentCookie: the one preference that the server reads before the page is drawn
    document.cookie = `${LANGUAGE_COOKIE}=${next}; Path=/; Max-Age=${YEAR_S}; SameSite=Lax`;
  };
  return [language, choose];
}

export function LanguageSelect({
  value,
  languages,
  label,
  className,
  onChange,
}: {
  value: Language;
  languages: readonly Language[];
  label: string;
  className: string;
  onChange: (language: Language) => void;
}) {
  return (
    <select
      aria-label={label}
      className={className}
      value={value}
      onChange={(event) => onChange(languageOf(event.target.value) ?? value)}
    >
      {languages.map((language) => (
        <option key={language} value={language}>
          {LANGUAGE_NAMES[language] ?? language}
        </option>
      ))}
    </select>
  );
}

/** "4:05", or nothing before the browser knows the time. */
export function TimeLeft({ until, word }: { until: string; word: string }) {
  const now = useNow(1000);
  if (now === 0) return <span>{"\u00a0"}</span>;
  const seconds = Math.max(0, Math.ceil((Date.parse(until) - now) / 1000));
  return (
    <span className="tabular-nums">
      {Math.floor(seconds / 60)}:{String(seconds % 60).padStart(2, "0")} {word}
    </span>
  );
}

/** A receipt that is only there on paper. */
export function Slip({ text, onPrinted }: { text: string | null; onPrinted: () => void }) {
  useEffect(() => {
    if (text === null) return;
    window.print();
    onPrinted();
  }, [text, onPrinted]);
  return text === null ? null : (
    <pre data-slip className="hidden whitespace-pre font-mono text-xs print:block">
      {text}
    </pre>
  );
}

const REOPEN_MS = 30_000;

/**
 * Draws the page anew by what the server says now: a browser that was let go sees that. A place that is not in use is asked
 * for by itself, so that nobody has to load it again when it is.
 */
export function useRefresh(isUsable: boolean): () => void {
  const refresh = useSafeRefresh();
  useEffect(() => {
    if (isUsable) return;
    const timer = setInterval(refresh, REOPEN_MS);
    return () => clearInterval(timer);
  }, [isUsable, refresh]);
  return refresh;
}
