import { invalid, SimulatedError } from "../errors";
import { iso } from "../ids";
import { isCurrencyTaken } from "../markets";
import { pageOf, timeFilter, valuesOf } from "../paging";
import { NO_FACTS, type Outcome, ok, type Route, type Router } from "../routing";
import type { Simulator } from "../simulator";
import type { Line, Settlement } from "./model";
import { settlementPdf } from "./pdf";
import { type Settlements, totalsOf } from "./settlements";

/** Settlements: list, read, lines, payout, and the reports as CSV. */

const PATH = "/v2/distribution/settlements";
const SIZE_DEFAULT = 20;
const SIZE_MAX = 500;
const SEPARATOR = ";";

export function payoutView(settlement: Settlement): Record<string, unknown> {
  const { payout } = settlement;
  if (payout === null) {
    throw new SimulatedError("RESOURCE_NOT_FOUND", "This settlement has no payout: its balance is carried forward.");
  }
  return {
    payout_id: payout.payout_id,
    settlement_id: settlement.settlement_id,
    payment_reference: settlement.payment_reference,
    amount: payout.amount,
    currency: settlement.currency,
    status: payout.status,
    created_at: iso(payout.created_at),
    ...(payout.paid_at === null ? {} : { payout_date: iso(payout.paid_at).slice(0, 10) }),
  };
}

export function settlementView(settlements: Settlements, settlement: Settlement): Record<string, unknown> {
  return {
    settlement_id: settlement.settlement_id,
    payment_reference: settlement.payment_reference,
    payment_acquiring_account_id: settlement.payment_acquiring_account_id,
    currency: settlement.currency,
    settlement_type: "NET",
    period_start: iso(settlement.period_start),
    period_end: iso(settlement.period_end),
    transaction_count: settlement.transaction_count,
    totals: totalsOf(settlement, settlements.linesOf(settlement)),
    ...(settlement.payout === null ? {} : { payout: payoutView(settlement) }),
    links: settlements.linksOf(settlement),
    created_at: iso(settlement.created_at),
  };
}

