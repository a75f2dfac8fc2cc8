import { processInbox } from "@/server/domain/inbox/service";
import { SIGNALS } from "@/server/events/catalog";
import { inngest } from "../client";
import { services } from "../services";

const ROUNDS = 6;

/**
 * Inbox to domain: each event from Klarna once, and the calls that it makes necessary, the final authorize first of all.
 * What is parked (a webhook that overtook our own answer) is looked at again a second later.
 */
export const processKlarnaEvents = inngest.createFunction(
  {
    id: "process-klarna-events",
    triggers: [{ event: SIGNALS.inbox }, { cron: "* * * * *" }],
    concurrency: { limit: 4 },
    retries: 3,
  },
  async ({ step }) => {
    for (let round = 1; round <= ROUNDS; round += 1) {
      const { parked } = await step.run(`process-${round}`, () => processInbox(services()));
      if (parked === 0) return;
      await step.sleep(`wait-${round}`, "1s");
    }
  },
);
