import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRetryBudget } from "./retry-budget";

describe("the retry budget", () => {
  it("R46: a lone call may be repeated, and a window grants twenty repeats whatever its calls", () => {
    const budget = createRetryBudget(() => 0);
    budget.noteCall();
    expect(Array.from({ length: 22 }, () => budget.takeRetry())).toEqual([
      ...Array.from({ length: 20 }, () => true),
      false,
      false,
    ]);
  });

  it("R46: from 200 calls in a window on, repeats are at most a tenth, however calls and repeats mix", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 200, maxLength: 2_000 }), (repeats) => {
        const budget = createRetryBudget(() => 0);
        let taken = 0;
        for (const wanted of repeats) {
          budget.noteCall();
          for (let each = 0; each < wanted; each += 1) if (budget.takeRetry()) taken += 1;
        }
        return taken <= Math.max(20, 0.1 * repeats.length);
      }),
      { numRuns: 50 },
    );
  });

  it("R46: what was used comes back when its window is over", () => {
    let now = 0;
    const budget = createRetryBudget(() => now);
    for (let each = 0; each < 20; each += 1) expect(budget.takeRetry()).toBe(true);
    now = 9_000;
    expect(budget.takeRetry()).toBe(false);
    now = 10_001;
    expect(budget.takeRetry()).toBe(true);
  });
});
