"use client";

import { useState, useTransition } from "react";
import type { ActionFailure } from "@/components/action-result";
import { DateTime } from "@/components/display/date-time";
import { StatusBadge } from "@/components/display/status-badge";
import { FailureNotice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Panel, PanelEmpty } from "@/components/ui/panel";
import type { InvariantCheck as Check } from "@/server/domain/overview/schema";
import { runInvariantsAction } from "./actions";

/** The rules that hold over all rows, checked every hour by a job and here on demand. */
export function InvariantCheck({ last }: { last: Check | null }) {
  const [failure, setFailure] = useState<ActionFailure | null>(null);
  const [isRunning, start] = useTransition();
  const run = () =>
    start(async () => {
      const result = await runInvariantsAction();
      setFailure(result.ok ? null : result);
    });
  return (
    <Panel
      id="rules"
      title="Rules that must always hold"
      description="Checked every hour over all rows of both modes; a broken one raises an alarm."
      isFlush
      actions={
        <Button size="sm" isBusy={isRunning} onClick={run}>
          {isRunning ? "Checking" : last === null ? "Check now" : "Check again"}
        </Button>
      }
      {...(last === null
        ? {}
        : {
            footer: (
              <>
                Checked <DateTime value={last.checkedAt} format="both" precision="second" /> by {last.checkedBy}
              </>
            ),
          })}
    >
      <div aria-live="polite">
        <FailureNotice failure={failure} className="m-4" />
        {last === null ? (
          <PanelEmpty>Not checked yet.</PanelEmpty>
        ) : (
          <ul>
            {last.results.map((result) => (
              <li
                key={result.id}
                className="flex min-h-10 items-center gap-4 border-line border-b px-4 py-1.5 last:border-b-0"
              >
                <span className="min-w-0 flex-1 text-sm">
                  {result.title}
                  {result.examples.length === 0 ? null : (
                    <span className="block break-all font-mono text-ink-3 text-xs">{result.examples.join(", ")}</span>
                  )}
                </span>
                {result.broken === 0 ? (
                  <StatusBadge kind="check" status="holds" />
                ) : (
                  <StatusBadge
                    kind="check"
                    status="broken"
                    detail={result.broken > 100 ? "more than 100" : String(result.broken)}
                  />
                )}
              </li>
            ))}
          </ul>
        )}
      </div>
    </Panel>
  );
}
