import { CircuitState, circuitBreaker, handleWhenResult, SamplingBreaker } from "cockatiel";
import type { Mode } from "@/server/core/schema";
import type { KlarnaClient } from "./client";
import type { Attempt } from "./send";

/* While Klarna does not answer, calls are held back: one probe goes first. */

const HALF_OPEN_AFTER_MS = 2_000;

function makeBreaker() {
  const policy = circuitBreaker(
    handleWhenResult((result) => {
      const attempt = result as Attempt;
      return attempt.kind !== "answer" || attempt.status >= 500;
    }),
    {
      halfOpenAfter: HALF_OPEN_AFTER_MS,
      breaker: new SamplingBreaker({ threshold: 0.6, duration: 10_000, minimumRps: 1.5 }),
    },
  );
  const breaker = { policy, openedAt: 0 };
  policy.onBreak(() => {
    breaker.openedAt = performance.now();
  });
  return breaker;
}
type Breaker = ReturnType<typeof makeBreaker>;

/** Once its time has come the next caller is the probe: who asked first would otherwise keep it open for ever. */
export const isShut = ({ policy, openedAt }: Breaker): boolean =>
  policy.state === CircuitState.Open && performance.now() - openedAt < HALF_OPEN_AFTER_MS;

/** One for each mode and category, so that a sick refund endpoint does not stop the tills. Source: KNR-S6. */
export function createBreakers() {
  const breakers = new Map<string, Breaker>();

  return {
    of(mode: Mode, category: string) {
      const key = `${mode} ${category}`;
      let breaker = breakers.get(key);
      if (!breaker) {
        breaker = makeBreaker();
        breakers.set(key, breaker);
      }
      return breaker;
    },
    states: (): ReturnType<KlarnaClient["breakers"]> =>
      [...breakers].map(([key, { policy }]) => {
        const [mode, category] = key.split(" ");
        return {
          mode: mode === "live" ? "live" : "test",
          category: category ?? "",
          state:
            policy.state === CircuitState.Open
              ? "open"
              : policy.state === CircuitState.HalfOpen
                ? "half-open"
                : "closed",
        };
      }),
  };
}
