const LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/** A reference that reads well aloud and that no other till makes at the same moment: `T-261121-7KQ4M`. */
export function newReference(now: Date): string {
  const day = now.toISOString().slice(2, 10).replaceAll("-", "");
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(5)), (byte) => LETTERS[byte % LETTERS.length]);
  return `T-${day}-${letters.join("")}`;
}
