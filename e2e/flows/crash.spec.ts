import { expect, test } from "@playwright/test";
import { runCrash, VICTIMS } from "@/server/testing/crash";
import { startInstance } from "@/server/testing/instance";

// The short form of `npm run crash -- --payments 200 --kills 20`, on an instance of its own.
test("R7: front door, web, engine and PostgreSQL killed at random under load: no payment lost, none doubled, no event invented", async () => {
  test.setTimeout(420_000);
  const instance = await startInstance();
  try {
    const report = await runCrash(instance, { payments: 40, kills: 6, seed: 4 });
    expect(report.problems).toEqual([]);
    expect(report.payments).toBe(40);
    expect(new Set(report.kills.flatMap((kill) => kill.victims))).toEqual(new Set(VICTIMS));
    expect(report.transactions).toBe(report.statuses.completed);
    expect(instance.contractFaults()).toEqual([]);
  } finally {
    await instance.stop();
  }
});
