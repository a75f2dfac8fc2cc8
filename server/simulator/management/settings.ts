import type { Simulator } from "../simulator";
import { DEFAULT_MANAGEMENT, type Management } from "./model";

/** The one document of what holds for the whole acquirer, made when it is first asked for. */
export function managementOf(sim: Simulator): Management {
  const known = sim.state.management.get("management");
  if (known !== undefined) return known;
  const made = structuredClone(DEFAULT_MANAGEMENT);
  sim.state.management.put(made);
  return made;
}

export function saveManagement(sim: Simulator): void {
  sim.state.management.put(managementOf(sim));
}
