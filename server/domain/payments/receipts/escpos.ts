import type { Language } from "@/server/core/languages";
import { graphemeCells, graphemes } from "./cells";
import type { ReceiptContent } from "./content";
import { paperLines } from "./text";

/* Bytes for receipt printers that speak ESC/POS, with 42 columns in font A (80 mm paper at 203 dpi, cut off at 512 dots,
 * or 48 columns with a margin). Only text, bold, one QR code and the cut are used: every such printer has them. */

const ESC = 0x1b;
const GS = 0x1d;
const LF = 0x0a;

/** Tables of letters and the numbers that `ESC t` knows them by. */
const PAGES = {
  "windows-1252": 16,
  "windows-1250": 45,
  "windows-1253": 47,
} as const;
type CodePage = keyof typeof PAGES;
const EASTERN: ReadonlySet<Language> = new Set<Language>(["cs", "hu", "pl", "ro", "sk"]);

export function codePageOf(language: Language): CodePage {
  return language === "el" ? "windows-1253" : EASTERN.has(language) ? "windows-1250" : "windows-1252";
}

const tables = new Map<CodePage, ReadonlyMap<string, number>>();
function tableOf(page: CodePage): ReadonlyMap<string, number> {
  const known = tables.get(page);
  if (known) return known;
  const decoder = new TextDecoder(page);
  const made = new Map<string, number>();
  for (let byte = 0x20; byte <= 0xff; byte += 1) {
    const char = decoder.decode(Uint8Array.of(byte));
    // A byte without a letter decodes to a control character or to the mark of what cannot be read.
    if (!/[\p{Cc}\ufffd]/u.test(char)) made.set(char, byte);
  }
  tables.set(page, made);
  return made;
}

/** Letters that do not come apart into a plain one and a mark. */
const PLAIN: Readonly<Record<string, string>> = {
  ...{ ß: "ss", ẞ: "SS", æ: "ae", Æ: "AE", œ: "oe", Œ: "OE", ø: "o", Ø: "O", ł: "l", Ł: "L", đ: "d", Đ: "D", ð: "d" },
  ...{ þ: "th", Þ: "Th", ı: "i", ŋ: "n", "€": "EUR", "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "’": "'" },
  ...{ "‘": "'", "“": '"', "”": '"', "„": '"', "…": "...", "•": "*", "×": "x", "™": "TM" },
};

/** Text in letters that the page has: the nearest plain ones where it lacks some, question marks for other scripts. */
export function foldFor(page: CodePage): (text: string) => string {
  const table = tableOf(page);
  const has = (text: string): boolean => [...text].every((char) => table.has(char));
  return (text) =>
    graphemes(text.normalize("NFC"))
      .map((grapheme) => {
        if (has(grapheme)) return grapheme;
        const named = PLAIN[grapheme];
        if (named !== undefined) return named;
        // Romanian letters with a comma below are older than their code points: pages have them with a cedilla.
        const bare = grapheme.normalize("NFD").replace(/\p{M}/gu, "");
        return bare !== "" && has(bare) ? bare : "?".repeat(graphemeCells(grapheme));
      })
      .join("");
}

function bytesOf(text: string, table: ReadonlyMap<string, number>): number[] {
  return [...text].map((char) => table.get(char) ?? 0x3f);
}

/** Model 2, five dots a module, level M: store the data, then print what is stored. */
function codeBytes(value: string): number[] {
  const data = [...Buffer.from(value, "ascii")];
  const command = (code: number, ...rest: number[]): number[] => {
    const length = rest.length + 2;
    return [GS, 0x28, 0x6b, length & 0xff, length >> 8, 0x31, code, ...rest];
  };
  return [
    ...[ESC, 0x61, 1],
    ...command(0x41, 0x32, 0x00),
    ...command(0x43, 0x05),
    ...command(0x45, 0x31),
    ...command(0x50, 0x30, ...data),
    ...command(0x51, 0x30),
    ...[LF, ESC, 0x61, 0],
  ];
}

export function receiptEscpos({ language, blocks }: ReceiptContent): Buffer {
  const page = codePageOf(language);
  const table = tableOf(page);
  const bytes: number[] = [ESC, 0x40, ESC, 0x74, PAGES[page]];
  let isStrong = false;
  for (const line of paperLines(blocks, foldFor(page))) {
    if ("code" in line) {
      bytes.push(...codeBytes(line.code));
      continue;
    }
    if (line.isStrong !== isStrong) bytes.push(ESC, 0x45, line.isStrong ? 1 : 0);
    isStrong = line.isStrong;
    bytes.push(...bytesOf(line.text.trimEnd(), table), LF);
  }
  // Fed past the knife, then cut but for one point.
  bytes.push(ESC, 0x64, 4, GS, 0x56, 1);
  return Buffer.from(bytes);
}
