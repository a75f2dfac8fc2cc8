import { createHash } from "node:crypto";
import { sweepDisputes } from "../disputes/states";
import { SimulatedError } from "../errors";
import { iso, newUuid } from "../ids";
import { getAccount, nowFor, type Simulator } from "../simulator";
import { acquirerAccount, acquiringAccountId, addLine, collectLines, termsOf } from "./lines";
import type { Line, LineType, Settlement } from "./model";

/** Settlements: what is owed since the last one, per currency; what is positive is paid out, what is negative waits. */

const DAY_MS = 86_400_000;
const CHECK_EVERY_MS = 30_000;
/** How long Klarna keeps files on its SFTP server. */
export const FILES_KEPT_MS = 90 * DAY_MS;

export type Settlements = ReturnType<typeof createSettlements>;

function midnightBefore(at: number): number {
  return Math.floor(at / DAY_MS) * DAY_MS;
}

/** `<payment reference>.<yyyymmddThhmmss+0000>.csv`, the time being midnight UTC of the day on which it is made. */
function fileNameOf(paymentReference: string, madeAt: number): string {
  return `${paymentReference}.${iso(midnightBefore(madeAt)).slice(0, 19).replace(/[-:]/g, "")}+0000.csv`;
}

/** Ten letters and digits that a bank transfer can carry. */
function newPaymentReference(): string {
  return createHash("sha256").update(newUuid()).digest("hex").slice(0, 10).toUpperCase();
}

export type Totals = Record<string, number>;

