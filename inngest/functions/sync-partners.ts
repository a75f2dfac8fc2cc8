import { checkDueDrift, readDueAccounts, syncPartners } from "@/server/domain/partners/service";
import { announceOnboarded } from "@/server/domain/stores/service";
import { SIGNALS } from "@/server/events/catalog";
import { inngest } from "../client";
import { services } from "../services";

const ROUNDS = 12;

/** Tells Klarna what changed, one call of an account at a time, and reads accounts that wait for something. */
export const syncPartnersWithKlarna = inngest.createFunction(
  {
    id: "sync-partners",
    triggers: [{ event: SIGNALS.partners }, { cron: "* * * * *" }],
    concurrency: { limit: 1 },
    retries: 2,
  },
  async ({ step }) => {
    for (let round = 1; round <= ROUNDS; round += 1) {
      const { sent, read } = await step.run(`sync-${round}`, async () => ({
        ...(await syncPartners(services(), { rounds: 10 })),
        ...(await readDueAccounts(services())),
        // Stores that Klarna gave an id to meanwhile are told to their Partners.
        ...(await announceOnboarded(services())),
      }));
      // A signal that finds nothing ends at once; the clock's run looks for the rest of its minute only while there is work.
      if (sent + read === 0) return;
      await step.sleep(`wait-${round}`, "1s");
    }
  },
);

/** Compares every account with Klarna once a day, some each hour. */
export const checkDrift = inngest.createFunction(
  { id: "check-drift", triggers: [{ cron: "23 * * * *" }], concurrency: { limit: 1 }, retries: 1 },
  async () => checkDueDrift(services(), { limit: 100 }),
);
