import { expect, it } from "vitest";
import { CreateCaptureSchema, CreatePaymentSchema, CreateRefundSchema, UpdatePaymentSchema } from "./schema";

/* The bounds that the contract states, at both of their sides. */

const sale = { amount: 100, currency: "SEK", reference: "ON1" };
const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, "v"]));
const taken = (more: object): boolean => CreatePaymentSchema.safeParse({ ...sale, ...more }).success;

it.each([
  ["amount", [1, 2_147_483_647], [0, -1, 1.5, "100", 2_147_483_648]],
  ["currency", ["SEK"], ["sek", "SE", "SEKK", ""]],
  ["reference", ["x", "x".repeat(255)], ["", "x".repeat(256), 1]],
  ["expires_in", [60, 172_800], [59, 172_801, 60.5]],
  ["short_code", ["12", "1".repeat(20)], ["1", "1".repeat(21), "12a", 1234]],
  ["metadata", [{}, pairs(20)], [pairs(21), { key: 1 }, { key: { deep: "x" } }, []]],
  ["channel", ["in_store", "web", "mobile_app"], ["store", "IN_STORE", null]],
  ["launch", ["qr", "redirect", "sdk", "short_code", "none"], ["QR", "link"]],
  ["capture", ["automatic", "manual"], ["now", true]],
  ["allow_repeat_reference", [true, false], ["true", 1]],
  ["store", [{ id: "sto_1" }, { reference: "S1" }], [{}, { id: "sto_1", reference: "S1" }, "sto_1"]],
  ["terminal", [{ id: "ter_1" }, { reference: "T1" }], [{}, { id: "ter_1", reference: "T1" }]],
] as const)("%s is taken within its bounds and in its form alone", (field, good, bad) => {
  for (const value of good) expect(taken({ [field]: value }), JSON.stringify(value).slice(0, 60)).toBe(true);
  for (const value of bad) expect(taken({ [field]: value }), JSON.stringify(value).slice(0, 60)).toBe(false);
});

it("amount, currency and reference are required of a sale; of what comes after it nothing is", () => {
  for (const field of Object.keys(sale)) expect(taken({ [field]: undefined }), field).toBe(false);
  for (const schema of [CreateCaptureSchema, CreateRefundSchema, UpdatePaymentSchema]) {
    expect(schema.safeParse({}).success).toBe(true);
    for (const amount of [0, -1, 1.5, 2_147_483_648])
      expect(schema.safeParse({ amount }).success, `${amount}`).toBe(false);
    expect(schema.safeParse({ amount: 1, currency: "SEK" }).success).toBe(false);
  }
});
