import { request } from "undici";
import { z } from "zod";

export type SimulatedAction = "open" | "complete" | "decline" | "leave" | "expire";

/** Plays the customer of a payment request at the simulator. False when the state of the request does not allow it. */
export async function playSimulatedCustomer(
  controlUrl: string,
  requestId: string,
  action: SimulatedAction,
): Promise<boolean> {
  const answer = await request(new URL(`/_control/requests/${encodeURIComponent(requestId)}/play`, controlUrl), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ action, force: true }),
    headersTimeout: 5_000,
    bodyTimeout: 5_000,
  });
  await answer.body.dump();
  return answer.statusCode >= 200 && answer.statusCode < 300;
}

/** Plays the customer of a classic session. False when the state of the session does not allow it. */
export async function playClassicCustomer(
  controlUrl: string,
  sessionId: string,
  action: SimulatedAction,
): Promise<boolean> {
  const path = `/_control/classic/sessions/${encodeURIComponent(sessionId)}/play`;
  const answer = await request(new URL(path, controlUrl), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ action, force: true }),
    headersTimeout: 5_000,
    bodyTimeout: 5_000,
  });
  await answer.body.dump();
  return answer.statusCode >= 200 && answer.statusCode < 300;
}

/** Sets how far the clock of one account is ahead. False when the simulator does not know the account. */
export async function setSimulatedClock(controlUrl: string, accountId: string, aheadMs: number): Promise<boolean> {
  const answer = await request(new URL("/_control/clock", controlUrl), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ account: accountId, account_ahead_ms: aheadMs }),
    headersTimeout: 5_000,
    bodyTimeout: 5_000,
  });
  await answer.body.dump();
  return answer.statusCode >= 200 && answer.statusCode < 300;
}

/** The Acquiring Partner's own account at the simulator. Throws when the simulator does not answer. */
export async function readSimulatedAcquirer(controlUrl: string): Promise<string> {
  const answer = await request(new URL("/_control/settings", controlUrl), {
    headersTimeout: 5_000,
    bodyTimeout: 5_000,
  });
  return z.looseObject({ acquirer_account_id: z.string() }).parse(await answer.body.json()).acquirer_account_id;
}
