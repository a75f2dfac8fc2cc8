import { keepSubscription } from "@/server/domain/inbox/service";
import { inngest } from "../client";
import { services } from "../services";

/** Keeps our subscription at Klarna in order and ends old signing keys, in each mode that has credentials. */
export const keepSubscriptions = inngest.createFunction(
  { id: "keep-subscriptions", triggers: [{ cron: "*/10 * * * *" }], concurrency: { limit: 1 }, retries: 3 },
  async ({ step }) => {
    for (const mode of ["test", "live"] as const) {
      if (services().klarna.isConfigured(mode)) {
        await step.run(`subscribe-${mode}`, async () => keepSubscription(services(), mode));
      }
    }
  },
);
