import type { Nudge } from "@/server/context";
import { SIGNALS } from "@/server/events/catalog";
import { inngest } from "./client";

/**
 * Tells the background that something waits. One signal of a kind is under way at a time; what comes meanwhile is told by
 * one more after it. A lost signal costs time only: every function also runs by the clock and finds what is due.
 */
export function createNudge(onError: (error: unknown) => void = () => undefined): (what: Nudge) => void {
  const busy = new Map<Nudge, "sending" | "again">();
  const send = async (what: Nudge): Promise<void> => {
    busy.set(what, "sending");
    try {
      await inngest.send({ name: SIGNALS[what], data: {} });
    } catch (error) {
      onError(error);
    }
    const isWanted = busy.get(what) === "again";
    busy.delete(what);
    if (isWanted) await send(what);
  };
  return (what) => {
    if (busy.has(what)) busy.set(what, "again");
    else void send(what);
  };
}
