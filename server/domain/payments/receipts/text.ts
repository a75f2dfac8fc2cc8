import { cellsOf, centerCells, padEndCells, padStartCells, wrapCells } from "./cells";
import type { Block, TaxRow } from "./content";

export const RECEIPT_COLUMNS = 42;
/** A line of paper, or the place where the code is printed. */
export type PaperLine = { text: string; isStrong: boolean } | { code: string };

/**
 * The blocks as lines of 42 cells: what text, PDF and printers share. `fold` makes every text printable where it goes,
 * before it is measured.
 */
export function paperLines(blocks: readonly Block[], fold: (text: string) => string = (text) => text): PaperLine[] {
  return blocks.flatMap((block) => linesOf(block, fold));
}

const plain = (lines: readonly string[], isStrong = false): PaperLine[] => lines.map((text) => ({ text, isStrong }));

function linesOf(block: Block, fold: (text: string) => string): PaperLine[] {
  const width = RECEIPT_COLUMNS;
  switch (block.kind) {
    case "rule":
      return plain(["-".repeat(width)]);
    case "center":
      return plain(
        wrapCells(fold(block.text), width).map((line) => centerCells(line, width)),
        block.isStrong,
      );
    case "title":
      return plain(
        wrapCells(fold(block.text), width).map((line) => centerCells(line, width)),
        true,
      );
    case "pair":
      return plain(pair(fold(block.left), fold(block.right)), block.isStrong);
    case "item":
      return plain([
        ...pair(fold(block.name), fold(block.amount)),
        ...(block.details === "" ? [] : wrapCells(fold(block.details), width - 2).map((line) => `  ${line}`)),
      ]);
    case "reference":
      return plain(reference(fold(block.label), fold(block.value)));
    case "note":
      return plain(wrapCells(fold(block.text), width));
    case "tax":
      return plain(
        taxLines(
          block.head.map(fold),
          block.rows.map((row) => foldRow(row, fold)),
        ),
      );
    case "code":
      return [
        { code: block.value },
        ...plain(wrapCells(fold(block.label), width).map((line) => centerCells(line, width))),
      ];
  }
}

/** Left text wrapped beside right text; where that leaves too little room, one under the other. No figure is cut. */
function pair(left: string, right: string): string[] {
  const room = RECEIPT_COLUMNS - cellsOf(right) - 1;
  const [first = "", ...rest] = wrapCells(left, Math.max(room, 1));
  const isTight = room < 10 && cellsOf(left) > room;
  if (isTight || room < 1) {
    return [
      ...wrapCells(left, RECEIPT_COLUMNS),
      ...wrapCells(right, RECEIPT_COLUMNS).map((line) => padStartCells(line, RECEIPT_COLUMNS)),
    ];
  }
  return [padEndCells(first, room + 1) + right, ...rest];
}

/** Beside its label, or below it from the left: a reference is read and typed as one. */
function reference(label: string, value: string): string[] {
  const fits = cellsOf(label) + 1 + cellsOf(value) <= RECEIPT_COLUMNS;
  return fits ? pair(label, value) : [...wrapCells(label, RECEIPT_COLUMNS), ...wrapCells(value, RECEIPT_COLUMNS)];
}

const foldRow = (row: TaxRow, fold: (text: string) => string): TaxRow => ({
  rate: fold(row.rate),
  net: fold(row.net),
  tax: fold(row.tax),
  gross: fold(row.gross),
});

/** Four columns; where a figure is too long for its own, each on a line. */
function taxLines(head: readonly string[], rows: readonly TaxRow[]): string[] {
  const [net = "", tax = "", gross = ""] = head;
  const columns = [9, 11, 11, 11];
  const table = [["", net, tax, gross], ...rows.map((row) => [row.rate, row.net, row.tax, row.gross])];
  const fits = table.every((cells) => cells.every((cell, at) => cellsOf(cell) < (columns[at] ?? 0)));
  if (!fits) {
    return rows.flatMap((row) => [
      ...wrapCells(row.rate, RECEIPT_COLUMNS),
      ...pair(net, row.net),
      ...pair(tax, row.tax),
      ...pair(gross, row.gross),
    ]);
  }
  return table.map((cells) =>
    cells
      .map((cell, at) => (at === 0 ? padEndCells(cell, columns[at] ?? 0) : padStartCells(cell, columns[at] ?? 0)))
      .join(""),
  );
}

/** Plain text, 42 columns, line ends as in any text. The code needs a picture: its text stands there already. */
export function receiptText(blocks: readonly Block[]): string {
  const lines = paperLines(blocks.filter((block) => block.kind !== "code"));
  return `${lines.flatMap((line) => ("code" in line ? [] : [line.text.trimEnd()])).join("\n")}\n`;
}
