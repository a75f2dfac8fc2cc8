export type Way = () => Promise<void>;

/**
 * How much longer the second way takes than the first, as a ratio of their medians. They are gone in turns, so that whatever
 * else the machine does meets both.
 */
export async function ratioOfTimes(first: Way, second: Way, times: number): Promise<number> {
  const took = { first: [] as number[], second: [] as number[] };
  const go = async (way: Way): Promise<number> => {
    const startedMs = performance.now();
    await way();
    return performance.now() - startedMs;
  };
  for (let time = 0; time < times; time += 1) {
    took.first.push(await go(first));
    took.second.push(await go(second));
  }
  return median(took.second) / median(took.first);
}

/** The ratio that is nearest to one, of so many at the most as are needed to come within `share` of it. */
export async function nearestRatio(measure: () => Promise<number>, share: number, most = 5): Promise<number> {
  let nearest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < most && Math.abs(nearest - 1) >= share; round += 1) {
    const ratio = await measure();
    if (Math.abs(ratio - 1) < Math.abs(nearest - 1)) nearest = ratio;
  }
  return nearest;
}

/**
 * The least of so many measurements in milliseconds, at the most, as are needed to come below `enoughMs`: what else a machine
 * does makes each longer and none shorter, and what the code itself waits for is in each of them.
 */
export async function quickest(measure: () => Promise<number>, enoughMs: number, most = 5): Promise<number> {
  let leastMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < most && leastMs >= enoughMs; round += 1) leastMs = Math.min(leastMs, await measure());
  return leastMs;
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}
