/** What a spreadsheet would run as a formula. A number may be negative; anything else is text. */
const FORMULA = /^[=+\-@\t\r\n|%＝＋－＠]/;
const NUMBER = /^-?\d+(\.\d+)?$/;

/** One line of CSV (RFC 4180). Text that a spreadsheet would take for a formula is marked as text. */
export function csvLine(cells: ReadonlyArray<string | null>): string {
  return `${cells.map((cell) => csvCell(cell ?? "")).join(",")}\r\n`;
}

function csvCell(text: string): string {
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) || safe !== text ? `"${safe.replaceAll('"', '""')}"` : safe;
}
