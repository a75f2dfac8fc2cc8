import { z } from "zod";
import { SimulatedError } from "../errors";
import { iso } from "../ids";
import type { Account } from "../model";
import { OutcomeSchema } from "../settlements/model";
import { nowFor, type Simulator } from "../simulator";
import type { Dispute, ProcessException } from "./model";
import { closeDispute, decideDispute, emitDispute, requireDisputeState, touchDispute } from "./states";

/** What Klarna's people do, by the control API. */

export const PlayDisputeSchema = z.strictObject({
  action: z.enum(["win", "lose", "expire", "extend", "cancel", "close"]),
  /** Detailed outcome instead of the usual one. */
  outcome_detailed: z.string().max(255).optional(),
  /** For `close`: at once and whatever the state, as an exception to the process. */
  outcome: OutcomeSchema.optional(),
  exception_reason: z.string().max(255).optional(),
  /** For `extend`. */
  days: z.int().min(1).max(365).optional(),
});
export type PlayDispute = z.infer<typeof PlayDisputeSchema>;

const EXCEPTIONS_MAX = 3;

const EXTENDED_EVENT = "payment.dispute.updated.representment-deadline-extended";

const EXTENSION_DAYS = 7;
const DAY_MS = 86_400_000;

function addException(dispute: Dispute, exception: ProcessException): void {
  if (dispute.process_exceptions.length >= EXCEPTIONS_MAX) {
    throw new SimulatedError("OPERATION_FORBIDDEN", "The dispute has had all the exceptions that it may have.");
  }
  dispute.process_exceptions.push(exception);
}

export function playDispute(sim: Simulator, account: Account, dispute: Dispute, input: PlayDispute): void {
  const now = nowFor(sim, account);
  switch (input.action) {
    case "win":
    case "lose":
      decideDispute(sim, account, dispute, input.action === "win" ? "WON" : "LOST", now, input.outcome_detailed);
      return;
    case "cancel":
      requireDisputeState(dispute, ["INITIATED", "REPRESENTMENT", "PRE_ARBITRATION", "ARBITRATION"], "a cancellation");
      closeDispute(sim, account, dispute, "WON", input.outcome_detailed ?? "customer_cancelled_dispute", now);
      return;
    case "expire":
      requireDisputeState(dispute, ["INITIATED", "PRE_ARBITRATION"], "running out of time");
      if (dispute.state === "INITIATED") dispute.representment.expires_at = now;
      else if (dispute.arbitration !== null) dispute.arbitration.expires_at = now;
      touchDispute(sim, account, dispute);
      return;
    case "close":
      requireDisputeState(dispute, ["INITIATED", "REPRESENTMENT", "PRE_ARBITRATION", "ARBITRATION"], "a resolution");
      addException(dispute, {
        exception_type: "IMMEDIATE_DISPUTE_RESOLUTION",
        exception_reason: input.exception_reason ?? "dispute_mis_handled",
        created_at: now,
      });
      closeDispute(
        sim,
        account,
        dispute,
        input.outcome ?? "WON",
        input.outcome_detailed ?? "dispute_opened_under_wrong_dispute_reason",
        now,
      );
      return;
    case "extend": {
      requireDisputeState(dispute, ["INITIATED"], "more time");
      addException(dispute, {
        exception_type: "DISPUTE_WINDOW_EXTENSION",
        exception_reason: input.exception_reason ?? "regulatory_requirement",
        created_at: now,
      });
      const before = dispute.representment.expires_at;
      dispute.representment.expires_at = before + (input.days ?? EXTENSION_DAYS) * DAY_MS;
      dispute.updated_at = now;
      sim.state.disputes.put(dispute);
      emitDispute(sim, account, dispute, EXTENDED_EVENT, {
        updated_fields: { evidence_response_deadline_at: iso(dispute.representment.expires_at) },
        previous_fields: { evidence_response_deadline_at: iso(before) },
      });
    }
  }
}
