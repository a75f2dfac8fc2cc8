import { services } from "@/inngest/services";
import { continueReplays, wakeDeliveries } from "@/server/domain/webhooks/service";
import { SIGNALS } from "@/server/events/catalog";
import { workingOff } from "./batches";

/** Works off replays of many deliveries. What is done is kept batch by batch. */
export const replayWebhooks = workingOff({
  id: "replay-webhooks",
  signal: SIGNALS.replays,
  batches: 10,
  advance: async () => {
    const advanced = await continueReplays(services());
    if (advanced === null) return false;
    if (advanced.replayed > 0) wakeDeliveries(services());
    return true;
  },
});
