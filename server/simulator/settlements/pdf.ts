import { iso } from "../ids";
import type { Line, Settlement } from "./model";
import { totalsOf } from "./settlements";

/** The settlement report for people: one page with what was paid and what it is made of. */

const PAGE = { width: 595, height: 842, left: 56, top: 770, right: 539 };
const LINE_HEIGHT = 20;

/** A string of the page's font: what it cannot show becomes a question mark. */
function textOf(value: string): string {
  return value.replace(/[^\x20-\x7e]/g, "?").replace(/[\\()]/g, "\\$&");
}

function moneyOf(amount: number, currency: string): string {
  const digits = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  return `${(amount / 10 ** (digits ?? 2)).toFixed(digits ?? 2)} ${currency}`;
}

/** Courier is as wide for each letter, so that amounts can be set to the right without a table of widths. */
const COURIER_WIDTH = 0.6;

function contentOf(settlement: Settlement, lines: readonly Line[]): string {
  const parts: string[] = [];
  let y = PAGE.top;
  const put = (font: string, size: number, x: number, text: string): void => {
    parts.push(`BT /${font} ${size} Tf ${x} ${y} Td (${textOf(text)}) Tj ET`);
  };
  const row = (label: string, value: string): void => {
    put("F1", 10, PAGE.left, label);
    put("F2", 10, Math.round(PAGE.right - value.length * 10 * COURIER_WIDTH), value);
    y -= LINE_HEIGHT;
  };
  put("F3", 18, PAGE.left, "Settlement report");
  y -= 2 * LINE_HEIGHT;
  row("Payment reference", settlement.payment_reference);
  row("From", iso(settlement.period_start));
  row("Until", iso(settlement.period_end));
  row("Transactions", String(settlement.transaction_count));
  row("Payout", settlement.payout === null ? "none, carried forward" : settlement.payout.status);
  y -= LINE_HEIGHT;
  for (const [name, amount] of Object.entries(totalsOf(settlement, lines))) {
    const label = name.replace(/_amount$/, "").replaceAll("_", " ");
    row(`${label.charAt(0).toUpperCase()}${label.slice(1)}`, moneyOf(amount, settlement.currency));
  }
  y -= LINE_HEIGHT;
  put("F1", 9, PAGE.left, "Made by a simulator. No money moves.");
  return parts.join("\n");
}

export function settlementPdf(settlement: Settlement, lines: readonly Line[]): Uint8Array {
  const content = contentOf(settlement, lines);
  const fonts = ["Helvetica", "Courier", "Helvetica-Bold"];
  const firstFont = 5;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${PAGE.width} ${PAGE.height}] /Contents 4 0 R /Resources << /Font << ${fonts
      .map((_, index) => `/F${index + 1} ${firstFont + index} 0 R`)
      .join(" ")} >> >> >>`,
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    ...fonts.map((name) => `<< /Type /Font /Subtype /Type1 /BaseFont /${name} >>`),
  ];
  let text = "%PDF-1.4\n";
  const offsets: number[] = [];
  for (const [index, object] of objects.entries()) {
    offsets.push(text.length);
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
  }
  const xref = text.length;
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n`;
  for (const offset of offsets) text += `${String(offset).padStart(10, "0")} 00000 n \n`;
  text += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${xref}\n%%EOF\n`;
  return new Uint8Array(Buffer.from(text, "latin1"));
}
