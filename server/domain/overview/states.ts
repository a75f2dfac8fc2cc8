/* Choices of the lists, apart from the schemas, so that screens can name them without a parser. */

export const INBOX_STATES = ["RECEIVED", "PROCESSED", "IGNORED", "PARKED", "FAILED"] as const;
export const REQUEST_METHODS = ["GET", "POST", "PATCH", "DELETE"] as const;
export const REQUEST_OUTCOMES = ["2xx", "4xx", "5xx"] as const;
