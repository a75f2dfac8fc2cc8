/* What Klarna tells us: events received and worked off, the keys that sign them, the subscription, and the sweep. */
// biome-ignore lint/performance/noBarrelFile: a service that outgrew one file is split by use case, and this is its one door
export { type ProcessResult, processInbox } from "./process";
export { getInboxEvent, getInboxSummary, listInbox } from "./read";
export { REPLAY_MAX, replayInboxEvents } from "./replay";
export {
  checkSubscription,
  getSubscriptionNote,
  KEY_OVERLAP_MS,
  keepSubscription,
  listSigningKeys,
  registerSigningKey,
  repairSubscription,
  retireSigningKey,
  rotateSigningKey,
} from "./subscription";
export { listSweeps, runSweep, sweepKlarna } from "./sweep";
