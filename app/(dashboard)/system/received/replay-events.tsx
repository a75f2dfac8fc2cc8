"use client";

import { ConfirmAction } from "@/components/confirm-action";
import type { Mode } from "@/components/display/mode-badge";
import { replayEventsAction } from "../actions";

const CONSEQUENCE =
  "They are processed as if they had just come. What was applied already changes nothing a second time.";

/** Has one or several events processed again: those named, or all that match a filter. */
export function ReplayEvents({
  label,
  what,
  count,
  mode,
  input,
  variant = "secondary",
  size = "md",
  onDone,
}: {
  label: string;
  /** "3 chosen events" */
  what: string;
  count: number;
  mode: Mode;
  input: { ids: readonly string[] } | { filter: object };
  variant?: "primary" | "secondary";
  size?: "sm" | "md";
  onDone?: () => void;
}) {
  return (
    <ConfirmAction
      label={label}
      variant={variant}
      size={size}
      isDisabled={count === 0}
      title={count === 1 ? "Replay this event?" : "Replay these events?"}
      verb="Replay"
      tone="primary"
      mode={mode}
      facts={[{ term: "Events", value: what }]}
      consequence={count === 1 ? CONSEQUENCE.replace("They are", "It is").replace("they", "it") : CONSEQUENCE}
      onConfirm={() => replayEventsAction(input)}
      {...(onDone === undefined ? {} : { onDone })}
    />
  );
}
