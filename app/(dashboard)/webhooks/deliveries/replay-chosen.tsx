"use client";

import { ConfirmAction } from "@/components/confirm-action";
import type { Mode } from "@/components/display/mode-badge";
import { replayDeliveriesAction } from "../actions";

/** Sends the deliveries that were picked once more. */
export function ReplayChosen({ ids, mode, onDone }: { ids: readonly string[]; mode: Mode; onDone: () => void }) {
  const count = ids.length;
  return (
    <ConfirmAction
      label="Send again"
      title={count === 1 ? "Send this delivery again?" : `Send ${count} deliveries again?`}
      verb={`Send ${count} again`}
      tone="primary"
      mode={mode}
      consequence="The same events with the same ids, so that receivers can tell that they are repeats. Those on their way already, and those of endpoints that are switched off, are left out."
      onConfirm={() => replayDeliveriesAction(ids)}
      onDone={onDone}
    />
  );
}
