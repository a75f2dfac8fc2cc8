"use client";

import { useState, useTransition } from "react";
import type { ActionFailure } from "@/components/action-result";
import { DateTime } from "@/components/display/date-time";
import { FailureNotice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Panel, PanelEmpty } from "@/components/ui/panel";
import { toast } from "@/components/ui/toast";
import type { SweepRun } from "@/server/domain/inbox/schema";
import { runSweepAction } from "./actions";

const COUNT = new Intl.NumberFormat("en");

/** The last look at Klarna for what a lost event would have told, and the button for one now. */
export function SweepPanel({ last, canRun }: { last: SweepRun | null; canRun: boolean }) {
  const [failure, setFailure] = useState<ActionFailure | null>(null);
  const [isRunning, start] = useTransition();
  const run = () =>
    start(async () => {
      const result = await runSweepAction();
      setFailure(result.ok ? null : result);
      if (result.ok) toast.success(result.message ?? "Done");
    });
  return (
    <Panel
      id="sweep"
      title="Sweep for lost events"
      description="Every hour whatever is open here is looked up at Klarna, whether its event came or not."
      isFlush
      actions={
        canRun ? (
          <Button size="sm" isBusy={isRunning} onClick={run}>
            {isRunning ? "Looking" : "Sweep now"}
          </Button>
        ) : undefined
      }
      {...(last === null
        ? {}
        : {
            footer: (
              <>
                Started <DateTime value={last.startedAt} format="both" precision="second" /> by {last.startedBy}
                {last.endedAt === null ? " · under way" : ""}
              </>
            ),
          })}
    >
      <div aria-live="polite">
        <FailureNotice failure={failure} className="m-4" />
        {last === null || last.results.length === 0 ? (
          <PanelEmpty>{last === null ? "No sweep has run in this mode yet." : "The sweep is under way."}</PanelEmpty>
        ) : (
          <ul>
            {last.results.map((result) => (
              <li
                key={result.check}
                className="flex min-h-10 flex-wrap items-center gap-x-4 border-line border-b px-4 py-1.5 last:border-b-0"
              >
                <span className="min-w-0 flex-1 basis-56 text-sm">{result.title}</span>
                <span className="text-ink-2 text-xs tabular-nums">
                  {COUNT.format(result.looked)} looked at · {COUNT.format(result.repaired)} put right
                  {result.failed === 0 ? "" : ` · ${COUNT.format(result.failed)} failed`}
                </span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </Panel>
  );
}
