import type { ActionFailure } from "@/components/action-result";
import { ERROR_CATALOGUE } from "@/server/core/errors";
import { isUnsure, newNonce } from "./nonce";

/*
 * One intent of a person, however often its button is pressed. It keeps its nonce until it is known what became of it: with
 * the same one the server does it once, with another one it would do it again.
 */

/** What a refusal with this code says of the intent: it is over, nothing was made by this press, or nobody knows. */
export function refusalSays(code: string): "over" | "nothing" | "open" {
  // Refused by Klarna, with what it says: that stands in the record under this nonce.
  if (!Object.hasOwn(ERROR_CATALOGUE, code)) return "over";
  // An earlier press was done, with other details than this one.
  if (code === "idempotency_key_reused") return "over";
  // Something else may be under way, which may be an earlier press.
  return isUnsure(code) || code === "state_conflict" ? "open" : "nothing";
}

type Answer = { ok: true } | Pick<ActionFailure, "ok" | "code">;

/** Sends with the nonce of the intent; a new one after it was done, or where nothing was made by any press. */
export function newIntent(): <A extends Answer>(send: (nonce: string) => Promise<A>) => Promise<A> {
  let nonce: string | null = null;
  let isOpen = false;
  const next = (): void => {
    nonce = null;
    isOpen = false;
  };
  return async (send) => {
    nonce ??= newNonce();
    // Until an answer is there, and when none comes.
    const wasOpen = isOpen;
    isOpen = true;
    const answer = await send(nonce);
    const says = answer.ok ? "over" : refusalSays(answer.code);
    // A refusal of this press says nothing of an earlier one, of which nobody knows.
    if (says === "over" || (says === "nothing" && !wasOpen)) next();
    return answer;
  };
}
