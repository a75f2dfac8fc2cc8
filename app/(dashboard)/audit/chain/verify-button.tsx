"use client";

import { useState, useTransition } from "react";
import type { ActionFailure } from "@/components/action-result";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { verifyAuditAction } from "./actions";

export function VerifyButton({ isFirst }: { isFirst: boolean }) {
  const [failure, setFailure] = useState<ActionFailure | null>(null);
  const [isRunning, start] = useTransition();
  const run = () =>
    start(async () => {
      const result = await verifyAuditAction();
      setFailure(result.ok ? null : result);
    });
  return (
    <div className="grid justify-items-end gap-2" aria-live="polite">
      <Button variant="primary" isBusy={isRunning} onClick={run}>
        {isRunning ? "Checking" : isFirst ? "Check now" : "Check again"}
      </Button>
      {failure === null ? null : <Notice tone="bad" title={failure.message} />}
    </div>
  );
}
