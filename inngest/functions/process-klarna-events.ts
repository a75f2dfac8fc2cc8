import { processInbox } from "@/server/domain/payments/service";
import { SIGNALS } from "@/server/events/catalog";
import { inngest } from "../client";
import { services } from "../services";

/**
 * Inbox to domain: each event from Klarna once, and the calls that it makes necessary, the final authorize first of all.
 * Not in steps: the inbox rows carry their own state, and a till should not wait for bookkeeping.
 */
export const processKlarnaEvents = inngest.createFunction(
  {
    id: "process-klarna-events",
    triggers: [{ event: SIGNALS.inbox }, { cron: "* * * * *" }],
    concurrency: { limit: 4 },
    retries: 3,
  },
  async () => processInbox(services()),
);
