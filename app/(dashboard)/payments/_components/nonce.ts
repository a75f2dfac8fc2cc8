/** 128 random bits as hex. Not randomUUID: that is missing where a till opens us by plain http. */
export function newNonce(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
