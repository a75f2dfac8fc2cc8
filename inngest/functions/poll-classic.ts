import { pollClassicSessions } from "@/server/domain/payments/service";
import { SIGNALS } from "@/server/events/catalog";
import { inngest } from "../client";
import { services } from "../services";

const ROUNDS = 6;
/** One step; short enough for any server of functions. */
const ROUND_MS = 9_500;

/** Asks about open classic sessions each second or two: a till waits for the code, and callbacks do not come everywhere. */
export const pollClassic = inngest.createFunction(
  {
    id: "poll-classic",
    triggers: [{ event: SIGNALS.payments }, { cron: "* * * * *" }],
    concurrency: { limit: 2 },
    retries: 1,
  },
  async ({ step }) => {
    for (let round = 1; round <= ROUNDS; round += 1) {
      const { isWaiting } = await step.run(`poll-${round}`, () => pollClassicSessions(services(), { forMs: ROUND_MS }));
      if (!isWaiting) return;
    }
  },
);
