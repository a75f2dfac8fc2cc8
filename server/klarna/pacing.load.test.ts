import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "@/server/core/time";
import { createLog } from "@/server/observability/log";
import { at, stepUpBody } from "@/server/simulator/fixtures";
import { type RunningSimulator, startSimulator } from "@/server/simulator/testing";
import type { KlarnaClient, KlarnaOutcome } from "./client";
import { createKlarnaClient } from "./http-client";
import { authorizePayment } from "./payments";

/* The client against Klarna's quotas of the test environment as the simulator counts them, over HTTP. */

/** A second for all of the acquirer's authorizes; each Partner account has 12 of its own. */
const QUOTA = 50;
const OVERLOAD_MS = 5_000;
/** Until then quotas are not known; in a test this short it would weigh more than in the 30 s that the pure test plays. */
const FIRST_WAVE_MS = 1_500;
/** Tills of each Partner that sell without a pause. */
const TILLS = [30, 20, 12, 8, 6, 4, 3, 3, 2, 2];

let simulator: RunningSimulator;
let klarna: KlarnaClient;
beforeAll(async () => {
  simulator = await startSimulator();
  const environment = { baseUrl: simulator.url, apiKey: simulator.apiKey };
  klarna = createKlarnaClient({
    clock: systemClock,
    log: createLog({ level: "silent", name: "test", destination: { write: () => undefined } }),
    timeoutMs: 8_000,
    environments: { test: environment, live: environment },
  });
});
afterAll(async () => {
  await klarna.close();
  await simulator.close();
});

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const jain = (values: readonly number[]): number =>
  sum(values) ** 2 / (values.length * sum(values.map((value) => value ** 2)));

describe("more calls than Klarna allows", () => {
  it("R12: within the quota, no storm of 429, each payment made once, and Partners served alike", async () => {
    const accounts = await Promise.all(
      TILLS.map((_, index) =>
        simulator.control.account({
          name: `Partner ${index}`,
          country: "DE",
          stores: [{ store_reference: "STORE-17", name: "Mitte", type: "PHYSICAL_STORE" }],
        }),
      ),
    );
    await simulator.control.settings({ rate_limits: "test" });
    const outcomes: KlarnaOutcome[] = [];
    const inTime = accounts.map(() => 0);
    const startMs = performance.now();
    const sell = async (index: number, accountId: string): Promise<void> => {
      while (performance.now() - startMs < OVERLOAD_MS) {
        const outcome = await authorizePayment(
          klarna,
          { mode: "test", accountId, sessionReference: "test" },
          { idempotencyKey: crypto.randomUUID(), body: stepUpBody(5050), session: {} },
        );
        outcomes.push(outcome);
        const sinceMs = performance.now() - startMs;
        if (sinceMs > FIRST_WAVE_MS && sinceMs < OVERLOAD_MS) inTime[index] = (inTime[index] ?? 0) + 1;
      }
    };
    await Promise.all(
      accounts.flatMap(({ account_id }, index) =>
        Array.from({ length: TILLS[index] ?? 0 }, () => sell(index, account_id)),
      ),
    );
    const seconds = (performance.now() - startMs) / 1_000;
    await simulator.control.settings({ rate_limits: "off" });

    const calls = await simulator.control.calls({ operation: "authorize", limit: "1000" });
    expect(calls.length).toBe(outcomes.flatMap((outcome) => outcome.calls).length);
    expect(calls.length).toBeLessThanOrEqual(QUOTA * seconds * 1.05);
    // It has been a real overload, and what Klarna grants was made use of.
    expect(calls.length).toBeGreaterThan(QUOTA * seconds * 0.6);
    const refused = calls.filter(({ status }) => status === 429).length;
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThanOrEqual(64);
    // All of them before anything was known; at most a few because two clocks are never the same.
    const firstMs = Date.parse(calls[0]?.at ?? "");
    const later = calls.filter((call) => call.status === 429 && Date.parse(call.at) - firstMs > 1_000);
    expect(later.length).toBeLessThanOrEqual(5);

    expect(outcomes.map(({ kind }) => kind)).toEqual(outcomes.map(() => "answered"));
    const effects = await Promise.all(
      accounts.map(({ account_id }) => simulator.control.requests({ account: account_id, limit: "1000" })),
    );
    expect(sum(effects.map((requests) => requests.length))).toBe(outcomes.length);
    const ids = outcomes.map((outcome) =>
      String(outcome.kind === "answered" && at(outcome.body, "payment_request", "payment_request_id")),
    );
    expect(new Set(ids).size).toBe(outcomes.length);
    expect(klarna.breakers().every(({ state }) => state === "closed")).toBe(true);
    expect(jain(inTime)).toBeGreaterThanOrEqual(0.95);
  });

  it("R12: a call that has no place in time is not sent, and no attempt of it reaches Klarna", async () => {
    const { account_id: accountId } = await simulator.control.account({ name: "Late", country: "DE", stores: [] });
    await simulator.control.settings({ rate_limits: "test" });
    const ask = (budgetMs: number) =>
      klarna.call(
        {
          mode: "live",
          operation: "presentation",
          method: "GET",
          path: `/v2/accounts/${accountId}/payment/presentation?currency=EUR&locale=de-DE&amount=100`,
          sessionReference: "late",
        },
        { budgetMs, attemptsMax: 2 },
      );
    const wave = await Promise.all(Array.from({ length: 40 }, () => ask(8_000)));
    expect(wave.flatMap(({ calls }) => calls).some(({ httpStatus }) => httpStatus === 429)).toBe(true);
    const crowd = await Promise.all(Array.from({ length: 40 }, () => ask(800)));
    await simulator.control.settings({ rate_limits: "off" });
    const late = crowd.filter(({ kind }) => kind === "not_sent");
    expect(late.length).toBeGreaterThan(10);
    for (const outcome of late) {
      expect(outcome).toMatchObject({ reason: "rate_limited" });
      expect(outcome.calls).toMatchObject([{ outcome: "NOT_SENT", httpStatus: null }]);
    }
    expect(crowd.map(({ kind }) => kind)).not.toContain("refused");
  });
});