export function createSettlements(sim: Simulator) {
  /** Lines by settlement, so that a page of a large one is quick. */
  const bySettlement = new Map<string, Line[]>();
  let isUploading = (): boolean => false;

  function index(line: Line): void {
    if (line.settlement_id === null) return;
    const list = bySettlement.get(line.settlement_id);
    if (list === undefined) bySettlement.set(line.settlement_id, [line]);
    else list.push(line);
  }
  for (const line of sim.state.settlementLines.values()) index(line);

  function linesOf(settlement: Settlement): readonly Line[] {
    return bySettlement.get(settlement.settlement_id) ?? [];
  }

  function lastOf(currency: string): Settlement | undefined {
    let last: Settlement | undefined;
    for (const settlement of sim.state.settlements.values()) if (settlement.currency === currency) last = settlement;
    return last;
  }

  function openLines(until: number, currency: string | undefined): Map<string, Line[]> {
    const groups = new Map<string, Line[]>();
    for (const line of sim.state.settlementLines.values()) {
      if (line.settlement_id !== null || line.created_at >= until) continue;
      if (currency !== undefined && line.currency !== currency) continue;
      const group = groups.get(line.currency);
      if (group === undefined) groups.set(line.currency, [line]);
      else group.push(line);
    }
    return groups;
  }

  function linksOf(settlement: Settlement): Record<string, unknown> {
    const base = `${sim.publicUrl()}/v2/distribution/settlements/${settlement.settlement_id}`;
    return {
      settlement: base,
      transactions: `${base}/transactions`,
      csv: `${base}/csv`,
      summary_csv: `${base}/summary/csv`,
      transactions_csv: `${base}/transactions/csv`,
      pdf: `${base}/pdf`,
      payout: `${base}/payout`,
    };
  }

  function emit(settlement: Settlement, type: string, extra: Record<string, unknown>): void {
    sim.emit({
      account: acquirerAccount(sim),
      type,
      subjectId: settlement.settlement_id,
      facts: {},
      payload: {
        settlement_id: settlement.settlement_id,
        payment_reference: settlement.payment_reference,
        payment_acquiring_account_id: settlement.payment_acquiring_account_id,
        currency: settlement.currency,
        amount: settlement.payout?.amount ?? 0,
        period_start: iso(settlement.period_start),
        period_end: iso(settlement.period_end),
        ...extra,
      },
    });
  }

  function upload(settlement: Settlement): void {
    if (settlement.uploaded_at !== null || !isUploading()) return;
    settlement.uploaded_at = nowFor(sim, undefined);
    sim.state.settlements.put(settlement);
    emit(settlement, "settlement.report.uploaded-to-sftp", {
      file_name: settlement.file_name,
      path: `/${settlement.file_name}`,
    });
  }

  function settle(currency: string, lines: Line[], before: number): Settlement {
    const last = lastOf(currency);
    const until = Math.max(before, last?.period_end ?? 0);
    const opening = last?.closing_balance ?? 0;
    const net = lines.reduce((sum, line) => sum + line.amount + line.tax_amount, 0);
    const balance = opening + net;
    const reference = newPaymentReference();
    const settlement: Settlement = {
      settlement_id: `krn:partner:global:settlement:${newUuid()}`,
      payment_reference: reference,
      payment_acquiring_account_id: acquiringAccountId(currency),
      currency,
      period_start: last?.period_end ?? midnightBefore(lines[0]?.created_at ?? until),
      period_end: until,
      created_at: until,
      transaction_count: lines.length,
      opening_balance: opening,
      net_amount: net,
      closing_balance: Math.min(balance, 0),
      payout:
        balance <= 0
          ? null
          : {
              payout_id: `krn:partner:global:payout:${newUuid()}`,
              amount: balance,
              status: "PENDING",
              created_at: until,
              paid_at: until + termsOf(sim, undefined).payout_ms,
            },
      file_name: fileNameOf(reference, until),
      uploaded_at: null,
    };
    sim.state.settlements.put(settlement);
    for (const line of lines) {
      line.settlement_id = settlement.settlement_id;
      sim.state.settlementLines.put(line);
      index(line);
    }
    emit(settlement, "settlement.report.created", { links: linksOf(settlement) });
    upload(settlement);
    return settlement;
  }

  /** Makes one settlement per currency of everything before a moment. Nothing happened, no settlement. */
  function settleAll(until: number, currency?: string): Settlement[] {
    const made: Settlement[] = [];
    for (const [code, lines] of openLines(until, currency)) made.push(settle(code, lines, until));
    return made;
  }

  /** One settlement per day and currency, for every day that is over. */
  function settleDays(until: number): Settlement[] {
    const settledUntil = new Map<string, number>();
    for (const settlement of sim.state.settlements.values()) {
      settledUntil.set(settlement.currency, midnightBefore(settlement.period_end));
    }
    const days = new Set<number>();
    for (const line of sim.state.settlementLines.values()) {
      if (line.settlement_id !== null || line.created_at >= until) continue;
      const day = Math.max(midnightBefore(line.created_at), settledUntil.get(line.currency) ?? 0) + DAY_MS;
      days.add(Math.min(day, until));
    }
    return [...days].sort((a, b) => a - b).flatMap((day) => settleAll(day));
  }

  function payDue(): void {
    const now = nowFor(sim, undefined);
    for (const settlement of sim.state.settlements.values()) {
      const { payout } = settlement;
      if (payout === null || payout.status !== "PENDING" || (payout.paid_at ?? 0) > now) continue;
      payout.status = "PAID";
      sim.state.settlements.put(settlement);
    }
  }

  /** What the clock does: once a day, at midnight UTC. */
  function runDue(): void {
    payDue();
    const until = midnightBefore(nowFor(sim, undefined));
    const run = sim.state.settlementRuns.get("daily");
    if (run !== undefined && run.settled_until === until) return;
    sweepDisputes(sim);
    // Not today's, which are many while a benchmark runs.
    collectLines(sim, until);
    settleDays(until);
    sim.state.settlementRuns.put({ id: "daily", settled_until: until });
  }

  const timer = setInterval(runDue, CHECK_EVERY_MS);
  timer.unref();

  return {
    linesOf,
    linksOf,
    runDue,
    /** Makes settlements now: of everything, or of what came before a moment; day by day if asked. */
    settleNow(input: { until?: number; currency?: string; isDaily?: boolean }): Settlement[] {
      sweepDisputes(sim);
      collectLines(sim);
      if (input.isDaily === true) return settleDays(input.until ?? midnightBefore(nowFor(sim, undefined)));
      let until = input.until;
      if (until === undefined) {
        // Accounts may have clocks that run ahead: now means all that has happened.
        until = nowFor(sim, undefined);
        for (const line of sim.state.settlementLines.values()) {
          if (line.settlement_id === null && line.created_at >= until) until = line.created_at + 1;
        }
      }
      return settleAll(until, input.currency);
    },
    getSettlement(id: string): Settlement {
      payDue();
      const settlement = sim.state.settlements.get(id);
      if (settlement === undefined) throw new SimulatedError("RESOURCE_NOT_FOUND", "The settlement does not exist.");
      return settlement;
    },
    /** A correction that Klarna makes by hand. */
    adjust(input: { account: string; currency: string; type: LineType; amount: number; comment?: string | undefined }) {
      const account = getAccount(sim, input.account);
      const id = `adjustment:${newUuid()}`;
      addLine(sim, {
        line_id: id,
        account_id: account.account_id,
        currency: input.currency,
        type: input.type,
        detailed_type: input.type === "CORRECTION" ? "CORRECTION" : "MANUAL_ENTRY",
        amount: input.amount,
        created_at: nowFor(sim, account),
        comment: input.comment,
      });
      return sim.state.settlementLines.get(id);
    },
    /** Says whether files go to the SFTP server; what is not there yet is put there. */
    uploadTo(isOpen: () => boolean): void {
      isUploading = isOpen;
      for (const settlement of sim.state.settlements.values()) upload(settlement);
    },
    /** Settlements whose file stands on the SFTP server. */
    files(): Settlement[] {
      const now = nowFor(sim, undefined);
      return [...sim.state.settlements.values()].filter(
        ({ uploaded_at }) => uploaded_at !== null && uploaded_at + FILES_KEPT_MS > now,
      );
    },
    clear(): void {
      bySettlement.clear();
    },
    close(): void {
      clearInterval(timer);
    },
  };
}

/** Sums of a settlement, by what the money is for. All signed as the lines are. */
export function totalsOf(settlement: Settlement, lines: readonly Line[]): Totals {
  const sums = new Map<string, number>();
  const add = (name: string, amount: number): void => void sums.set(name, (sums.get(name) ?? 0) + amount);
  for (const line of lines) {
    add(line.type, line.amount);
    add("TAX", line.tax_amount);
  }
  const of = (name: string): number => sums.get(name) ?? 0;
  return {
    sale_amount: of("SALE"),
    return_amount: of("RETURN"),
    fee_amount: of("FEE"),
    tax_amount: of("TAX"),
    reversal_amount: of("REVERSAL"),
    holdback_amount: of("HOLDBACK"),
    release_amount: of("RELEASE"),
    correction_amount: of("CORRECTION"),
    commission_amount: of("COMMISSION"),
    charge_amount: of("CHARGE"),
    credit_amount: of("CREDIT"),
    opening_debt_balance_amount: settlement.opening_balance,
    closing_debt_balance_amount: settlement.closing_balance,
    settlement_amount: settlement.payout?.amount ?? 0,
  };
}
