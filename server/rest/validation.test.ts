import { expect, it } from "vitest";
import { isAppError } from "@/server/core/errors";
import { CreatePaymentSchema, CreateRefundSchema } from "@/server/domain/payments/schema";
import { parseWith, readQuery } from "./validation";

function faults(
  value: unknown,
  schema: typeof CreatePaymentSchema | typeof CreateRefundSchema = CreatePaymentSchema,
): Record<string, string> {
  try {
    parseWith(schema, value);
  } catch (error) {
    if (isAppError(error)) return Object.fromEntries(error.errors.map((fault) => [fault.pointer, fault.detail]));
    throw error;
  }
  return {};
}
const good = {
  amount: 11_800,
  currency: "USD",
  reference: "ON4711",
  store: { reference: "S1" },
  terminal: { reference: "T1" },
};

it("names each fault by a JSON pointer into the body", () => {
  expect(faults(good)).toEqual({});
  expect(
    Object.keys(
      faults({
        ...good,
        amount: "118",
        currency: "usd",
        refrence: "x",
        line_items: [{ name: "A", quantity: 1, total_amount: 1.5 }],
      }),
    ).sort(),
  ).toEqual(["/amount", "/currency", "/line_items/0/total_amount", "/refrence"]);
  expect(Object.keys(faults([]))).toEqual([""]);
});

it("S6: amounts that are negative, zero, decimal, text or beyond 2^53 are refused by their shape", () => {
  for (const amount of [
    -1,
    0,
    1.5,
    "100",
    2 ** 53,
    2 ** 53 + 2,
    2_147_483_648,
    null,
    true,
    [],
    {},
    Number.POSITIVE_INFINITY,
  ]) {
    expect(faults({ ...good, amount })).toHaveProperty("/amount");
    if (amount !== undefined) expect(faults({ amount }, CreateRefundSchema)).toHaveProperty("/amount");
  }
});

it("S5: fields that we have inside and nobody may set are unknown fields", () => {
  for (const name of ["partnerId", "partner_id", "state", "status", "role", "mode", "amount_authorized", "id"]) {
    expect(faults({ ...good, [name]: "x" })).toEqual({ [`/${name}`]: "is not a field of this request" });
  }
});

it("of several forms, names the fault in the one that was meant", () => {
  const details = {
    reference: "S9",
    name: "Nine",
    address: { street_address: "1 High St", postal_code: "1", city: "X", country: "usa" },
  };
  expect(Object.keys(faults({ ...good, store: { details } }))).toEqual(["/store/details/address/country"]);
  expect(Object.keys(faults({ ...good, store: { id: "a", reference: "b" } }))).toEqual(["/store"]);
  expect(Object.keys(faults({ ...good, store: "S1" }))).toEqual(["/store"]);
});

it("reads a query once per parameter and refuses what it cannot read", () => {
  expect(readQuery("/x?a=1&b=c%20d")).toEqual({ a: "1", b: "c d" });
  expect(readQuery("/x")).toEqual({});
  for (const target of ["/x?a=1&a=2", "/x?a=%00", "/x?a=%ff", "/x?a=%0d%0a"])
    expect(() => readQuery(target)).toThrowError(/validation_failed/);
});
