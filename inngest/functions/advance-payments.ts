import { advanceDuePayments } from "@/server/domain/payments/service";
import type { PaymentState } from "@/server/domain/payments/states";
import { SIGNALS } from "@/server/events/catalog";
import { inngest } from "../client";
import { services } from "../services";

const EVERY = "10s";
const ROUNDS = 6;

/** Looks six times a minute at the payments of these states that are due: cron alone is too coarse for a till. */
function watch(id: string, states: readonly PaymentState[]) {
  return inngest.createFunction(
    { id, triggers: [{ event: SIGNALS.payments }, { cron: "* * * * *" }], concurrency: { limit: 2 }, retries: 2 },
    async ({ event, step }) => {
      const rounds = event.name === SIGNALS.payments ? 1 : ROUNDS;
      for (let round = 1; round <= rounds; round += 1) {
        await step.run(`advance-${round}`, () => advanceDuePayments(services(), { states }));
        if (round < rounds) await step.sleep(`wait-${round}`, EVERY);
      }
    },
  );
}

/** Repeats a final call with the same key until its answer is definite, and minds the 60 minutes. */
export const finalizePayments = watch("finalize-payments", ["FINALIZING"]);
/** Reads journeys whose webhook did not come, and asks Klarna to cancel what nobody finished in time. */
export const expirePayments = watch("expire-payments", ["PENDING", "IN_PROGRESS"]);
/** Settles calls whose outcome is unknown, lapses authorizations, undoes approvals that came too late. */
export const resolveOperations = watch("resolve-operations", [
  "PROCESSING",
  "AUTHORIZED",
  "AUTHORIZATION_EXPIRED",
  "COMPLETED",
  "VOIDED",
  "DECLINED",
  "CANCELED",
  "EXPIRED",
  "FAILED",
]);
