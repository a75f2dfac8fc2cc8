import { readFile } from "node:fs/promises";
import path from "node:path";
import { qrMatrix } from "@/server/core/qr";
import { graphemeCells, graphemes } from "./cells";
import type { ReceiptContent } from "./content";
import { paperLines, RECEIPT_COLUMNS } from "./text";

/** Paper of 80 millimetres, in points; as long as what is printed on it. */
const PAPER_WIDTH = 226.77;
const MARGIN = 11;
const LINE_HEIGHT = 11.5;
const CODE_SIDE = 96;
/** Every glyph of DejaVu Sans Mono is this wide, in ems. */
const GLYPH_EMS = 1233 / 2048;
const FONT_SIZE = (PAPER_WIDTH - 2 * MARGIN) / RECEIPT_COLUMNS / GLYPH_EMS;
const FONT_FOLDER = "node_modules/dejavu-fonts-ttf/ttf";

type Fonts = { regular: Buffer; strong: Buffer };
let fonts: Promise<Fonts> | null = null;
/**
 * Greek, Czech, Polish and Hungarian letters, which the fonts inside of PDF viewers do not have. Read once; what could not be
 * read is read again by the next receipt.
 */
function loadFonts(): Promise<Fonts> {
  const load = (name: string): Promise<Buffer> => readFile(path.join(process.cwd(), FONT_FOLDER, name));
  fonts ??= Promise.all([load("DejaVuSansMono.ttf"), load("DejaVuSansMono-Bold.ttf")]).then(
    ([regular, strong]) => ({ regular, strong }),
    (error: unknown) => {
      fonts = null;
      throw error;
    },
  );
  return fonts;
}

/** Latin, Greek, Cyrillic, punctuation and currencies: all of them are in the font. */
const COVERED =
  /^[ -~\u00a0-\u017f\u0218-\u021b\u0386-\u038a\u038c\u038e-\u03a1\u03a3-\u03ce\u0400-\u045f\u1e9e\u2010-\u2015\u2018-\u201e\u2020-\u2022\u2026\u2030\u2032\u2033\u2039\u203a\u20ac\u2116\u2122\u2212\u00d7]$/u;

/** What the font cannot show becomes question marks of the same width, so that columns stay columns. */
function fold(text: string): string {
  return graphemes(text.normalize("NFC"))
    .map((grapheme) => (COVERED.test(grapheme) ? grapheme : "?".repeat(graphemeCells(grapheme))))
    .join("");
}

/**
 * The 42 columns on a page as wide as the paper of a till, its fonts in it and its text as text. `at` is the moment of the
 * receipt, not of its printing: the same receipt is the same file.
 */
export async function receiptPdf(content: ReceiptContent, at: Date): Promise<Buffer> {
  const [{ default: PDFDocument }, { regular, strong }] = await Promise.all([import("pdfkit"), loadFonts()]);
  const lines = paperLines(content.blocks, fold);
  const height = lines.reduce((sum, line) => sum + ("code" in line ? CODE_SIDE + LINE_HEIGHT : LINE_HEIGHT), 0);
  const document = new PDFDocument({
    size: [PAPER_WIDTH, height + 2 * MARGIN],
    margin: 0,
    font: "",
    lang: content.language,
    pdfVersion: "1.7",
    info: { Title: content.title, Producer: "Tillgate", Creator: "Tillgate", CreationDate: at, ModDate: at },
  });
  const chunks: Buffer[] = [];
  const done = new Promise<Buffer>((resolve, reject) => {
    document.on("data", (chunk: Buffer) => chunks.push(chunk));
    document.on("end", () => resolve(Buffer.concat(chunks)));
    document.on("error", reject);
  });
  document.registerFont("regular", regular).registerFont("strong", strong);
  let y = MARGIN;
  for (const line of lines) {
    if ("code" in line) {
      drawCode(document, line.code, y);
      y += CODE_SIDE + LINE_HEIGHT;
      continue;
    }
    document.font(line.isStrong ? "strong" : "regular", FONT_SIZE);
    document.text(line.text, MARGIN, y, { lineBreak: false });
    y += LINE_HEIGHT;
  }
  document.end();
  return done;
}

function drawCode(document: PDFKit.PDFDocument, value: string, top: number): void {
  const matrix = qrMatrix(value, "M");
  const side = CODE_SIDE / (matrix.size + 8);
  const left = (PAPER_WIDTH - CODE_SIDE) / 2 + 4 * side;
  for (let row = 0; row < matrix.size; row += 1) {
    for (let column = 0; column < matrix.size; column += 1) {
      if (matrix.isDark(column, row)) document.rect(left + column * side, top + (row + 4) * side, side, side);
    }
  }
  document.fill("#000000");
}
