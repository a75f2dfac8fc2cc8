"use client";

import { ChevronRight } from "lucide-react";
import type { PaymentTimelineView } from "@/app/(dashboard)/payments/_components/rows";
import { DateTime } from "@/components/display/date-time";
import { JsonView } from "@/components/display/json-view";
import { Panel } from "@/components/ui/panel";
import { operationWord } from "./timeline-items";

/** The calls word for word, as far as they may be seen: secrets and personal data were masked before they were stored. */
export function RawMessages({ timeline }: { timeline: PaymentTimelineView | undefined }) {
  if (timeline === undefined) return null;
  if (!timeline.withMessages) {
    return (
      <Panel title="Raw messages">
        <p className="text-ink-3 text-sm">Your role does not see the messages between Tillgate and Klarna.</p>
      </Panel>
    );
  }
  const calls = timeline.items.filter((item) => item.kind === "call");
  if (calls.length === 0) return null;
  return (
    <Panel title="Raw messages" description="Secrets and personal data are masked" isFlush>
      <ul>
        {calls.map((call) => (
          <li key={call.id} className="border-line border-b last:border-b-0">
            <details className="group">
              <summary className="flex min-h-9 items-center gap-x-2 px-4 py-1.5 max-sm:flex-wrap text-sm hover:bg-hover focus-visible:-outline-offset-2">
                <ChevronRight
                  aria-hidden
                  className="size-3.5 shrink-0 text-ink-3 transition-transform group-open:rotate-90"
                />
                <span className="shrink-0">{operationWord(call.operation)}</span>
                <span className="min-w-0 truncate font-mono text-ink-3 text-xs">
                  {call.method} {decodePath(call.path)}
                </span>
                <span className="ml-auto flex shrink-0 gap-3 text-ink-3 text-xs">
                  {call.httpStatus ?? "no answer"}
                  <DateTime value={call.at} precision="second" />
                </span>
              </summary>
              <div className="grid gap-2 px-4 pb-3 xl:grid-cols-2">
                <JsonView value={call.request} label="Sent" openDepth={3} />
                <JsonView value={call.response} label="Answered" openDepth={3} />
              </div>
            </details>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** Klarna's ids have colons; in a path they are escaped, which nobody reads well. */
function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
