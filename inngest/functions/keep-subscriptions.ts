import { keepKlarnaSubscription } from "@/server/domain/webhooks/service";
import { inngest } from "../client";
import { services } from "../services";

/** Makes sure that Klarna sends its events to this installation, in each mode that has credentials. */
export const keepSubscriptions = inngest.createFunction(
  { id: "keep-subscriptions", triggers: [{ cron: "*/10 * * * *" }], concurrency: { limit: 1 }, retries: 3 },
  async ({ step }) => {
    for (const mode of ["test", "live"] as const) {
      if (services().klarna.isConfigured(mode)) {
        await step.run(`subscribe-${mode}`, async () => keepKlarnaSubscription(services(), mode));
      }
    }
  },
);
