import { SimulatedError } from "../errors";
import { triggerOf } from "../scenarios";
import { nowFor } from "../simulator";
import { accountOf, type Classic, nowOf } from "./context";
import type { ClassicSession, DistributionStatus } from "./model";
import { distributionView } from "./session-views";

/** The states of a session, what time does to them, and the callback that each change is told by. */

const NEXT: Record<DistributionStatus, readonly DistributionStatus[]> = {
  WAITING: ["DISTRIBUTED", "CANCELLED", "FAILED"],
  DISTRIBUTED: ["ACCESSED", "CANCELLED", "FAILED"],
  ACCESSED: ["DISTRIBUTED", "COMPLETED", "CANCELLED", "FAILED"],
  COMPLETED: [],
  CANCELLED: [],
  FAILED: ["WAITING"],
};

export function isOpenSession(session: ClassicSession): boolean {
  return session.status === "WAITING" || session.status === "DISTRIBUTED" || session.status === "ACCESSED";
}

export function notify(classic: Classic, session: ClassicSession): void {
  const target = session.distribution?.status_update;
  if (target === undefined || target === null) return;
  const view = distributionView(classic, session);
  classic.callbacks.notify({
    account_id: session.account_id,
    session_id: session.session_id,
    kind: "distribution",
    url: target,
    status_word: session.status,
    body: JSON.stringify(view),
    amount: session.order_amount,
    reference: session.merchant_reference1,
  });
}

/** Moves a session along its table and queues the callback. */
export function moveSession(
  classic: Classic,
  session: ClassicSession,
  to: DistributionStatus,
  errorCode: string | null = null,
): void {
  if (!NEXT[session.status].includes(to)) {
    throw new SimulatedError("OPERATION_FORBIDDEN", `The session is ${session.status} and cannot become ${to}.`);
  }
  session.status = to;
  session.error_code = errorCode;
  session.updated_at = nowOf(classic, session);
  if (isOpenSession(session)) classic.open.add(session.session_id);
  else classic.open.delete(session.session_id);
  classic.sim.state.classicSessions.put(session);
  notify(classic, session);
}

/** Lets time do its work: the QR code appears, what nobody paid ends. */
export function touchSession(classic: Classic, session: ClassicSession): ClassicSession {
  const now = nowOf(classic, session);
  if (session.status === "WAITING" && session.distribution !== null && now >= session.distribution.ready_at) {
    distribute(classic, session);
  }
  if (isOpenSession(session) && now >= session.closes_at) moveSession(classic, session, "FAILED", "SESSION_EXPIRED");
  return session;
}

/** The QR code is ready, or the customer with the short code is found. */
export function distribute(classic: Classic, session: ClassicSession): void {
  const shortCode = session.distribution?.short_code ?? null;
  if (shortCode !== null && !linkShortCode(classic, session, shortCode)) {
    moveSession(classic, session, "FAILED", "BAD_REQUEST");
    return;
  }
  const account = accountOf(classic, session.account_id);
  if (triggerOf(classic.sim, account, session.order_amount) === "01") {
    moveSession(classic, session, "FAILED", "INTERNAL_ERROR");
    return;
  }
  moveSession(classic, session, "DISTRIBUTED");
}

function linkShortCode(classic: Classic, session: ClassicSession, code: string): boolean {
  const now = nowFor(classic.sim, undefined);
  for (const visit of classic.sim.state.shortCodes.values()) {
    if (visit.short_code !== code || visit.expires_at <= now) continue;
    if (visit.session_id !== null && visit.session_id !== session.session_id) continue;
    visit.session_id = session.session_id;
    classic.sim.state.shortCodes.put(visit);
    return true;
  }
  return false;
}
