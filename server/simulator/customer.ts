import { SimulatedError } from "./errors";
import { personOf } from "./markets";
import type { Account, Journey, PaymentRequest } from "./model";
import { moveRequest, touchRequest } from "./requests";
import { triggerOf } from "./scenarios";
import type { Simulator } from "./simulator";

/** What the customer can do, with a finger on the journey page or through the control API. */

export type CustomerAction = "open" | "complete" | "decline" | "leave" | "expire";

function newJourney(sim: Simulator, request: PaymentRequest): Journey {
  const saved = request.charged_token === null ? undefined : sim.state.customerTokens.get(request.charged_token);
  return {
    step: "phone",
    persona: request.is_denied_person ? "denied" : "approved",
    phone: saved?.phone ?? personOf(request.country).approvedPhone,
    plan: null,
    problem: null,
  };
}

/** The customer opens the link: SUBMITTED becomes IN_PROGRESS, anything else stays what it is. */
export function openJourney(sim: Simulator, account: Account, request: PaymentRequest): void {
  touchRequest(sim, account, request);
  if (request.state === "SUBMITTED") moveRequest(sim, account, request, "IN_PROGRESS");
  request.journey ??= newJourney(sim, request);
  sim.state.requests.put(request);
}

/** The customer accepts. Amounts ending in 03 are declined here; in 04 nothing is ever decided. */
export function completeJourney(sim: Simulator, account: Account, request: PaymentRequest, isForced = false): void {
  openJourney(sim, account, request);
  const trigger = isForced ? null : triggerOf(sim, account, request.amount);
  if (trigger === "04" && request.state === "IN_PROGRESS") {
    throw new SimulatedError("OPERATION_FORBIDDEN", "Amounts ending in 04 are never finished by the customer.");
  }
  if (trigger === "03" || (request.is_denied_person && !isForced)) {
    moveRequest(sim, account, request, "DECLINED", "PURCHASE_FLOW_ABORTED");
  } else moveRequest(sim, account, request, "COMPLETED");
}

/** The customer refuses, or turns out to be someone who is denied. */
export function declineJourney(sim: Simulator, account: Account, request: PaymentRequest): void {
  openJourney(sim, account, request);
  moveRequest(sim, account, request, "DECLINED", "PURCHASE_FLOW_ABORTED");
}

/** The customer leaves and may come back. */
export function leaveJourney(sim: Simulator, account: Account, request: PaymentRequest): void {
  touchRequest(sim, account, request);
  request.journey = null;
  if (request.state !== "SUBMITTED") moveRequest(sim, account, request, "SUBMITTED", "PURCHASE_FLOW_ABORTED");
}

export function playCustomer(
  sim: Simulator,
  account: Account,
  request: PaymentRequest,
  action: CustomerAction,
  isForced: boolean,
): void {
  switch (action) {
    case "open":
      openJourney(sim, account, request);
      if (request.state !== "IN_PROGRESS") {
        throw new SimulatedError("OPERATION_FORBIDDEN", `The payment request is ${request.state}.`);
      }
      return;
    case "complete":
      completeJourney(sim, account, request, isForced);
      return;
    case "decline":
      declineJourney(sim, account, request);
      return;
    case "leave":
      leaveJourney(sim, account, request);
      return;
    case "expire":
      moveRequest(sim, account, request, "EXPIRED");
  }
}
