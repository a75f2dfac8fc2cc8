import { playCustomer } from "@/server/domain/payments/service";
import { defineEndpoint, type Endpoint } from "../endpoint";
import { PaymentSchema, paymentParams } from "./shared";

const PLAYS = [
  ["complete", "The customer accepts"],
  ["decline", "The customer is declined"],
  ["abandon", "The customer leaves"],
  ["expire", "Time runs out at Klarna"],
] as const;

/** The calls that play the customer with the simulator. With a live key there is nothing here. */
export const testCallEndpoints: readonly Endpoint[] = PLAYS.map(([action, summary]) =>
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
