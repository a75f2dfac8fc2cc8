"use client";

import { CircleAlert, CircleCheck, Info, X } from "lucide-react";
import { Toast as Primitive } from "radix-ui";
import { type ReactNode, useSyncExternalStore } from "react";
import { cn } from "@/components/cn";

type ToastTone = "info" | "good" | "bad";
type ToastEntry = { id: number; tone: ToastTone; title: string; description: ReactNode };

let entries: readonly ToastEntry[] = [];
let lastId = 0;
const listeners = new Set<() => void>();
const NONE: readonly ToastEntry[] = [];

function publish(next: readonly ToastEntry[]): void {
  entries = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function show(tone: ToastTone, title: string, description?: ReactNode): void {
  lastId += 1;
  publish([...entries.slice(-2), { id: lastId, tone, title, description }]);
}

/**
 * Says in passing that something happened. What a person must act on belongs on the screen instead.
 *
 * Built on the primitive and not on a toast library: those insert a style element without the nonce of the document.
 */
export const toast = {
  info: (title: string, description?: ReactNode) => show("info", title, description),
  success: (title: string, description?: ReactNode) => show("good", title, description),
  error: (title: string, description?: ReactNode) => show("bad", title, description),
};

const ICONS = { info: Info, good: CircleCheck, bad: CircleAlert };
const INK = { info: "text-info", good: "text-good", bad: "text-bad" };

export function Toaster() {
  const shown = useSyncExternalStore(
    subscribe,
    () => entries,
    () => NONE,
  );
  return (
    <Primitive.Provider swipeDirection="right" duration={5000} label="Notification">
      {shown.map((entry) => {
        const Icon = ICONS[entry.tone];
        return (
          <Primitive.Root
            key={entry.id}
            type={entry.tone === "bad" ? "foreground" : "background"}
            duration={entry.tone === "bad" ? 10_000 : 5000}
            onOpenChange={(isOpen) => {
              if (!isOpen) publish(entries.filter((other) => other.id !== entry.id));
            }}
            className="flex animate-in items-start gap-2.5 rounded-md border border-line bg-raised p-3 shadow-float"
          >
            <Icon aria-hidden className={cn("mt-0.5 size-4 shrink-0", INK[entry.tone])} />
            <div className="min-w-0 flex-1">
              <Primitive.Title className="font-medium text-sm">{entry.title}</Primitive.Title>
              {entry.description === undefined ? null : (
                <Primitive.Description asChild>
                  <div className="text-ink-2 text-xs">{entry.description}</div>
                </Primitive.Description>
              )}
            </div>
            <Primitive.Close aria-label="Dismiss" className="rounded-xs text-ink-3 hover:text-ink">
              <X aria-hidden className="size-4" />
            </Primitive.Close>
          </Primitive.Root>
        );
      })}
      <Primitive.Viewport className="fixed right-4 bottom-4 max-md:bottom-20 z-50 grid w-80 max-w-[calc(100vw-2rem)] gap-2 outline-none" />
    </Primitive.Provider>
  );
}