function dropNulls(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

export function lineView(settlement: Settlement, line: Line): Record<string, unknown> {
  return dropNulls({
    transaction_id: line.line_id,
    type: line.type,
    detailed_type: line.detailed_type,
    amount: line.amount,
    tax_amount: line.tax_amount,
    tax_rate: line.tax_basis_points,
    currency: line.currency,
    partner_account_id: line.account_id,
    payment_transaction_id: line.payment_transaction_id,
    payment_transaction_reference: line.payment_transaction_reference,
    purchase_reference: line.purchase_reference,
    payment_capture_id: line.payment_capture_id,
    payment_capture_reference: line.payment_capture_reference,
    payment_refund_id: line.payment_refund_id,
    payment_refund_reference: line.payment_refund_reference,
    dispute_id: line.payment_dispute_id,
    payment_reference: settlement.payment_reference,
    comment: line.comment,
    created_at: iso(line.created_at),
  });
}

// --- CSV ---

function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = String(value);
  return /[";\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function row(values: readonly unknown[]): string {
  return `${values.map(cell).join(SEPARATOR)}\r\n`;
}

function summaryCsv(settlement: Settlement, lines: readonly Line[]): string {
  const { payout } = settlement;
  const columns: Record<string, unknown> = {
    settlement_id: settlement.settlement_id,
    payment_reference: settlement.payment_reference,
    payout_date: payout === null || payout.paid_at === null ? null : iso(payout.paid_at).slice(0, 10),
    currency: settlement.currency,
    payment_acquiring_account_id: settlement.payment_acquiring_account_id,
    settlement_type: "NET",
    period_start: iso(settlement.period_start),
    period_end: iso(settlement.period_end),
    transaction_count: settlement.transaction_count,
    ...totalsOf(settlement, lines),
  };
  return row(Object.keys(columns)) + row(Object.values(columns));
}

const LINE_COLUMNS = [
  "transaction_id",
  "type",
  "detailed_type",
  "amount",
  "tax_amount",
  "tax_rate",
  "currency",
  "partner_account_id",
  "payment_transaction_id",
  "payment_transaction_reference",
  "purchase_reference",
  "payment_capture_id",
  "payment_capture_reference",
  "payment_refund_id",
  "payment_refund_reference",
  "dispute_id",
  "payment_reference",
  "comment",
  "created_at",
];

function linesCsv(settlement: Settlement, lines: readonly Line[]): string {
  const rows = [row(LINE_COLUMNS)];
  for (const line of lines) {
    const view = lineView(settlement, line);
    rows.push(row(LINE_COLUMNS.map((name) => view[name])));
  }
  return rows.join("");
}

/** The file as it stands on the SFTP server: a block with the totals, an empty line, a block with the lines. */
export function settlementCsv(settlements: Settlements, settlement: Settlement): string {
  const lines = settlements.linesOf(settlement);
  return `${summaryCsv(settlement, lines)}\r\n${linesCsv(settlement, lines)}`;
}

function csv(name: string, text: string): Outcome {
  return {
    status: 200,
    body: text,
    headers: {
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": `attachment; filename="${name}"`,
    },
  };
}

// --- routes ---

function listSettlements(sim: Simulator, settlements: Settlements, query: URLSearchParams): Outcome {
  const currencies = new Set(valuesOf(query, "currency", 20));
  for (const code of currencies) if (!isCurrencyTaken(code)) throw invalid("currency", `${code} is not supported`);
  const accounts = new Set(valuesOf(query, "payment_acquiring_account_id", 20));
  const references = new Set(valuesOf(query, "payment_reference", 100));
  const isCreated = timeFilter(query, "created_at");
  const found = [...sim.state.settlements.values()]
    .filter(
      (settlement) =>
        (currencies.size === 0 || currencies.has(settlement.currency)) &&
        (accounts.size === 0 || accounts.has(settlement.payment_acquiring_account_id)) &&
        (references.size === 0 || references.has(settlement.payment_reference)) &&
        isCreated(settlement.created_at),
    )
    .reverse();
  const { items, pagination } = pageOf(sim, found, {
    path: PATH,
    query,
    idOf: (settlement) => settlement.settlement_id,
    sizeDefault: SIZE_DEFAULT,
    sizeMax: SIZE_MAX,
  });
  return ok({ settlements: items.map((settlement) => settlementView(settlements, settlement)), pagination });
}

export function settlementRouter(sim: Simulator, settlements: Settlements): Router {
  return (call, parts) => {
    const [version, area, noun, id, sub, format] = parts;
    if (version !== "v2" || area !== "distribution" || call.method !== "GET" || parts.length > 6) return null;
    if (noun !== "settlements" && noun !== "settlement") return null;
    const on = (operation: string, run: () => Outcome): Route => ({
      operation,
      accountId: null,
      category: "settlement",
      facts: NO_FACTS,
      run,
    });
    const about = (operation: string, work: (settlement: Settlement) => Outcome): Route =>
      on(operation, () => work(settlements.getSettlement(id ?? "")));
    if (id === undefined) return on("list_settlements", () => listSettlements(sim, settlements, call.query));
    switch ([sub, format].filter((part) => part !== undefined).join("/")) {
      case "":
        return about("read_settlement", (settlement) => ok(settlementView(settlements, settlement)));
      case "transactions":
        return about("list_settlement_transactions", (settlement) => {
          const { items, pagination } = pageOf(sim, settlements.linesOf(settlement), {
            path: `${PATH}/${settlement.settlement_id}/transactions`,
            query: call.query,
            idOf: (line) => line.line_id,
            sizeDefault: SIZE_DEFAULT,
            sizeMax: SIZE_MAX,
          });
          return ok({ transactions: items.map((line) => lineView(settlement, line)), pagination });
        });
      case "csv":
        return about("settlement_csv", (settlement) =>
          csv(settlement.file_name, settlementCsv(settlements, settlement)),
        );
      case "summary/csv":
        return about("settlement_summary_csv", (settlement) =>
          csv(`${settlement.payment_reference}.summary.csv`, summaryCsv(settlement, settlements.linesOf(settlement))),
        );
      case "transactions/csv":
        return about("settlement_transactions_csv", (settlement) =>
          csv(
            `${settlement.payment_reference}.transactions.csv`,
            linesCsv(settlement, settlements.linesOf(settlement)),
          ),
        );
      case "pdf":
        return about("settlement_pdf", (settlement) => ({
          status: 200,
          body: "",
          bytes: settlementPdf(settlement, settlements.linesOf(settlement)),
          headers: {
            "content-type": "application/pdf",
            "content-disposition": `attachment; filename="${settlement.payment_reference}.pdf"`,
          },
        }));
      case "payout":
        return about("read_payout", (settlement) => ok(payoutView(settlement)));
      default:
        return null;
    }
  };
}
