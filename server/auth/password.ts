import { randomBytes } from "node:crypto";
import { hash, verify } from "@node-rs/argon2";
import { z } from "zod";

export const PASSWORD_LENGTH_MIN = 12;
/** A bound on what one guess can make us hash. */
export const PASSWORD_LENGTH_MAX = 200;

export const PasswordSchema = z
  .string()
  .min(PASSWORD_LENGTH_MIN, `must have ${PASSWORD_LENGTH_MIN} characters or more`)
  .max(PASSWORD_LENGTH_MAX);

/** argon2id, the library's default kind, with the least cost that OWASP advises: 19 MiB, two passes, one lane. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

const normalized = (password: string): string => password.normalize("NFC");

/** Hashes a new password. Its length is the caller's to check with PasswordSchema. */
export function hashPassword(password: string): Promise<string> {
  return hash(normalized(password), COST);
}

let unknown: Promise<string> | undefined;

/** Makes the hash that stands in for people we do not know; called early, so that the first guess is not slower. */
export function prepareDummyHash(): Promise<string> {
  unknown ??= hash(randomBytes(32), COST);
  return unknown;
}

/**
 * Whether the password belongs to the hash. Without a hash (nobody has this address) the same work is done and the
 * answer is no, so that time does not tell who has an account. A password beyond the bound is compared as an empty one.
 */
export async function verifyPassword(passwordHash: string | null, password: string): Promise<boolean> {
  const isTooLong = password.length > PASSWORD_LENGTH_MAX;
  const isEqual = await verify(passwordHash ?? (await prepareDummyHash()), isTooLong ? "" : normalized(password));
  return isEqual && passwordHash !== null && !isTooLong;
}
