"use client";

import { ConfirmAction } from "@/components/confirm-action";
import { endOtherSessionsAction } from "./actions";

export function EndOthers({ count }: { count: number }) {
  return (
    <ConfirmAction
      label="End all others"
      variant="danger-quiet"
      title="End all other sessions?"
      verb={count === 1 ? "End 1 session" : `End ${count} sessions`}
      consequence="Every browser but this one is asked to sign in again at its next step. What was typed there and not saved is lost."
      onConfirm={() => endOtherSessionsAction()}
    />
  );
}
