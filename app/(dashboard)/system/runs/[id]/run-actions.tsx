"use client";

import type { Route } from "next";
import { useRouter } from "next/navigation";
import { ConfirmAction } from "@/components/confirm-action";
import { cancelRunAction, replayRunAction } from "../../actions";

export function RunActions({ id, functionId, isOpen }: { id: string; functionId: string; isOpen: boolean }) {
  const router = useRouter();
  const facts = [{ term: "Function", value: functionId }];
  return (
    <>
      {isOpen ? (
        <ConfirmAction
          label="Cancel"
          variant="danger-quiet"
          title="Cancel this run?"
          verb="Cancel run"
          cancelWord="Leave it"
          facts={facts}
          consequence="It ends before its next step. A step that is under way is let finish. What is due is found again by the function's next turn."
          successMessage="The run is canceled"
          onConfirm={() => cancelRunAction(id)}
          onDone={() => router.refresh()}
        />
      ) : null}
      <ConfirmAction
        label="Replay"
        variant="primary"
        title="Run this once more?"
        verb="Replay"
        tone="primary"
        facts={facts}
        consequence="A new run with what this one was given. Its steps are done again; what they do is safe to repeat."
        successMessage="A new run has started"
        onConfirm={async () => {
          const result = await replayRunAction(id);
          if (result.ok) router.push(`/system/runs/${encodeURIComponent(result.data.id)}` as Route);
          return result;
        }}
      />
    </>
  );
}
