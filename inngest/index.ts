import { SIGNALS } from "@/server/events/catalog";
import { expirePayments, finalizePayments, resolveOperations } from "./functions/advance-payments";
import { applyRetention } from "./functions/apply-retention";
import { checkInvariantsHourly } from "./functions/check-invariants";
import { deliverWebhooks, sweepWebhooks } from "./functions/deliver-webhooks";
import { keepSubscriptions } from "./functions/keep-subscriptions";
import { processKlarnaEvents } from "./functions/process-klarna-events";
import { relayOutbox } from "./functions/relay-outbox";
import { sendMail } from "./functions/send-mail";

/** What a background that has just started asks itself to look at: signals of the time when it was away went nowhere. */
export const wakeSignals = Object.values(SIGNALS).map((name) => ({ name, data: {} }));

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
  sendMail,
];
