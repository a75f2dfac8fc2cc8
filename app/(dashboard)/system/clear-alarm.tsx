"use client";

import { ConfirmAction } from "@/components/confirm-action";
import { clearAlarmAction } from "./actions";

export function ClearAlarm({
  id,
  message,
  partner,
  onDone,
}: {
  id: string;
  message: string;
  partner: string | null;
  onDone?: () => void;
}) {
  return (
    <ConfirmAction
      label="Clear"
      size="sm"
      title="Clear this alarm?"
      verb="Clear alarm"
      tone="primary"
      consequence={
        <>
          {message} Clearing says that you have looked at it; it changes nothing else, and it is raised again if the
          cause comes back.
        </>
      }
      {...(partner === null ? {} : { partner })}
      successMessage="Alarm cleared"
      onConfirm={() => clearAlarmAction(id)}
      {...(onDone === undefined ? {} : { onDone })}
    />
  );
}
