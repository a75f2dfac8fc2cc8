import { request } from "undici";
import { z } from "zod";

export type SimulatedAction = "open" | "complete" | "decline" | "leave" | "expire";

/** Tells the simulator something. False when it refuses; throws when it does not answer within five seconds. */
async function tell(controlUrl: string, path: string, body: unknown): Promise<boolean> {
  const answer = await request(new URL(path, controlUrl), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    headersTimeout: 5_000,
    bodyTimeout: 5_000,
  });
  await answer.body.dump();
  return answer.statusCode >= 200 && answer.statusCode < 300;
}

/** Plays the customer of a payment request at the simulator. False when the state of the request does not allow it. */
export function playSimulatedCustomer(
  controlUrl: string,
  requestId: string,
  action: SimulatedAction,
): Promise<boolean> {
  return tell(controlUrl, `/_control/requests/${encodeURIComponent(requestId)}/play`, { action, force: true });
}

/** Plays the customer of a classic session. False when the state of the session does not allow it. */
export function playClassicCustomer(controlUrl: string, sessionId: string, action: SimulatedAction): Promise<boolean> {
  return tell(controlUrl, `/_control/classic/sessions/${encodeURIComponent(sessionId)}/play`, { action, force: true });
}

/** Sets how far the clock of one account is ahead. False when the simulator does not know the account. */
export function setSimulatedClock(controlUrl: string, accountId: string, aheadMs: number): Promise<boolean> {
  return tell(controlUrl, "/_control/clock", { account: accountId, account_ahead_ms: aheadMs });
}

/** The Acquiring Partner's own account at the simulator. Throws when the simulator does not answer. */
export async function readSimulatedAcquirer(controlUrl: string): Promise<string> {
  const answer = await request(new URL("/_control/settings", controlUrl), {
    headersTimeout: 5_000,
    bodyTimeout: 5_000,
  });
  return z.looseObject({ acquirer_account_id: z.string() }).parse(await answer.body.json()).acquirer_account_id;
}
