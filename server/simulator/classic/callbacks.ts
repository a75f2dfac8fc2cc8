import { Agent, request as send } from "undici";
import { newUuid } from "../ids";
import { takeFault, triggerOf } from "../scenarios";
import { nowFor, type Simulator } from "../simulator";
import type { Callback } from "./model";

/**
 * The unsigned callbacks of the classic APIs: one POST per change, with up to three more tries. Only the secret that the
 * merchant put into its own address protects them.
 */

const ANSWER_WITHIN_MS = 3_000;
const RETRY_STEPS_MS = [2_000, 10_000, 60_000];
const SWEEP_EVERY_MS = 100;
const FINISHED_KEPT_MAX = 5_000;
const LATE_MS = 5_000;

export type NewCallback = Pick<Callback, "account_id" | "session_id" | "kind" | "url" | "status_word" | "body"> & {
  amount: number;
  reference: string | null;
};

export type CallbackSender = ReturnType<typeof createCallbackSender>;

export function createCallbackSender(sim: Simulator) {
  const agent = new Agent({ connections: 8, keepAliveTimeout: 30_000, connect: { timeout: ANSWER_WITHIN_MS } });
  const waiting = new Set<string>();
  const finished: string[] = [];
  const running = new Set<Promise<void>>();
  /** The latest callback of a session: the next one follows it. */
  const lanes = new Map<string, Promise<void>>();
  let isClosed = false;

  const nowOf = (callback: Callback): number => nowFor(sim, sim.state.accounts.get(callback.account_id));

  function finish(callback: Callback, status: Callback["status"]): void {
    callback.status = status;
    callback.next_attempt_at = null;
    sim.state.classicCallbacks.put(callback);
    finished.push(callback.callback_id);
    if (finished.length <= FINISHED_KEPT_MAX) return;
    const oldest = finished.shift();
    if (oldest !== undefined) sim.state.classicCallbacks.remove(oldest);
  }

  async function attempt(callback: Callback): Promise<void> {
    const at = nowOf(callback);
    const startedAt = performance.now();
    let status: number | null = null;
    let error: string | null = null;
    if (callback.is_first_attempt_lost && callback.attempts.length === 0) {
      error = "lost on the way, as asked";
    } else {
      try {
        const answer = await send(callback.url, {
          method: "POST",
          dispatcher: agent,
          headersTimeout: ANSWER_WITHIN_MS,
          bodyTimeout: ANSWER_WITHIN_MS,
          headers: { "content-type": "application/json", "user-agent": "simulator-callbacks/1" },
          body: callback.body,
        });
        await answer.body.dump();
        status = answer.statusCode;
      } catch (cause) {
        error = cause instanceof Error ? cause.message : String(cause);
      }
    }
    if (isClosed) return;
    callback.attempts.push({ at, status, error, duration_ms: Math.round((performance.now() - startedAt) * 10) / 10 });
    if (status !== null && status >= 200 && status < 300) {
      finish(callback, "DELIVERED");
      return;
    }
    const step = RETRY_STEPS_MS[callback.attempts.length - 1];
    if (step === undefined) {
      finish(callback, "FAILED");
      return;
    }
    callback.next_attempt_at = nowOf(callback) + step;
    sim.state.classicCallbacks.put(callback);
    waiting.add(callback.callback_id);
  }

  function start(callback: Callback): void {
    const before = lanes.get(callback.session_id);
    const work = (async () => {
      await sim.state.durable();
      await before;
      if (!isClosed) await attempt(callback);
    })().catch(() => undefined);
    running.add(work);
    lanes.set(callback.session_id, work);
    void work.then(() => {
      running.delete(work);
      if (lanes.get(callback.session_id) === work) lanes.delete(callback.session_id);
    });
  }

  function sweep(): void {
    for (const id of waiting) {
      const callback = sim.state.classicCallbacks.get(id);
      if (callback === undefined || callback.status !== "PENDING") {
        waiting.delete(id);
        continue;
      }
      if ((callback.next_attempt_at ?? 0) > nowOf(callback)) continue;
      waiting.delete(id);
      start(callback);
    }
  }

  for (const callback of sim.state.classicCallbacks.values()) {
    if (callback.status === "PENDING") waiting.add(callback.callback_id);
    else finished.push(callback.callback_id);
  }
  const timer = setInterval(sweep, SWEEP_EVERY_MS);
  timer.unref();

  return {
    sweep,
    /** Queues a callback in the same turn as the change that it tells. */
    notify(input: NewCallback): void {
      const account = sim.state.accounts.get(input.account_id);
      const { amount, reference, ...rest } = input;
      const facts = {
        amount,
        purchase_reference: reference ?? undefined,
        event_type: `${input.kind}.${input.status_word.toLowerCase()}`,
      };
      const fault = takeFault(sim, "classic_callback", input.account_id, facts);
      const trigger =
        account === undefined || input.status_word !== "COMPLETED" ? null : triggerOf(sim, account, amount);
      const copies = fault?.kind === "doubled" || trigger === "06" ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) {
        const now = nowFor(sim, account);
        const callback: Callback = {
          ...rest,
          callback_id: newUuid(),
          status: "PENDING",
          attempts: [],
          next_attempt_at: fault?.kind === "late" ? now + (fault.delay_ms ?? LATE_MS) : now,
          is_first_attempt_lost: trigger === "05",
          created_at: now,
        };
        sim.state.classicCallbacks.put(callback);
        if (fault?.kind === "lost") finish(callback, "LOST");
        else if (fault?.kind === "late") waiting.add(callback.callback_id);
        else start(callback);
      }
    },
    /** Sends a callback again now, whatever became of it. */
    redeliver(callback: Callback): void {
      callback.status = "PENDING";
      callback.is_first_attempt_lost = false;
      callback.next_attempt_at = nowOf(callback);
      sim.state.classicCallbacks.put(callback);
      waiting.delete(callback.callback_id);
      start(callback);
    },
    clear(): void {
      waiting.clear();
      finished.length = 0;
    },
    async idle(): Promise<void> {
      while (running.size > 0) await Promise.all(running);
    },
    async close(): Promise<void> {
      isClosed = true;
      clearInterval(timer);
      await agent.destroy();
    },
  };
}
