import { expirePayments, finalizePayments, resolveOperations } from "./functions/advance-payments";
import { applyRetention } from "./functions/apply-retention";
import { checkInvariantsHourly } from "./functions/check-invariants";
import { deliverWebhooks, sweepWebhooks } from "./functions/deliver-webhooks";
import { keepSubscriptions } from "./functions/keep-subscriptions";
import { processKlarnaEvents } from "./functions/process-klarna-events";
import { relayOutbox } from "./functions/relay-outbox";

/** Every background function: served by app/api/inngest and run by the embedded engine. */
export const functions = [
  processKlarnaEvents,
  finalizePayments,
  expirePayments,
  resolveOperations,
  relayOutbox,
  deliverWebhooks,
  sweepWebhooks,
  checkInvariantsHourly,
  keepSubscriptions,
  applyRetention,
];
