import { expect, it } from "vitest";
import { hashPassword, PASSWORD_LENGTH_MAX, PasswordSchema, verifyPassword } from "./password";

it("a password is kept as argon2id with its cost, and only the same one fits", async () => {
  const hash = await hashPassword("correct horse battery");
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await verifyPassword(hash, "correct horse battery")).toBe(true);
  expect(await verifyPassword(hash, "correct horse batterz")).toBe(false);
  expect(await verifyPassword(hash, "")).toBe(false);
});

it("the same letters typed as other code points are the same password", async () => {
  expect(await verifyPassword(await hashPassword("caf\u00e9 au lait, 12"), "cafe\u0301 au lait, 12")).toBe(true);
});

it("nobody's password is never right, and neither is one beyond the bound", async () => {
  expect(await verifyPassword(null, "")).toBe(false);
  expect(await verifyPassword(null, "anything at all")).toBe(false);
  const long = "a".repeat(PASSWORD_LENGTH_MAX + 1);
  expect(await verifyPassword(await hashPassword(long), long)).toBe(false);
  expect(await verifyPassword(await hashPassword(""), long)).toBe(false);
});

it("a new password has 12 characters or more", () => {
  expect(PasswordSchema.safeParse("eleven char").success).toBe(false);
  expect(PasswordSchema.safeParse("twelve chars").success).toBe(true);
});
