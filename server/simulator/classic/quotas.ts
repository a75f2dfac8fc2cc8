import type { Account } from "../model";
import type { Classic } from "./context";
import { ClassicError } from "./errors";
import type { ClassicOperation } from "./operations";

/** Calls per second of one merchant: for new sessions, and for all the rest together. */
const QUOTAS = { test: { sessions: 5, rest: 50 }, live: { sessions: 40, rest: 200 } };

/** Counts calls and throws TOO_MANY_REQUESTS where a merchant makes too many within a second. */
export function createQuotas({ sim }: Classic) {
  let second = 0;
  const counts = new Map<string, number>();

  return {
    count(account: Account, operation: ClassicOperation): void {
      const { rate_limits } = sim.settings();
      if (rate_limits === "off") return;
      const now = Math.floor(performance.now() / 1_000);
      if (now !== second) {
        second = now;
        counts.clear();
      }
      const kind = operation === "classic_create_session" ? "sessions" : "rest";
      const name = `${account.account_id} ${kind}`;
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      if (count > QUOTAS[rate_limits][kind]) {
        throw new ClassicError(429, "TOO_MANY_REQUESTS", "Too many requests. Please try again later.");
      }
    },
  };
}
