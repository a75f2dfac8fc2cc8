import type { Tone } from "@/components/ui/badge";
import { PAYMENT_STATE_WORDS, type PaymentState } from "@/server/domain/payments/states";

export type StatusWord = { word: string; tone: Tone };

const at = (tone: Tone, word: string): StatusWord => ({ word, tone });

/** Total over the states of a payment; the words are the domain's own. */
const PAYMENT_TONES: Readonly<Record<PaymentState, Tone>> = {
  PROCESSING: "working",
  PENDING: "info",
  IN_PROGRESS: "info",
  FINALIZING: "working",
  AUTHORIZED: "good",
  AUTHORIZATION_EXPIRED: "neutral",
  COMPLETED: "good",
  VOIDED: "neutral",
  DECLINED: "bad",
  CANCELED: "neutral",
  EXPIRED: "neutral",
  FAILED: "bad",
};

const PAYMENT_WORDS: Readonly<Record<string, StatusWord>> = Object.fromEntries(
  Object.entries(PAYMENT_TONES).map(([state, tone]) => {
    const words: Readonly<Record<string, string>> = PAYMENT_STATE_WORDS;
    return [state.toLowerCase(), at(tone, words[state] ?? state)];
  }),
);

/** One word and one colour per state, the same wherever it is shown. Keys are the states in lower case. */
export const STATUS_WORDS = {
  payment: PAYMENT_WORDS,
  capture: {
    pending: at("working", "Processing"),
    processing: at("working", "Processing"),
    succeeded: at("good", "Captured"),
    failed: at("bad", "Failed"),
    unknown: at("warn", "Unknown outcome"),
  },
  refund: {
    pending: at("working", "Processing"),
    processing: at("working", "Processing"),
    succeeded: at("good", "Refunded"),
    failed: at("bad", "Failed"),
    unknown: at("warn", "Unknown outcome"),
  },
  void: {
    pending: at("working", "Processing"),
    processing: at("working", "Processing"),
    succeeded: at("good", "Released"),
    failed: at("bad", "Failed"),
    unknown: at("warn", "Unknown outcome"),
  },
  mail: {
    queued: at("working", "Waiting"),
    sent: at("good", "Sent"),
    kept: at("info", "Kept here"),
    failed: at("bad", "Not sent"),
  },
  operation: {
    pending: at("working", "Sending"),
    succeeded: at("good", "Answered"),
    failed: at("bad", "Refused"),
    unknown: at("warn", "Unknown outcome"),
  },
  delivery: {
    pending: at("working", "Sending"),
    sending: at("working", "Sending"),
    delivering: at("working", "Sending"),
    retrying: at("warn", "Will retry"),
    delivered: at("good", "Delivered"),
    succeeded: at("good", "Delivered"),
    failed: at("bad", "Failed for good"),
    dead: at("bad", "Failed for good"),
    canceled: at("neutral", "Canceled"),
    skipped: at("neutral", "Not sent"),
  },
  attempt: {
    pending: at("working", "Sending"),
    succeeded: at("good", "Delivered"),
    failed: at("bad", "Failed"),
  },
  inbox: {
    received: at("working", "Processing"),
    pending: at("working", "Processing"),
    processing: at("working", "Processing"),
    parked: at("warn", "Parked"),
    processed: at("good", "Processed"),
    ignored: at("neutral", "Ignored"),
    failed: at("bad", "Failed"),
  },
  endpoint: {
    active: at("good", "Active"),
    enabled: at("good", "Active"),
    failing: at("warn", "Failing"),
    paused: at("neutral", "Paused"),
    disabled: at("bad", "Disabled"),
    deleted: at("neutral", "Deleted"),
  },
  key: {
    active: at("good", "Active"),
    idle: at("warn", "Idle key"),
    expiring: at("warn", "Expires soon"),
    expired: at("neutral", "Expired"),
    revoked: at("neutral", "Revoked"),
  },
  partner: {
    draft: at("info", "Draft"),
    invited: at("info", "Invited"),
    onboarding: at("info", "Onboarding"),
    pending: at("working", "Processing"),
    active: at("good", "Active"),
    operational: at("good", "Operational"),
    enabled: at("good", "Operational"),
    suspended: at("bad", "Suspended"),
    disabled: at("bad", "Disabled by Klarna"),
    archived: at("neutral", "Archived"),
    closed: at("neutral", "Closed"),
    ended: at("neutral", "Ended"),
  },
  store: {
    draft: at("info", "Draft"),
    active: at("good", "Active"),
    open: at("good", "Active"),
    paused: at("neutral", "Paused"),
    inactive: at("neutral", "Paused"),
    closed: at("neutral", "Closed"),
    disabled: at("neutral", "Paused"),
    archived: at("neutral", "Archived"),
  },
  terminal: {
    draft: at("info", "Draft"),
    registered: at("info", "Never seen"),
    active: at("good", "Active"),
    online: at("good", "Active"),
    offline: at("warn", "Not seen lately"),
    paused: at("neutral", "Paused"),
    inactive: at("neutral", "Paused"),
    disabled: at("neutral", "Paused"),
    retired: at("neutral", "Retired"),
    archived: at("neutral", "Archived"),
  },
  user: {
    invited: at("info", "Invited"),
    active: at("good", "Active"),
    locked: at("warn", "Locked"),
    disabled: at("neutral", "Disabled"),
    withdrawn: at("neutral", "Invitation withdrawn"),
  },
  approval: {
    pending: at("warn", "Waits for approval"),
    approved: at("info", "Approved"),
    rejected: at("bad", "Rejected"),
    withdrawn: at("neutral", "Withdrawn"),
    expired: at("neutral", "Ended"),
    executed: at("good", "Done"),
  },
  run: {
    queued: at("working", "Waiting"),
    running: at("working", "Running"),
    completed: at("good", "Completed"),
    failed: at("bad", "Failed"),
    cancelled: at("neutral", "Canceled"),
  },
  step: {
    planned: at("working", "Next"),
    sleeping: at("working", "Sleeping"),
    waiting: at("info", "Waiting for an event"),
    invoking: at("working", "Calling a function"),
    done: at("good", "Done"),
    failed: at("bad", "Failed"),
  },
  subscription: {
    unknown: at("neutral", "Not looked at"),
    in_order: at("good", "In order"),
    differs: at("warn", "Differs"),
    missing: at("bad", "Missing"),
    unreachable: at("bad", "Klarna not reached"),
  },
  signing_key: {
    current: at("good", "In use"),
    active: at("info", "Accepted"),
    leaving: at("warn", "Being retired"),
    retired: at("neutral", "Retired"),
  },
  alarm: {
    open: at("bad", "Open"),
    cleared: at("neutral", "Cleared"),
  },
  bulk: {
    checked: at("info", "Preview"),
    running: at("working", "Running"),
    done: at("good", "Done"),
    canceled: at("neutral", "Stopped"),
  },
  bulk_row: {
    invalid: at("bad", "Refused"),
    skipped: at("neutral", "Done already"),
    ready: at("info", "Ready"),
    asking: at("working", "Asking Klarna"),
    waiting: at("working", "Waiting for Klarna"),
    approval: at("warn", "Needs approval"),
    done: at("good", "Done"),
    failed: at("bad", "Not done"),
  },
  import: {
    uploaded: at("info", "Columns to be chosen"),
    checked: at("info", "Checked"),
    running: at("working", "Running"),
    done: at("good", "Done"),
    failed: at("bad", "Stopped"),
    canceled: at("neutral", "Canceled"),
  },
  import_row: {
    pending: at("neutral", "Not checked"),
    valid: at("info", "Ready"),
    invalid: at("bad", "Has errors"),
    done: at("good", "Done"),
    failed: at("bad", "Failed"),
    skipped: at("neutral", "Nothing to do"),
  },
  check: {
    holds: at("good", "Holds"),
    ok: at("good", "Fine"),
    degraded: at("warn", "Degraded"),
    broken: at("bad", "Broken"),
    failed: at("bad", "Failed"),
  },
} as const satisfies Record<string, Record<string, StatusWord>>;

export type StatusKind = keyof typeof STATUS_WORDS;

/** The word and colour of a state; a state we do not know is shown as it is, quietly. */
export function statusWord(kind: StatusKind, status: string): StatusWord {
  const words: Record<string, StatusWord> = STATUS_WORDS[kind];
  const key = status.toLowerCase();
  const known = Object.hasOwn(words, key) ? words[key] : undefined;
  return known ?? { word: status.replaceAll("_", " ").toLowerCase(), tone: "neutral" };
}

/** Choices for a filter on a state. */
export function statusOptions(
  kind: StatusKind,
  states: readonly string[],
): Array<{ value: string; label: string; tone: Tone }> {
  return states.map((state) => {
    const { word, tone } = statusWord(kind, state);
    return { value: state, label: word, tone };
  });
}
