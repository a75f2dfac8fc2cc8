import { type RunningSimulator, startSimulator } from "@/server/simulator/testing";

/*
 * One simulator for a test file: in memory, on a free port, started by the first who needs it and stopped by the last
 * who lets go. Tests share it and stay apart because each builds its own Partner, hence its own account there.
 */
let running: Promise<RunningSimulator> | null = null;
let holders = 0;

/** Takes hold of the file's simulator; call `release` when done. */
export async function holdSandbox(): Promise<{ simulator: RunningSimulator; release: () => Promise<void> }> {
  running ??= startSimulator();
  const mine = running;
  holders += 1;
  let isHeld = true;
  return {
    simulator: await mine,
    release: async () => {
      if (!isHeld) return;
      isHeld = false;
      holders -= 1;
      if (holders > 0) return;
      running = null;
      await (await mine).close();
    },
  };
}
