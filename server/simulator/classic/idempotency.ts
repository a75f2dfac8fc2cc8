import { createHash } from "node:crypto";
import { type Account, IDEMPOTENCY_MEMORY_MS } from "../model";
import type { ApiCall } from "../routing";
import { nowFor } from "../simulator";
import type { Classic } from "./context";
import { ClassicError, classicErrorBody } from "./errors";
import type { ClassicOutcome, ClassicRoute } from "./routing";

/** Runs an operation once per idempotency key; the answer is on disk when this resolves. */
export function createOnce({ sim }: Classic) {
  const running = new Set<string>();

  return async function runOnce(
    call: ApiCall,
    route: ClassicRoute,
    account: Account,
    body: { text: string; value: unknown },
    key: string | undefined,
    correlationId: string,
    onReplay: () => void,
  ): Promise<ClassicOutcome> {
    const answerId = `${account.account_id} classic ${key}`;
    const isKeyed = route.isKeyed && key !== undefined;
    const conflict = (message: string): ClassicOutcome => {
      const code = call.path.startsWith("/ordermanagement/") ? "CONFLICT" : "BAD_VALUE";
      return { status: 409, body: classicErrorBody(new ClassicError(409, code, message), correlationId) };
    };
    const fingerprint = isKeyed
      ? createHash("sha1").update(`${call.method} ${call.path}\n${body.text}`).digest("base64")
      : "";
    if (isKeyed) {
      if (running.has(answerId)) return conflict("A call with this idempotency key is still running.");
      const known = sim.state.answers.get(answerId);
      if (known !== undefined && known.expires_at > nowFor(sim, account)) {
        if (known.fingerprint !== fingerprint) return conflict("The idempotency key was used with another request.");
        onReplay();
        // An answer without a body may carry headers, such as where the new thing stands.
        const location = known.body.startsWith("location:") ? known.body.slice("location:".length) : null;
        if (location !== null) return { status: known.status, body: null, headers: { location } };
        return { status: known.status, body: known.body === "" ? null : known.body };
      }
      running.add(answerId);
    }
    try {
      let outcome: ClassicOutcome;
      try {
        outcome = route.run(account, body.value);
      } catch (error) {
        if (!(error instanceof ClassicError)) throw error;
        outcome = { status: error.status, body: classicErrorBody(error, correlationId) };
      }
      if (isKeyed && outcome.status < 500 && outcome.status !== 409 && outcome.status !== 429) {
        const location = outcome.headers?.location;
        sim.state.answers.put({
          id: answerId,
          fingerprint,
          status: outcome.status,
          body: outcome.body ?? (location === undefined ? "" : `location:${location}`),
          expires_at: nowFor(sim, account) + IDEMPOTENCY_MEMORY_MS,
        });
      }
      await sim.state.durable();
      return outcome;
    } finally {
      running.delete(answerId);
    }
  };
}
