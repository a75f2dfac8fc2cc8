export const RUN_STATES = ["queued", "running", "completed", "failed", "cancelled"] as const;
export type RunState = (typeof RUN_STATES)[number];

/** A run that has ended cannot be cancelled. */
export const OPEN_RUN_STATES: readonly string[] = ["queued", "running"];
