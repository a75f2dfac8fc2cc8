import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "./failure";

const TIMEOUT_MS = 20_000;
const PAUSE_FIRST_MS = 1_000;
const PAUSE_LAST_MS = 60_000;

/** Asks the web app to tell the configured Inngest server of its functions. Answers null, or why it could not. */
export async function registerFunctions(serveUrl: string): Promise<string | null> {
  try {
    const answer = await fetch(serveUrl, { method: "PUT", signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (answer.ok) return null;
    return `${answer.status}: ${(await answer.text()).slice(0, 300)}`;
  } catch (error) {
    return messageOf(error);
  }
}

/** Registers again and again until the Inngest server knows the functions. Tillgate takes payments meanwhile. */
export async function keepRegistering(
  serveUrl: string,
  say: (line: string) => void,
  pauseFirstMs: number = PAUSE_FIRST_MS,
): Promise<void> {
  let last: string | null = null;
  for (let pauseMs = pauseFirstMs; ; pauseMs = Math.min(2 * pauseMs, PAUSE_LAST_MS)) {
    const problem = await registerFunctions(serveUrl);
    if (problem === null) return say("the Inngest server knows the functions");
    if (problem !== last) say(`the Inngest server does not know the functions yet (${problem})`);
    last = problem;
    await sleep(pauseMs, undefined, { ref: false });
  }
}
