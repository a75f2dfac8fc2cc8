import { sweepKlarna } from "@/server/domain/inbox/service";
import { inngest } from "../client";
import { services } from "../services";

/** Every hour: looks up at Klarna whatever is open here, should an event about it be lost and its wake-up too. */
export const sweepKlarnaHourly = inngest.createFunction(
  { id: "sweep-klarna", triggers: [{ cron: "41 * * * *" }], concurrency: { limit: 1 }, retries: 2 },
  async ({ step }) => {
    for (const mode of ["test", "live"] as const) {
      if (!services().klarna.isConfigured(mode)) continue;
      await step.run(`sweep-${mode}`, async () => {
        const { results } = await sweepKlarna(services(), mode, "sweep-klarna");
        return results.map(({ check, looked, repaired, failed }) => ({ check, looked, repaired, failed }));
      });
    }
  },
);
