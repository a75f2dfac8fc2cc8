import { inngest } from "@/inngest/client";
import { services } from "@/inngest/services";
import { deliverDue, giveUpStranded, relayAll, sendNotices, wakeDeliveries } from "@/server/domain/webhooks/service";
import { SIGNALS } from "@/server/events/catalog";

const BUDGET_MS = 10_000;
const ROUNDS = 6;

/** Sends what is due when somebody says that something is: a test event, a replay. */
export const deliverWebhooks = inngest.createFunction(
  { id: "deliver-webhooks", triggers: [{ event: SIGNALS.deliveries }], retries: 3 },
  async ({ step }) => step.run("deliver", () => deliverDue(services(), { budgetMs: BUDGET_MS })),
);

/**
 * Every ten seconds: relays what a lost signal left behind and sends what is due, among it the claims of a process that
 * died, gives up what endpoints that are off are owed, and tells their owners. The rows say what is owed; nothing depends on a signal or on a timer.
 */
export const sweepWebhooks = inngest.createFunction(
  { id: "sweep-webhooks", triggers: [{ cron: "* * * * *" }], concurrency: { limit: 1 }, retries: 0 },
  async ({ step }) => {
    for (let round = 1; round <= ROUNDS; round += 1) {
      await step.run(`sweep-${round}`, async () => {
        await relayAll(services());
        await giveUpStranded(services());
        wakeDeliveries(services());
        await sendNotices(services());
      });
      if (round < ROUNDS) await step.sleep(`pause-${round}`, "10s");
    }
  },
);
