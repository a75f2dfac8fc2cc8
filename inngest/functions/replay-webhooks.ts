import { inngest } from "@/inngest/client";
import { services } from "@/inngest/services";
import { continueReplays, wakeDeliveries } from "@/server/domain/webhooks/service";
import { SIGNALS } from "@/server/events/catalog";

/** Batches of a step, and steps of a run: a longer replay goes on in the next run. */
const BATCHES = 10;
const STEPS = 50;

/** Works off replays of many deliveries. What is done is kept batch by batch; a lost signal costs a minute. */
export const replayWebhooks = inngest.createFunction(
  {
    id: "replay-webhooks",
    triggers: [{ event: SIGNALS.replays }, { cron: "* * * * *" }],
    concurrency: { limit: 1 },
    retries: 3,
  },
  async ({ step }) => {
    for (let number = 1; number <= STEPS; number += 1) {
      const { isMore } = await step.run(`batches-${number}`, async () => {
        for (let batch = 1; batch <= BATCHES; batch += 1) {
          const advanced = await continueReplays(services());
          if (advanced === null) return { isMore: false };
          if (advanced.replayed > 0) wakeDeliveries(services());
        }
        return { isMore: true };
      });
      if (!isMore) return;
    }
    await step.sendEvent("go-on", { name: SIGNALS.replays, data: {} });
  },
);
