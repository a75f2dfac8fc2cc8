import { addMs, DAY_MS, HOUR_MS, MINUTE_MS } from "@/server/core/time";
import type { Random } from "./random";
import { type History, type Outcome, type SeededPartner, Story } from "./story";

/*
 * A month of payments that is over: every one has come to rest, so no job ever asks Klarna about it. Each is played step
 * by step through the state table, with the journal, calls, events and audit that its steps leave behind.
 */

const OUTCOMES_IN_STORE: { weight: number; value: Outcome }[] = [
  { weight: 80, value: "completed" },
  { weight: 7, value: "approved_at_once" },
  { weight: 2.2, value: "declined_at_once" },
  { weight: 3.3, value: "declined_in_journey" },
  { weight: 3.2, value: "canceled" },
  { weight: 4, value: "expired" },
  { weight: 0.15, value: "lapsed" },
];
/** Hours of the day in the store's own zone, by how much is sold in them. */
const HOURS = [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19].map((hour) => ({
  value: hour,
  weight: hour < 11 ? 4 : hour < 14 ? 8 : hour < 16 ? 7 : hour < 19 ? 10 : 4,
}));
/** Sunday first. */
const WEEKDAY_FACTORS = [0.55, 0.8, 0.85, 0.9, 1, 1.25, 1.65];
const emptyHistory = (): History => ({
  payments: [],
  operations: [],
  captures: [],
  refunds: [],
  inbox: [],
  calls: [],
  events: [],
  audit: [],
  alarms: [],
});

/** Minutes that a zone is ahead of UTC at an instant. */
function offsetMinutes(timeZone: string, at: Date): number {
  const name = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" })
    .formatToParts(at)
    .find((part) => part.type === "timeZoneName")?.value;
  const match = /GMT([+-])(\d{2}):(\d{2})/.exec(name ?? "");
  return match ? (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) : 0;
}

/** Every payment of the last `days` days up to `now`, in the order in which they began. */
export function playHistory(random: Random, partners: readonly SeededPartner[], now: Date, days: number): History {
  const history = emptyHistory();
  const today = Math.floor(now.getTime() / DAY_MS) * DAY_MS;
  const starts: { partner: SeededPartner; at: Date }[] = [];
  for (const partner of partners) {
    for (let day = days; day >= 0; day -= 1) {
      if (day < (partner.demo.silentDays ?? -1)) continue;
      const midnight = new Date(today - day * DAY_MS);
      const mean = partner.demo.perDay * (WEEKDAY_FACTORS[midnight.getUTCDay()] ?? 1);
      const count = Math.max(0, Math.round(mean * (0.75 + random.next() * 0.5)));
      const offset = offsetMinutes(partner.demo.timeZone, midnight);
      for (let index = 0; index < count; index += 1) {
        const minutes = random.weighted(HOURS) * 60 + random.int(0, 59) - offset;
        const at = new Date(midnight.getTime() + minutes * MINUTE_MS + random.int(0, 59_999));
        // Leaves room for the slowest story to be over.
        if (at.getTime() < now.getTime() - 40 * MINUTE_MS) starts.push({ partner, at });
      }
    }
  }
  starts.sort((a, b) => a.at.getTime() - b.at.getTime());
  const counters = new Map<string, number>();
  for (const { partner, at } of starts) {
    const number = (counters.get(partner.id) ?? 10_400) + 1;
    counters.set(partner.id, number);
    const website = partner.stores.find((store) => store.isWebsite);
    const isOnline = website !== undefined && random.chance(0.12);
    const story = new Story(
      random,
      history,
      partner,
      `${partner.demo.referencePrefix}-${number}`,
      at,
      isOnline ? website : null,
    );
    story.play(isOnline ? onlineOutcome(random, at, now) : random.weighted(OUTCOMES_IN_STORE), now);
  }
  closeHistory(random, history, now);
  return history;
}

function onlineOutcome(random: Random, at: Date, now: Date): Outcome {
  const ageDays = (now.getTime() - at.getTime()) / DAY_MS;
  if (ageDays > 28.2) return random.chance(0.12) ? "authorization_expired" : "captured";
  if (ageDays < 2) return random.chance(0.7) ? "authorized" : "captured";
  return random.weighted<Outcome>([
    { weight: 80, value: "captured" },
    { weight: 7, value: "voided" },
    { weight: 6, value: "declined_in_journey" },
    { weight: 6, value: "expired" },
    { weight: 1, value: "authorized" },
  ]);
}

/** Rows in the order in which they happened; what called for a person more than three days ago was looked at. */
function closeHistory(random: Random, history: History, now: Date): void {
  const byTime = (a: { createdAt: Date }, b: { createdAt: Date }): number =>
    a.createdAt.getTime() - b.createdAt.getTime();
  history.events.sort(byTime);
  history.audit.sort(byTime);
  const crossed = history.payments
    .filter((payment) => payment.state === "COMPLETED" && payment.finalStartedAt !== null)
    .at(-40);
  if (crossed?.finalStartedAt) {
    // The cashier's cancel met the customer's approval.
    Object.assign(crossed, { stopMark: "CANCEL", stopMarkedAt: addMs(crossed.finalStartedAt, -200) });
    history.alarms.push({
      id: random.id("alarm", crossed.updatedAt),
      kind: "approved_after_cancel",
      partnerId: crossed.partnerId,
      mode: "test",
      subjectKind: "payment",
      subjectId: crossed.id,
      raisedAt: crossed.updatedAt,
      message: "Klarna approved the payment although it was to be canceled. Refund or void it if the sale is off.",
    });
  }
  for (const alarm of history.alarms) {
    const isOld = alarm.raisedAt.getTime() < now.getTime() - 3 * DAY_MS;
    Object.assign(alarm, isOld ? { clearedAt: addMs(alarm.raisedAt, 3 * HOUR_MS), clearedBy: "operations" } : {});
  }
}
