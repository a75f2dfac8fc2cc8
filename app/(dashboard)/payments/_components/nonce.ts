/** 128 random bits as hex. Not randomUUID: that is missing where a till opens us by plain http. */
export function newNonce(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const UNSURE: ReadonlySet<string> = new Set(["internal_error", "unavailable", "idempotency_in_progress"]);

/** Whether nobody knows after a refusal with this code if something was made: the next press keeps its nonce. */
export function isUnsure(code: string): boolean {
  return UNSURE.has(code);
}
