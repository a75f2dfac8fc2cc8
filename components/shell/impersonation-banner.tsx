"use client";

import { Eye } from "lucide-react";
import { useState } from "react";
import { DateTime } from "@/components/display/date-time";
import { Button } from "@/components/ui/button";

export type ViewedAs = { name: string; roleLabel: string; reason: string; until: string };

/** Stands on every screen while somebody sees it as another person does. */
export function ImpersonationBanner({ viewedAs, stop }: { viewedAs: ViewedAs; stop: () => Promise<{ path: string }> }) {
  const [isStopping, setStopping] = useState(false);
  const [hasFailed, setFailed] = useState(false);

  async function leave(): Promise<void> {
    setStopping(true);
    setFailed(false);
    try {
      // A whole load: nothing of the other person's screens may stay in this tab.
      window.location.assign((await stop()).path);
    } catch {
      setFailed(true);
      setStopping(false);
    }
  }

  return (
    <div className="flex items-center gap-x-3 gap-y-1 border-warn border-b-2 bg-warn-soft px-3 py-1.5 max-sm:items-start md:px-6">
      <Eye aria-hidden className="size-4 shrink-0 text-warn max-sm:mt-1" />
      <div role="status" aria-label="Viewing as another person" className="min-w-0 flex-1 text-ink text-sm">
        <span className="break-words">
          Viewing as <strong className="font-semibold">{viewedAs.name}</strong>, {viewedAs.roleLabel}
        </span>
        <span className="ml-2 text-ink-2 text-xs">
          until <DateTime value={viewedAs.until} />
        </span>
        <span className="line-clamp-2 break-words text-ink-2 text-xs">Reason: {viewedAs.reason}</span>
        {hasFailed ? <span className="block text-bad text-xs">That did not work. Try again.</span> : null}
      </div>
      <Button size="sm" isBusy={isStopping} onClick={() => void leave()} className="shrink-0">
        Stop<span className="sr-only"> viewing as {viewedAs.name}</span>
      </Button>
    </div>
  );
}
