import { request } from "undici";
import { SIGNALS } from "./catalog";

export type Nudge = keyof typeof SIGNALS;

const TIMEOUT_MS = 2_000;
/** The first signal goes at once; under load those after it share one each time. */
const PAUSE_MS = 10;
/** A background that is just starting again hears the signal when it is back, instead of at its next turn by the clock. */
const REPEAT_FIRST_MS = 100;
const REPEAT_LAST_MS = 1_000;
const REPEAT_FOR_MS = 30_000;

/**
 * Tells the background that something waits, by Inngest's event API: the embedded engine's or an Inngest server's.
 *
 * One signal of a kind is under way at a time; what comes meanwhile is told by one more after it. It is repeated for half a
 * minute while nobody takes it. A lost signal costs time only: every function also runs by the clock and finds what is due. (Plain HTTP instead of the SDK, so that the front door
 * need not carry it.)
 */
export function createNudge(
  target: { eventApiUrl: string; eventKey: string },
  onError: (error: unknown) => void = () => undefined,
): (what: Nudge) => void {
  const url = new URL(`/e/${encodeURIComponent(target.eventKey)}`, target.eventApiUrl);
  const busy = new Map<Nudge, "sending" | "again">();
  const sendOnce = async (what: Nudge): Promise<unknown> => {
    try {
      const answer = await request(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name: SIGNALS[what], data: {} }),
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
      });
      await answer.body.dump();
      return answer.statusCode < 300 ? null : new Error(`the event API answered ${answer.statusCode}`);
    } catch (error) {
      return error;
    }
  };
  const send = async (what: Nudge): Promise<void> => {
    for (;;) {
      busy.set(what, "sending");
      const giveUpMs = performance.now() + REPEAT_FOR_MS;
      let problem = await sendOnce(what);
      for (let wait = REPEAT_FIRST_MS; problem !== null; wait = Math.min(2 * wait, REPEAT_LAST_MS)) {
        if (performance.now() + wait >= giveUpMs) {
          onError(problem);
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, wait).unref());
        problem = await sendOnce(what);
      }
      if (busy.get(what) === "again") await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
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
