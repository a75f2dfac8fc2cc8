"use client";

import { ChevronRight } from "lucide-react";
import { type ReactNode, useState } from "react";
import { cn } from "@/components/cn";
import { DateTime } from "@/components/display/date-time";
import { JsonView } from "@/components/display/json-view";
import type { Tone } from "@/components/ui/badge";

export type TimelineMessage = { label: string; value: unknown };

export type TimelineItem = {
  id: string;
  at: Date | string;
  tone?: Tone;
  title: ReactNode;
  /** Who: a person, a Partner's key, Klarna, Tillgate. */
  actor?: string | undefined;
  /** By which way: dashboard, API, webhook, job. */
  via?: string | undefined;
  aside?: ReactNode;
  description?: ReactNode;
  /** Masked messages that fold out. */
  messages?: readonly TimelineMessage[] | undefined;
};

const DOT: Record<Tone, string> = {
  neutral: "bg-ink-3",
  working: "bg-ink-3 animate-beat",
  info: "bg-info",
  good: "bg-good",
  warn: "bg-warn",
  bad: "bg-bad",
  accent: "bg-accent",
};

/** Everything that happened, in the order given. */
export function Timeline({
  items,
  empty = "Nothing has happened yet.",
}: {
  items: readonly TimelineItem[];
  empty?: string;
}) {
  if (items.length === 0) return <p className="text-ink-3 text-sm">{empty}</p>;
  return (
    <ol className="grid">
      {items.map((item, index) => (
        <TimelineRow key={item.id} item={item} isLast={index === items.length - 1} />
      ))}
    </ol>
  );
}

function TimelineRow({ item, isLast }: { item: TimelineItem; isLast: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const messages = item.messages ?? [];
  const source = [item.actor, item.via].filter((part) => part !== undefined && part !== "").join(" · ");
  return (
    <li className="grid grid-cols-[12px_minmax(0,1fr)] gap-x-3">
      <div aria-hidden className="relative">
        <span className={cn("absolute top-[7px] left-0.5 size-2 rounded-full", DOT[item.tone ?? "neutral"])} />
        {isLast ? null : <span className="absolute top-[19px] -bottom-[3px] left-[5.5px] w-px bg-line-strong" />}
      </div>
      <div className={cn("min-w-0", isLast ? "" : "pb-4")}>
        <div className="flex flex-wrap items-center gap-x-2 text-sm">
          <span className="min-w-0 font-medium">{item.title}</span>
          {item.aside}
          <DateTime
            value={item.at}
            precision="second"
            className="ml-auto whitespace-nowrap text-ink-3 text-xs max-sm:ml-0 max-sm:w-full"
          />
        </div>
        {source === "" && messages.length === 0 ? null : (
          <div className="flex flex-wrap items-center gap-x-2 text-ink-3 text-xs">
            {source === "" ? null : <span>{source}</span>}
            {messages.length === 0 ? null : (
              <button
                type="button"
                aria-expanded={isOpen}
                onClick={() => setOpen(!isOpen)}
                className="inline-flex min-h-6 items-center gap-0.5 rounded-xs text-ink-2 hover:text-ink"
              >
                <ChevronRight aria-hidden className={cn("size-3 transition-transform", isOpen && "rotate-90")} />
                {isOpen ? "Hide messages" : "Messages"}
              </button>
            )}
          </div>
        )}
        {item.description === undefined ? null : <div className="mt-0.5 text-ink-2 text-sm">{item.description}</div>}
        {isOpen ? (
          <div className="mt-1.5 grid gap-2">
            {messages.map((message) => (
              <div key={message.label} className="grid gap-1">
                <p className="text-ink-3 text-xs">{message.label}</p>
                <JsonView value={message.value} label={message.label} />
              </div>
            ))}
          </div>
        ) : null}
      </div>
    </li>
  );
}
