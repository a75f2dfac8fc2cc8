import { inngest } from "@/inngest/client";
import { services } from "@/inngest/services";
import { continueImports } from "@/server/domain/imports/service";
import { SIGNALS } from "@/server/events/catalog";

/** Batches of a step, and steps of a run: a longer import goes on in the next run. */
const BATCHES = 5;
const STEPS = 50;

/** Works off imports that were started. What is done is kept batch by batch; a lost signal costs a minute. */
export const runImports = inngest.createFunction(
  {
    id: "run-imports",
    triggers: [{ event: SIGNALS.imports }, { cron: "* * * * *" }],
    concurrency: { limit: 1 },
    retries: 3,
  },
  async ({ step }) => {
    for (let number = 1; number <= STEPS; number += 1) {
      const { isMore } = await step.run(`batches-${number}`, async () => {
        for (let batch = 1; batch <= BATCHES; batch += 1) {
          if ((await continueImports(services())) === null) return { isMore: false };
        }
        return { isMore: true };
      });
      if (!isMore) return;
    }
    await step.sendEvent("go-on", { name: SIGNALS.imports, data: {} });
  },
);
