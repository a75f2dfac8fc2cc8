import { expect, it } from "vitest";
import { newIntent } from "./intent";

type Said = "ok" | "lost" | (string & {});

/** For each answer in turn, which nonce the press before it had: 1 is the first one. */
async function noncesOf(answers: readonly Said[]): Promise<number[]> {
  const intent = newIntent();
  const seen: string[] = [];
  const presses: number[] = [];
  for (const said of answers) {
    const press = intent(async (nonce) => {
      if (!seen.includes(nonce)) seen.push(nonce);
      presses.push(seen.indexOf(nonce) + 1);
      if (said === "lost") throw new Error("no answer");
      return said === "ok" ? { ok: true as const } : { ok: false as const, code: said };
    });
    await press.catch((error: unknown) => expect(error).toEqual(new Error("no answer")));
  }
  return presses;
}

it.each<[string, Said[], number[]]>([
  ["after it was done, the next press is another intent", ["ok", "ok"], [1, 2]],
  ["after a refusal nothing was made", ["refund_exceeds_captured", "ok"], [1, 2]],
  ["what Klarna refused is over", ["klarna_refused", "ok"], [1, 2]],
  ["a lost answer", ["lost", "lost", "ok", "ok"], [1, 1, 1, 2]],
  ["a failure of ours", ["internal_error", "unavailable", "ok"], [1, 1, 1]],
  ["the first press still runs", ["idempotency_in_progress", "ok"], [1, 1]],
  ["something is under way", ["state_conflict", "state_conflict", "ok", "ok"], [1, 1, 1, 2]],
  // The second press was refused before anybody looked what the first one did.
  ["signed out after a lost answer", ["lost", "session_required", "ok"], [1, 1, 1]],
  ["Klarna is away after a lost answer", ["lost", "klarna_unavailable", "payment_not_refundable", "ok"], [1, 1, 1, 1]],
  ["Klarna was away from the start", ["klarna_unavailable", "ok"], [1, 2]],
  ["the lost press was done with other details", ["lost", "idempotency_key_reused", "ok"], [1, 1, 2]],
])("R5: a press keeps its nonce until it is known what became of it: %s", async (_, answers, expected) => {
  expect(await noncesOf(answers)).toEqual(expected);
});

it("R5: two presses at once are one intent", async () => {
  const intent = newIntent();
  const nonces: string[] = [];
  const slow = (nonce: string) => {
    nonces.push(nonce);
    return new Promise<{ ok: false; code: string }>((resolve) =>
      setTimeout(() => resolve({ ok: false, code: "amount_mismatch" }), 5),
    );
  };
  await Promise.all([intent(slow), intent(slow)]);
  expect(new Set(nonces).size).toBe(1);
});
