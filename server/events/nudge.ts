import { request } from "undici";
import { SIGNALS } from "./catalog";

export type Nudge = keyof typeof SIGNALS;

const TIMEOUT_MS = 2_000;

/**
 * Tells the background that something waits, by Inngest's event API: the embedded engine's or an Inngest server's.
 *
 * One signal of a kind is under way at a time; what comes meanwhile is told by one more after it. A lost signal costs time
 * only: every function also runs by the clock and finds what is due. (Plain HTTP instead of the SDK, so that the front door
 * need not carry it.)
 */
export function createNudge(
  target: { eventApiUrl: string; eventKey: string },
  onError: (error: unknown) => void = () => undefined,
): (what: Nudge) => void {
  const url = new URL(`/e/${encodeURIComponent(target.eventKey)}`, target.eventApiUrl);
  const busy = new Map<Nudge, "sending" | "again">();
  const send = async (what: Nudge): Promise<void> => {
    for (;;) {
      busy.set(what, "sending");
      try {
        const answer = await request(url, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ name: SIGNALS[what], data: {} }),
          headersTimeout: TIMEOUT_MS,
          bodyTimeout: TIMEOUT_MS,
        });
        await answer.body.dump();
        if (answer.statusCode >= 300) onError(new Error(`the event API answered ${answer.statusCode}`));
      } catch (error) {
        onError(error);
      }
      const isWanted = busy.get(what) === "again";
      busy.delete(what);
      if (!isWanted) return;
    }
  };
  return (what) => {
    if (busy.has(what)) busy.set(what, "again");
    else void send(what);
  };
}
