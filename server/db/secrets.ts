import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * Encryption at rest: AES-256-GCM with a key id, so that keys can be changed while old rows stay readable.
 * Form: `v1.<key id>.<nonce>.<ciphertext and tag>`, base64url. The place (`table|column|row|partner`) is authenticated,
 * so a ciphertext moved to another row does not open.
 */
export type SecretBox = {
  seal(plain: string | Uint8Array, place: string): string;
  open(sealed: string, place: string): string;
  openBytes(sealed: string, place: string): Buffer;
  sealBytes(plain: Uint8Array, place: string): Buffer;
  unsealBytes(sealed: Uint8Array, place: string): Buffer;
  /** Keyed hash for equality only: API keys, session ids, path-bound tokens. Lower-case hex. */
  hash(value: string, purpose: string): string;
};

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export function createSecretBox(keys: ReadonlyMap<string, Buffer>, pepper: string): SecretBox {
  const first = keys.entries().next();
  if (first.done) throw new Error("no encryption key is configured");
  const [currentId, currentKey] = first.value;

  const encrypt = (plain: Uint8Array, place: string): Buffer => {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", currentKey, nonce).setAAD(Buffer.from(`${place}|${currentId}`));
    return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  };
  const decrypt = (sealed: Buffer, keyId: string, place: string): Buffer => {
    const key = keys.get(keyId);
    if (!key || sealed.length < NONCE_BYTES + TAG_BYTES)
      throw new Error("a stored secret cannot be opened with the configured keys");
    const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE_BYTES))
      .setAAD(Buffer.from(`${place}|${keyId}`))
      .setAuthTag(sealed.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  };
  const openBytes = (sealed: string, place: string): Buffer => {
    const [version, keyId, body] = sealed.split(".");
    if (version !== "v1" || !keyId || body === undefined) throw new Error("a stored secret has an unknown form");
    return decrypt(Buffer.from(body, "base64url"), keyId, place);
  };
  return {
    seal: (plain, place) =>
      `v1.${currentId}.${encrypt(typeof plain === "string" ? Buffer.from(plain, "utf8") : plain, place).toString("base64url")}`,
    open: (sealed, place) => openBytes(sealed, place).toString("utf8"),
    openBytes,
    sealBytes: (plain, place) => {
      const id = Buffer.from(currentId, "utf8");
      return Buffer.concat([Buffer.from([1, id.length]), id, encrypt(plain, place)]);
    },
    unsealBytes: (sealed, place) => {
      const bytes = Buffer.from(sealed);
      const length = bytes[1] ?? 0;
      if (bytes[0] !== 1) throw new Error("a stored secret has an unknown form");
      return decrypt(bytes.subarray(2 + length), bytes.subarray(2, 2 + length).toString("utf8"), place);
    },
    hash: (value, purpose) => createHmac("sha256", pepper).update(`${purpose}\u0000${value}`).digest("hex"),
  };
}

/** Compares two texts in constant time (for equal lengths). */
export function isEqualSecret(left: string, right: string): boolean {
  const a = Buffer.from(left, "utf8");
  const b = Buffer.from(right, "utf8");
  return a.length === b.length && timingSafeEqual(a, b);
}
