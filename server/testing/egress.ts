import { afterEach } from "vitest";
import { guardEgress } from "@/server/boot/egress.mjs";

/*
 * Runs in every test process: a connection to anywhere but this machine is refused, and fails the test in which it was
 * tried, also where the code under test took the refusal for an ordinary fault. (The guarded webhook client checks its
 * targets itself; the instance of the browser tests is held to its exact settings by server/boot/egress.mjs.)
 */

const tried: string[] = [];

guardEgress({
  isAllowed: (_target, host) => host === "loopback",
  refuses: true,
  report: (target) => tried.push(target),
});

/** The targets that were tried and refused since the last call. */
export function takeRefusedTargets(): string[] {
  return tried.splice(0);
}

afterEach(() => {
  const targets = takeRefusedTargets();
  if (targets.length > 0) throw new Error(`Connections left this machine: ${targets.join(", ")}`);
});
