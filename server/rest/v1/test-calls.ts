import {
  AdvanceClockSchema,
  advanceTestClock,
  playCustomer,
  readTestClock,
  TestClockSchema,
} from "@/server/domain/payments/service";
import { defineEndpoint, type Endpoint } from "../endpoint";
import { PaymentSchema, paymentParams } from "./shared";

const PLAYS = [
  ["complete", "The customer accepts"],
  ["decline", "The customer is declined"],
  ["abandon", "The customer leaves"],
  ["expire", "Time runs out at Klarna"],
] as const;

const advanceClockEndpoint = defineEndpoint({
  method: "POST",
  path: "/api/v1/test/clock",
  operation: "advanceTestClock",
  summary: "Move the clock of your test payments (test mode)",
  description:
    "Seconds to go forward. What is then due happens soon after: journeys expire, authorizations end. New payments are made at the new time too. Webhooks and this API's own limits go by the real time. There is no way back.",
  tag: "Testing",
  access: "key",
  scope: "payments:write",
  body: AdvanceClockSchema,
  responses: { 200: { description: "The clock as it is now", schema: TestClockSchema.meta({ id: "TestClock" }) } },
  errors: ["not_found", "simulator_required", "rule_broken", "state_conflict"],
  handle: ({ ctx, body }) => advanceTestClock(ctx, body.advance),
  answer: (clock) => ({ status: 200, json: clock }),
  reread: (ctx) => readTestClock(ctx),
});

/** The calls that play the customer with the simulator. With a live key there is nothing here. */
const playEndpoints: readonly Endpoint[] = PLAYS.map(([action, summary]) =>
  defineEndpoint({
    method: "POST",
    path: `/api/v1/test/payments/{id}/${action}`,
    operation: `test_${action}`,
    summary: `${summary} (test mode)`,
    description:
      "Plays the customer of a test payment with the simulator. Harmless to repeat, so no Idempotency-Key is needed.",
    tag: "Testing",
    access: "key",
    scope: "payments:write",
    notFound: "payment_not_found",
    params: paymentParams,
    responses: { 200: { description: "The payment as it is now", schema: PaymentSchema } },
    errors: ["simulator_required", "state_conflict"],
    handle: ({ ctx, params }) => playCustomer(ctx, params.id, action),
    answer: (payment) => ({ status: 200, json: payment }),
  }),
);

export const testCallEndpoints: readonly Endpoint[] = [...playEndpoints, advanceClockEndpoint];
