/** What a browser's refusal to use or make a passkey means to a person. */
export function passkeyFailure(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError" || name === "AbortError")
    return "The passkey was not used. Try again when you are ready.";
  if (name === "InvalidStateError") return "This device has a passkey for this account already.";
  if (name === "SecurityError") return "Passkeys work only at the address that this page is meant to have.";
  return "The passkey could not be used. Try again, or another way.";
}
