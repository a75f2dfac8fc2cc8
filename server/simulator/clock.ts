import { sweepDisputes } from "./disputes/states";
import { sweepManagement } from "./management/control";
import { IDEMPOTENCY_MEMORY_MS } from "./model";
import { isOpen, touchRequest } from "./requests";
import { nowFor, type Simulator } from "./simulator";
import { touchTransaction } from "./transactions";

/** What time does by itself. Everything is also checked on use, so that the sweep only has to be roughly on time. */

const SWEEP_EVERY_MS = 1_000;
const MANAGEMENT_EVERY_MS = 200;
const FORGET_EVERY_MS = 60_000;

export function createClock(sim: Simulator, onMoved: () => void) {
  function sweep(): void {
    for (const request of sim.state.requests.values()) {
      if (!isOpen(request)) continue;
      const account = sim.state.accounts.get(request.account_id);
      if (account !== undefined) touchRequest(sim, account, request);
    }
    sweepDisputes(sim);
  }

  function sweepTransactions(): void {
    for (const transaction of sim.state.transactions.values()) {
      if (transaction.state !== "AUTHORIZED" && transaction.state !== "EXPIRED") continue;
      const account = sim.state.accounts.get(transaction.account_id);
      if (account !== undefined) touchTransaction(sim, account, transaction);
    }
  }

  function forget(): void {
    for (const answer of sim.state.answers.values()) {
      const account = sim.state.accounts.get(answer.id.slice(0, answer.id.indexOf(" ")));
      // An account whose clock was moved back may still need the answer; an hour of patience is plenty.
      if (answer.expires_at + IDEMPOTENCY_MEMORY_MS / 24 < nowFor(sim, account)) sim.state.answers.remove(answer.id);
    }
  }

  const timers = [
    setInterval(sweep, SWEEP_EVERY_MS),
    setInterval(() => sweepManagement(sim), MANAGEMENT_EVERY_MS),
    setInterval(() => {
      sweepTransactions();
      forget();
    }, FORGET_EVERY_MS),
  ];
  for (const timer of timers) timer.unref();

  return {
    /** Moves the clock of one account, or of everything. */
    advance(ms: number, accountId: string | undefined): void {
      if (accountId === undefined) {
        const settings = sim.settings();
        settings.clock_offset_ms += ms;
        sim.state.settings.put(settings);
      } else {
        const account = sim.state.accounts.get(accountId);
        if (account === undefined) return;
        account.clock_offset_ms += ms;
        sim.state.accounts.put(account);
      }
      sweep();
      sweepTransactions();
      sweepManagement(sim);
      onMoved();
    },
    /** Lets the clock run this many times faster from now on; what it has gained so far stays. */
    setSpeed(speed: number): void {
      const settings = sim.settings();
      const machine = Date.now();
      settings.clock_offset_ms = nowFor(sim, undefined) - machine;
      settings.clock_speed = speed;
      settings.clock_speed_since = machine;
      sim.state.settings.put(settings);
      onMoved();
    },
    close(): void {
      for (const timer of timers) clearInterval(timer);
    },
  };
}
