/* Choices of the lists, apart from the schemas, so that screens can name them without a parser. */

export const INBOX_STATES = ["RECEIVED", "PROCESSED", "IGNORED", "PARKED", "FAILED"] as const;
export type InboxState = (typeof INBOX_STATES)[number];

/** Events in one of these can be replayed; one that waits for its turn is replayed anyway. */
export const REPLAYABLE_STATES = ["PROCESSED", "IGNORED", "PARKED", "FAILED"] as const;

export const SUBSCRIPTION_VERDICTS = ["UNKNOWN", "IN_ORDER", "DIFFERS", "MISSING", "UNREACHABLE"] as const;
export type SubscriptionVerdict = (typeof SUBSCRIPTION_VERDICTS)[number];
