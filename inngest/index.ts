import { stopDeliveries } from "@/server/domain/webhooks/service";
import { SIGNALS } from "@/server/events/catalog";
import { expirePayments, finalizePayments, resolveOperations } from "./functions/advance-payments";
import { applyRetention } from "./functions/apply-retention";
import { checkInvariantsHourly } from "./functions/check-invariants";
import { deliverWebhooks, sweepWebhooks } from "./functions/deliver-webhooks";
import { checkAuditDaily, sealAuditOften } from "./functions/keep-audit";
import { keepSubscriptions } from "./functions/keep-subscriptions";
import { pollClassic } from "./functions/poll-classic";
import { processKlarnaEvents } from "./functions/process-klarna-events";
import { relayOutbox } from "./functions/relay-outbox";
import { replayWebhooks } from "./functions/replay-webhooks";
import { resealDaily } from "./functions/reseal-secrets";
import { runBulk } from "./functions/run-bulk";
import { runImports } from "./functions/run-imports";
import { sendMail } from "./functions/send-mail";
import { sweepApprovalsOften } from "./functions/sweep-approvals";
import { sweepKlarnaHourly } from "./functions/sweep-klarna";
import { checkDrift, syncPartnersWithKlarna } from "./functions/sync-partners";
import { services } from "./services";

/** What a background that has just started asks itself to look at: signals of the time when it was away went nowhere. */
export const wakeSignals = Object.values(SIGNALS).map((name) => ({ name, data: {} }));

/** Every background function: served by app/api/inngest and run by the embedded engine. */
export const functions = [
  processKlarnaEvents,
  finalizePayments,
  expirePayments,
  resolveOperations,
  pollClassic,
  relayOutbox,
  deliverWebhooks,
  sweepWebhooks,
  replayWebhooks,
  checkInvariantsHourly,
  sealAuditOften,
  checkAuditDaily,
  keepSubscriptions,
  sweepKlarnaHourly,
  applyRetention,
  sweepApprovalsOften,
  sendMail,
  syncPartnersWithKlarna,
  runImports,
  runBulk,
  checkDrift,
  resealDaily,
];

const WORK_GRACE_MS = 5_000;

/**
 * Ends what functions have started and do not wait for: webhooks in flight. What has not ended after five seconds is
 * given back, so that another process sends it at once.
 */
export async function endWork(): Promise<void> {
  await stopDeliveries(services(), WORK_GRACE_MS);
}
