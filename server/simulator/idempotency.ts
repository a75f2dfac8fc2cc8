import { createHash } from "node:crypto";
import { SimulatedError } from "./errors";
import { type Account, type Fault, IDEMPOTENCY_MEMORY_MS } from "./model";
import type { ApiCall, Outcome, Route } from "./routing";
import { beSlow } from "./scenarios";
import { customerTokenOf, requestOfTokens, sessionTokensOf } from "./session-tokens";
import { nowFor, type Simulator } from "./simulator";

/** Runs the operation once per idempotency key and once at a time per token; the answer is on disk when this resolves. */
export function createOnce(sim: Simulator) {
  const running = new Set<string>();
  const runningFinals = new Set<string>();

  return async function runOnce(work: {
    call: ApiCall;
    route: Route;
    account: Account | null;
    bodyText: string | null;
    bodyValue: unknown;
    idempotencyKey: string | undefined;
    fault: Fault | null;
    refusal: (error: SimulatedError) => Outcome;
    onReplay: () => void;
  }): Promise<Outcome> {
    const { call, route, account, bodyText, idempotencyKey, fault, refusal } = work;
    const isKeyed = bodyText !== null && idempotencyKey !== undefined;
    const answerId = `${route.accountId ?? "-"} ${idempotencyKey}`;
    const tokens = route.operation === "authorize_final" ? sessionTokensOf(sim, account ?? undefined, call) : [];
    const finished = account === null || tokens.length === 0 ? null : requestOfTokens(sim, account, tokens);
    const finalId = finished?.payment_request_id;
    const fingerprint = isKeyed
      ? createHash("sha1")
          .update(`${call.method} ${call.path} ${tokens.join(" ")} ${customerTokenOf(call) ?? ""}\n${bodyText}`)
          .digest("base64")
      : "";
    if (isKeyed) {
      if (running.has(answerId)) {
        return refusal(new SimulatedError("RESOURCE_CONFLICT", "A call with this idempotency key is still running."));
      }
      const known = sim.state.answers.get(answerId);
      if (known !== undefined && known.expires_at > nowFor(sim, account ?? undefined)) {
        if (known.fingerprint !== fingerprint) {
          return refusal(new SimulatedError("RESOURCE_CONFLICT", "The idempotency key was used with another request."));
        }
        work.onReplay();
        if (fault?.kind === "slow") await beSlow(fault);
        return {
          status: known.status,
          body: known.body === "" ? null : known.body,
        };
      }
    }
    if (finalId !== undefined && runningFinals.has(finalId)) {
      return refusal(
        new SimulatedError("RESOURCE_CONFLICT", "This payment request is being authorized by another call."),
      );
    }

    if (isKeyed) running.add(answerId);
    if (finalId !== undefined) runningFinals.add(finalId);
    try {
      let outcome: Outcome;
      try {
        outcome = route.run(account, work.bodyValue, fault?.kind ?? null);
      } catch (error) {
        if (!(error instanceof SimulatedError)) throw error;
        outcome = refusal(error);
      }
      if (isKeyed && outcome.status < 500 && outcome.status !== 409 && outcome.status !== 429) {
        sim.state.answers.put({
          id: answerId,
          fingerprint,
          status: outcome.status,
          body: outcome.body ?? "",
          expires_at: nowFor(sim, account ?? undefined) + IDEMPOTENCY_MEMORY_MS,
        });
      }
      await sim.state.durable();
      if (fault?.kind === "slow") await beSlow(fault);
      return outcome;
    } finally {
      if (isKeyed) running.delete(answerId);
      if (finalId !== undefined) runningFinals.delete(finalId);
    }
  };
}
