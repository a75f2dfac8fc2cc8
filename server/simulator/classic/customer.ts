import { SimulatedError } from "../errors";
import type { Classic } from "./context";
import { openHppOf, setHppStatus } from "./hpp";
import type { ClassicSession } from "./model";
import { acceptSession, leaveSession, openSession, refuseSession } from "./session-journey";
import { distribute, moveSession, touchSession } from "./session-states";

/** What the customer of a classic session can do, on the phone's pages or through the control API. */

export const CLASSIC_ACTIONS = ["ready", "open", "complete", "decline", "leave", "expire", "manual_id_check"] as const;
export type ClassicAction = (typeof CLASSIC_ACTIONS)[number];

export function openPhone(classic: Classic, session: ClassicSession): void {
  const hpp = openHppOf(classic, session);
  openSession(classic, session);
  if (hpp !== null) setHppStatus(classic, hpp, "IN_PROGRESS");
}

export function acceptOnPhone(classic: Classic, session: ClassicSession, isForced = false): void {
  openPhone(classic, session);
  const hpp = openHppOf(classic, session);
  const mode = hpp?.place_order_mode ?? (session.distribution === null ? "NONE" : "PLACE_ORDER");
  acceptSession(classic, session, { isForced, mode });
  if (hpp !== null) setHppStatus(classic, hpp, session.status === "COMPLETED" ? "COMPLETED" : "FAILED");
}

/** `isDenied`: the person is turned down, instead of saying no. */
export function refuseOnPhone(classic: Classic, session: ClassicSession, isDenied: boolean): void {
  openPhone(classic, session);
  const hpp = openHppOf(classic, session);
  refuseSession(classic, session);
  if (hpp !== null) setHppStatus(classic, hpp, isDenied ? "FAILED" : "CANCELLED");
}

export function leavePhone(classic: Classic, session: ClassicSession): void {
  const hpp = openHppOf(classic, session);
  leaveSession(classic, session);
  if (hpp !== null) setHppStatus(classic, hpp, "BACK");
}

export function playClassic(classic: Classic, session: ClassicSession, action: ClassicAction, isForced: boolean): void {
  touchSession(classic, session);
  const hpp = openHppOf(classic, session);
  switch (action) {
    case "ready":
      if (session.status !== "WAITING") {
        throw new SimulatedError("OPERATION_FORBIDDEN", `The session is ${session.status}.`);
      }
      distribute(classic, session);
      return;
    case "open":
      openPhone(classic, session);
      if (session.status !== "ACCESSED") {
        throw new SimulatedError("OPERATION_FORBIDDEN", `The session is ${session.status}.`);
      }
      return;
    case "complete":
      acceptOnPhone(classic, session, isForced);
      return;
    case "decline":
      refuseOnPhone(classic, session, false);
      return;
    case "leave":
      leavePhone(classic, session);
      return;
    case "expire":
      moveSession(classic, session, "FAILED", "SESSION_EXPIRED");
      if (hpp !== null) setHppStatus(classic, hpp, "TIMEOUT");
      return;
    case "manual_id_check":
      if (hpp === null) {
        throw new SimulatedError("OPERATION_FORBIDDEN", "Only an open hosted page session can ask for a check.");
      }
      setHppStatus(classic, hpp, "MANUAL_ID_CHECK");
  }
}
