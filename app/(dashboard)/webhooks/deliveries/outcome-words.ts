const OUTCOMES: Readonly<Record<string, string>> = {
  delivered: "Delivered",
  http_error: "Refused",
  redirect_refused: "Answered with a redirect, which is not followed",
  gone: "Answered that it is gone",
  timeout: "No answer in time",
  connection_failed: "No connection",
  tls_failed: "The certificate was not accepted",
  address_refused: "The address may not be called",
  render_failed: "The message could not be made",
  unreachable: "No connection, or no answer in time",
};

/** How a try ended, with the HTTP status where one was answered. */
export function outcomeWords(outcome: string, status: number | null): string {
  const word = OUTCOMES[outcome] ?? outcome.replaceAll("_", " ");
  return status === null ? word : `${word} · ${status}`;
}
