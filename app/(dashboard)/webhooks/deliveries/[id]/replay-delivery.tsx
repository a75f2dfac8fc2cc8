"use client";

import { replayDeliveryAction } from "@/app/(dashboard)/webhooks/actions";
import { ConfirmAction } from "@/components/confirm-action";
import type { Mode } from "@/components/display/mode-badge";

export function ReplayDelivery({
  id,
  type,
  url,
  partner,
  mode,
}: {
  id: string;
  type: string;
  url: string;
  partner: string;
  mode: Mode;
}) {
  return (
    <ConfirmAction
      label="Send again"
      variant="primary"
      title="Send this event again?"
      verb="Send again"
      tone="primary"
      partner={partner}
      mode={mode}
      facts={[
        { term: "Event", value: type },
        { term: "Address", value: <span className="break-all">{url}</span> },
      ]}
      consequence="The same event with the same id, so that the receiver can tell that it is a repeat."
      successMessage="On its way"
      onConfirm={() => replayDeliveryAction(id)}
    />
  );
}
