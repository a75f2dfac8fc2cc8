import { SimulatedError } from "../errors";
import { newUuid } from "../ids";
import { personOf } from "../markets";
import { triggerOf } from "../scenarios";
import { accountOf, type Classic, nowOf } from "./context";
import type { ClassicSession } from "./model";
import { placeOrder } from "./orders";
import { distribute, moveSession, touchSession } from "./session-states";
import { AUTHORIZATION_MS } from "./sessions";

/** What the customer does with a session. */

/** The customer opens the link. A link that is already out works, even if the till has not seen it yet. */
export function openSession(classic: Classic, session: ClassicSession): void {
  touchSession(classic, session);
  if (session.status === "WAITING") distribute(classic, session);
  if (session.status === "DISTRIBUTED") moveSession(classic, session, "ACCESSED");
  session.journey ??= {
    step: "phone",
    persona: "approved",
    phone: personOf(session.purchase_country).approvedPhone,
    plan: null,
    problem: null,
  };
  classic.sim.state.classicSessions.put(session);
}

/** The customer accepts: Klarna places the order itself, or hands out an authorization token where nobody asked for that. */
export function acceptSession(
  classic: Classic,
  session: ClassicSession,
  options: { isForced: boolean; mode: "PLACE_ORDER" | "CAPTURE_ORDER" | "NONE" },
): void {
  openSession(classic, session);
  const account = accountOf(classic, session.account_id);
  const trigger = options.isForced ? null : triggerOf(classic.sim, account, session.order_amount);
  if (trigger === "04" && session.status === "ACCESSED") {
    throw new SimulatedError("OPERATION_FORBIDDEN", "Amounts ending in 04 are never finished by the customer.");
  }
  if (trigger === "03" && session.status === "ACCESSED") {
    moveSession(classic, session, "FAILED", "REJECTED");
    return;
  }
  if (session.status !== "ACCESSED") {
    throw new SimulatedError("OPERATION_FORBIDDEN", `The session is ${session.status}.`);
  }
  if (options.mode === "NONE") {
    const token = newUuid();
    classic.sim.state.classicAuthorizations.put({
      authorization_token: token,
      account_id: account.account_id,
      session_id: session.session_id,
      expires_at: nowOf(classic, session) + AUTHORIZATION_MS,
      used_for: null,
      is_released: false,
    });
    session.authorization_token = token;
  } else {
    const order = placeOrder(classic, account, session, {
      placedBy: "KLARNA",
      isCaptured: options.mode === "CAPTURE_ORDER",
    });
    session.order_id = order.order_id;
  }
  moveSession(classic, session, "COMPLETED");
}

/** The customer refuses, or is somebody who is turned down. */
export function refuseSession(classic: Classic, session: ClassicSession): void {
  openSession(classic, session);
  moveSession(classic, session, "FAILED", "REJECTED");
}

export function leaveSession(classic: Classic, session: ClassicSession): void {
  touchSession(classic, session);
  session.journey = null;
  if (session.status === "ACCESSED") moveSession(classic, session, "DISTRIBUTED");
  classic.sim.state.classicSessions.put(session);
}
