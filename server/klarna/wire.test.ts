import { describe, expect, it } from "vitest";
import { ClassicOrderSchema, DistributionSchema } from "./classic";
import { classifyStatus, isKlarnaErrorBody, readKlarnaError } from "./errors";
import { AuthorizeAnswerSchema, PaymentRequestSchema, PaymentTransactionSchema } from "./payments";
import { readInstant, withoutNulls } from "./wire";

describe("what Klarna may say otherwise", () => {
  it("a null says what an absent member says, at any depth; what stands beside it is kept", () => {
    const hostile = JSON.parse(
      '{"a":null,"b":{"c":null,"d":[{"e":null,"f":0}]},"__proto__":{"polluted":1}}',
    ) as unknown;
    const read = withoutNulls(hostile);
    expect(JSON.stringify(read)).toBe('{"b":{"d":[{"f":0}]},"__proto__":{"polluted":1}}');
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });

  it("an answer nested a hundred thousand deep is read, not fallen over", () => {
    const deep = JSON.parse(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`) as unknown;
    expect(withoutNulls(deep)).toBeTypeOf("object");
  });

  it.each([
    ["2026-11-21T10:00:00Z", "2026-11-21T10:00:00.000Z"],
    ["2026-11-21T10:00:00.123456789Z", "2026-11-21T10:00:00.123Z"],
    ["2026-11-21T11:00:00+01:00", "2026-11-21T10:00:00.000Z"],
    ["2026-11-21T11:00:00+0100", "2026-11-21T10:00:00.000Z"],
    ["2026-11-21T10:00:00", "2026-11-21T10:00:00.000Z"],
    ["2026-11-21 10:00:00.5", "2026-11-21T10:00:00.500Z"],
    ["2026-11-21", undefined],
    ["21/11/2026 10:00", undefined],
    ["soon", undefined],
    [1_795_255_200_000, undefined],
    [{}, undefined],
  ])("the time %j is %s", (given, expected) => {
    expect(readInstant(given)?.toISOString()).toBe(expected);
  });

  const transaction = { payment_transaction_id: "krn:t", payment_transaction_reference: "pay_1", amount: 11_800 };
  const approved = (more: object, inside: object = {}) => ({
    payment_transaction_response: { result: "APPROVED", payment_transaction: { ...transaction, ...inside }, ...more },
  });
  const request = { payment_request_id: "krn:r", state: "SUBMITTED" };

  it.each<[string, object]>([
    ["a time that is none", approved({}, { expires_at: "in four weeks" })],
    ["an epoch for a time", approved({}, { expires_at: 1_795_255_200 })],
    ["captures of another form", approved({}, { payment_captures: [{ id: "krn:c" }] })],
    ["funding of another form", approved({}, { payment_funding: "GUARANTEED" })],
    ["a reason that is an object", approved({ result_reason: { code: "X" } })],
    ["a request that is empty", { ...approved({}), payment_request: {} }],
  ])("an approval is read with %s", (_what, body) => {
    const read = AuthorizeAnswerSchema.parse(body);
    expect(read.payment_transaction_response.payment_transaction).toMatchObject(transaction);
    expect(read.payment_transaction_response.payment_transaction?.expires_at).toBeUndefined();
  });

  it.each<[string, object]>([
    ["an amount in words", approved({}, { amount: "11800" })],
    ["an amount with decimals", approved({}, { amount: 118.5 })],
    ["a negative amount", approved({}, { amount: -1 })],
    ["no id", { payment_transaction_response: { result: "APPROVED", payment_transaction: { amount: 1 } } }],
    ["no result", { payment_transaction_response: { payment_transaction: transaction } }],
    ["nothing", {}],
  ])("an approval with %s is no answer: money is never guessed", (_what, body) => {
    expect(AuthorizeAnswerSchema.safeParse(body).success).toBe(false);
  });

  it.each([
    [{ type: "NON_GUARANTEED" }, { type: "NON_GUARANTEED", state: "PENDING" }],
    [
      { type: "NON_GUARANTEED", state: "FUNDED" },
      { type: "NON_GUARANTEED", state: "FUNDED" },
    ],
    [{ type: "GUARANTEED" }, { type: "GUARANTEED", state: "FUNDED" }],
    [{ state: "FUNDED" }, undefined],
  ])("the funding %j is %j: what is not guaranteed is not there before Klarna says so", (given, expected) => {
    expect(PaymentTransactionSchema.parse({ ...transaction, payment_funding: given }).payment_funding).toEqual(
      expected,
    );
  });

  it("books whose captures cannot be read are not taken for empty books", () => {
    for (const field of ["payment_captures", "payment_refunds"])
      expect(PaymentTransactionSchema.safeParse({ ...transaction, [field]: [{ id: "krn:c" }] }).success).toBe(false);
  });

  it.each<[string, object, string | undefined]>([
    [
      "a code with its address only",
      { customer_interaction: { qr_code: { target_url: "https://q.example" } } },
      "https://q.example",
    ],
    ["an interaction of another form", { customer_interaction: ["QR_CODE"] }, undefined],
  ])("a request with %s can be shown or canceled", (_what, context, target) => {
    const read = PaymentRequestSchema.parse({ ...request, state_context: context });
    expect(read.state_context?.customer_interaction?.qr_code?.target_url).toBe(target);
  });

  it("the proof of a finished journey is read beside the state, too", () => {
    expect(PaymentRequestSchema.parse({ ...request, klarna_network_session_token: "krn:s" })).toMatchObject({
      klarna_network_session_token: "krn:s",
    });
  });

  it("classic answers are read with words and times of another form", () => {
    const order = { order_id: "1", status: "SOMETHING_NEW", order_amount: 100, expires_at: "2027-01-01 10:00" };
    expect(
      ClassicOrderSchema.parse(withoutNulls({ ...order, fraud_status: null, klarna_reference: null })),
    ).toMatchObject({
      status: "SOMETHING_NEW",
      expires_at: new Date("2027-01-01T10:00:00Z"),
    });
    expect(
      DistributionSchema.parse(withoutNulls({ status: "WAITING", qr: null, error: null, order_id: null })),
    ).toEqual({
      status: "WAITING",
    });
  });
});

describe("Klarna's refusals", () => {
  const refusal = { error_id: "e-1", error_code: "OPERATION_FORBIDDEN", error_message: "No." };
  it.each<[string, object]>([
    ["nulls", { ...refusal, error_type: null, doc_url: null, validation_errors: null, errors: null }],
    ["a list of words", { ...refusal, validation_errors: ["amount is too much"] }],
    [
      "a very long text",
      { ...refusal, error_message: "x".repeat(20_000), validation_errors: [{ parameter: "p".repeat(900) }] },
    ],
    ["a thousand fields", { ...refusal, errors: Array.from({ length: 1_000 }, () => ({ parameter: "a" })) }],
    ["members of other forms", { ...refusal, error_type: 403, error_messages: "No.", correlation_id: {} }],
  ])("are a definite no with %s", (_what, body) => {
    expect(classifyStatus(403, isKlarnaErrorBody(body))).toBe("refused");
    const read = readKlarnaError(403, body);
    expect(read).toMatchObject({ code: "OPERATION_FORBIDDEN", errorId: "e-1" });
    expect(read.fields.length).toBeLessThanOrEqual(100);
  });

  it.each([[null], ["<html>403</html>"], [{}], [[]], [{ message: "Forbidden" }]])(
    "a 403 of a filter in front of it (%j) says nothing about the operation",
    (body) => {
      expect(classifyStatus(403, isKlarnaErrorBody(body))).toBe("again");
    },
  );

  it.each([
    [301, "unknown"],
    [307, "unknown"],
    [408, "again"],
    [409, "again"],
    [413, "refused"],
    [429, "again"],
    [500, "unknown"],
    [599, "unknown"],
    [204, "done"],
    [206, "done"],
  ])("the status %i is %s", (status, expected) => {
    expect(classifyStatus(status, false)).toBe(expected);
  });
});
