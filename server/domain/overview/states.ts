/* Choices of the lists, apart from the schemas, so that screens can name them without a parser. */

export const REQUEST_METHODS = ["GET", "POST", "PATCH", "DELETE"] as const;
export const REQUEST_OUTCOMES = ["2xx", "4xx", "5xx"] as const;

export const ALARM_STATES = ["open", "cleared"] as const;
/** States and kinds of the journal of calls to Klarna, as the list of the System screen offers them. */
export const OPERATION_STATES = ["PENDING", "UNKNOWN", "FAILED", "SUCCEEDED"] as const;
export const OPERATION_KINDS = [
  "AUTHORIZE",
  "FINAL_AUTHORIZE",
  "CANCEL_REQUEST",
  "CAPTURE",
  "REFUND",
  "VOID",
  "LATE_VOID",
  "LATE_REFUND",
  "UPDATE",
  "REAUTHORIZE",
] as const;
