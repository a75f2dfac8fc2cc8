import type { Simulator } from "../simulator";
import { createClassicApi } from "./api";
import { createCallbackSender } from "./callbacks";
import type { Classic } from "./context";
import { touchHpp } from "./hpp";
import { isOpenSession, touchSession } from "./session-states";

/** The classic side of the simulator as one object. */

const SWEEP_EVERY_MS = 100;

export type ClassicSide = ReturnType<typeof createClassic>;

export function createClassic(sim: Simulator) {
  const callbacks = createCallbackSender(sim);
  const open = new Set<string>();
  for (const session of sim.state.classicSessions.values()) {
    if (isOpenSession(session)) open.add(session.session_id);
  }
  const classic: Classic = { sim, callbacks, open };
  const api = createClassicApi(classic);

  function sweep(): void {
    for (const id of open) {
      const session = sim.state.classicSessions.get(id);
      if (session === undefined) {
        open.delete(id);
        continue;
      }
      touchSession(classic, session);
      const hpp = session.hpp_session_id === null ? undefined : sim.state.hppSessions.get(session.hpp_session_id);
      if (hpp !== undefined) touchHpp(classic, hpp);
    }
    callbacks.sweep();
  }

  const timer = setInterval(sweep, SWEEP_EVERY_MS);
  timer.unref();

  return {
    ...classic,
    handle: api.handle,
    sweep,
    /** Forgets what is on its way. */
    clear(): void {
      open.clear();
      callbacks.clear();
    },
    async close(): Promise<void> {
      clearInterval(timer);
      await callbacks.close();
    },
  };
}
