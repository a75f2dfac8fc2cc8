import { inngest } from "@/inngest/client";
import { services } from "@/inngest/services";
import { relayAll, wakeDeliveries } from "@/server/domain/webhooks/service";
import { SIGNALS } from "@/server/events/catalog";

/**
 * Turns events of the outbox into deliveries and has them sent at once. One at a time, so that the events of a subject
 * keep their order. A lost signal costs seconds: see deliver-webhooks.
 */
export const relayOutbox = inngest.createFunction(
  {
    id: "relay-outbox",
    triggers: [{ event: SIGNALS.outbox }, { cron: "* * * * *" }],
    concurrency: { limit: 1 },
    retries: 3,
  },
  async ({ step }) =>
    step.run("relay", async () => {
      const deliveries = await relayAll(services());
      if (deliveries > 0) wakeDeliveries(services());
      return { deliveries };
    }),
);
