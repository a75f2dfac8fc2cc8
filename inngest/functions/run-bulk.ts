import { inngest } from "@/inngest/client";
import { services } from "@/inngest/services";
import { continueBulk } from "@/server/domain/bulk/service";
import { SIGNALS } from "@/server/events/catalog";

/** Batches of a step, and steps of a run: a longer one goes on in the next. */
const BATCHES = 3;
const STEPS = 50;

/** Works off captures and refunds of many payments. What is done is kept row by row; a lost signal costs a minute. */
export const runBulk = inngest.createFunction(
  {
    id: "run-bulk",
    triggers: [{ event: SIGNALS.bulk }, { cron: "* * * * *" }],
    concurrency: { limit: 1 },
    retries: 3,
  },
  async ({ step }) => {
    for (let number = 1; number <= STEPS; number += 1) {
      const { isMore } = await step.run(`batches-${number}`, async () => {
        for (let batch = 1; batch <= BATCHES; batch += 1) {
          if ((await continueBulk(services())) === null) return { isMore: false };
        }
        return { isMore: true };
      });
      if (!isMore) return;
    }
    await step.sendEvent("go-on", { name: SIGNALS.bulk, data: {} });
  },
);
