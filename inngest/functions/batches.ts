import { inngest } from "@/inngest/client";
import type { SIGNALS } from "@/server/events/catalog";

/** Steps of a run: what is longer goes on in the next run. */
const STEPS = 50;

/**
 * A function that works off what may be long, one run at a time: by its signal and each minute, so that a lost signal
 * costs a minute. `advance` does one batch, keeps what is done by itself and answers whether there was one; a step is
 * `batches` of them.
 */
export const workingOff = (work: {
  id: string;
  signal: (typeof SIGNALS)[keyof typeof SIGNALS];
  batches: number;
  advance: () => Promise<boolean>;
}) =>
  inngest.createFunction(
    {
      id: work.id,
      triggers: [{ event: work.signal }, { cron: "* * * * *" }],
      concurrency: { limit: 1 },
      retries: 3,
    },
    async ({ step }) => {
      for (let number = 1; number <= STEPS; number += 1) {
        const { isMore } = await step.run(`batches-${number}`, async () => {
          for (let batch = 1; batch <= work.batches; batch += 1) {
            if (!(await work.advance())) return { isMore: false };
          }
          return { isMore: true };
        });
        if (!isMore) return;
      }
      await step.sendEvent("go-on", { name: work.signal, data: {} });
    },
  );
