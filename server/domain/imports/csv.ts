import { AppError } from "@/server/core/errors";
import { IMPORT_BYTES_MAX, IMPORT_CELL_MAX, IMPORT_COLUMNS_MAX } from "./states";

/* Files of rows as people have them: UTF-8 with or without a mark, UTF-16, Windows-1252; commas, semicolons, tabs. */

export type Table = { head: string[]; rows: { number: number; cells: string[] }[] };

const refused = (detail: string): AppError =>
  new AppError("validation_failed", { detail, errors: [{ pointer: "/file", detail }] });

const TYPES = [
  "text/csv",
  "text/plain",
  "text/tab-separated-values",
  "application/csv",
  // What Windows says of .csv files once Excel is installed.
  "application/vnd.ms-excel",
  "application/octet-stream",
  "",
];

/** What other kinds of file begin with. A name and a type prove nothing. */
const OTHER_FILES: readonly (readonly [bytes: readonly number[], words: string])[] = [
  [[0x50, 0x4b], "This is a spreadsheet or an archive. Save the sheet as CSV first."],
  [[0xd0, 0xcf, 0x11, 0xe0], "This is an old spreadsheet. Save the sheet as CSV first."],
  [[0x1f, 0x8b], "This is an archive. Unpack it first."],
  [[0x42, 0x5a, 0x68], "This is an archive. Unpack it first."],
  [[0xfd, 0x37, 0x7a], "This is an archive. Unpack it first."],
  [[0x37, 0x7a, 0xbc, 0xaf], "This is an archive. Unpack it first."],
  [[0x25, 0x50, 0x44, 0x46], "This is a PDF. A CSV file is needed."],
  [[0x89, 0x50, 0x4e, 0x47], "This is a picture. A CSV file is needed."],
];

/** The last part of a file's name, on one line; folders and control characters are no part of a name. */
export function fileNameOf(given: string): string {
  const last = given.split(/[/\\]/).at(-1) ?? "";
  const plain = last.replace(/[\p{Cc}\p{Cf}\u2028\u2029<>:"|?*]/gu, "").replace(/^\.+/, "");
  return plain.trim().slice(-120);
}

/** Errors: validation_failed (name, another kind of file), content_type_unsupported, body_too_large. */
export function requireTableFile(file: { name: string; contentType: string; bytes: Uint8Array }): string {
  const name = fileNameOf(file.name);
  if (!/\.(csv|tsv|txt)$/i.test(name)) throw refused("The name of the file must end in .csv, .tsv or .txt.");
  const type = (file.contentType.split(";")[0] ?? "").trim().toLowerCase();
  if (!TYPES.includes(type))
    throw new AppError("content_type_unsupported", { detail: "A CSV file is needed.", params: { type: "unknown" } });
  if (file.bytes.length > IMPORT_BYTES_MAX)
    throw new AppError("body_too_large", { detail: "The file is larger than 8 MB. Split it." });
  if (file.bytes.length === 0) throw refused("The file is empty.");
  const other = OTHER_FILES.find(([start]) => start.every((byte, at) => file.bytes[at] === byte));
  if (other) throw refused(other[1]);
  return name;
}

/** The text of a file. Errors: validation_failed (not text). */
export function decodeText(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return clean(new TextDecoder("utf-16le").decode(bytes));
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return clean(new TextDecoder("utf-16be").decode(bytes));
  try {
    return clean(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof AppError) throw error;
    // Whatever is not UTF-8 was most likely written by a spreadsheet on Windows.
    return clean(new TextDecoder("windows-1252").decode(bytes));
  }
}

function clean(text: string): string {
  if (text.includes("\u0000")) throw refused("This is not a text file. A CSV file is needed.");
  return text.replace(/^\uFEFF/, "");
}

const DELIMITERS = [",", ";", "\t", "|"] as const;
const SAMPLE_RECORDS = 20;

/** The sign that gives most columns that all of the first rows have. */
export function findDelimiter(text: string): string {
  let best: { sign: string; score: number } = { sign: ",", score: 0 };
  for (const sign of DELIMITERS) {
    const widths: number[] = [];
    for (const record of records(text, sign)) {
      if (!isBlank(record.cells)) widths.push(record.cells.length);
      if (widths.length >= SAMPLE_RECORDS) break;
    }
    const first = widths[0] ?? 0;
    const score = first < 2 ? 0 : first * (widths.filter((width) => width === first).length / widths.length) ** 2;
    if (score > best.score) best = { sign, score };
  }
  return best.sign;
}

const isBlank = (cells: readonly string[]): boolean => cells.every((cell) => cell.trim() === "");

/** Records of RFC 4180, with any line end; a quote that opens in the middle of a cell is an ordinary character. */
function* records(text: string, delimiter: string): Generator<{ cells: string[]; isOpen: boolean }> {
  let at = 0;
  let cells: string[] = [];
  const length = text.length;
  while (at < length) {
    let cell = "";
    let isOpen = false;
    if (text[at] === '"') {
      at += 1;
      isOpen = true;
      while (at < length) {
        const next = text.indexOf('"', at);
        if (next === -1) {
          cell += text.slice(at);
          at = length;
          break;
        }
        cell += text.slice(at, next);
        at = next + 1;
        if (text[at] !== '"') {
          isOpen = false;
          break;
        }
        cell += '"';
        at += 1;
      }
    }
    const start = at;
    while (at < length && text[at] !== delimiter && text[at] !== "\n" && text[at] !== "\r") at += 1;
    cells.push(cell + text.slice(start, at));
    if (text[at] === delimiter) {
      at += 1;
      if (at === length) cells.push("");
      else continue;
    }
    if (text[at] === "\r" && text[at + 1] === "\n") at += 1;
    at += 1;
    yield { cells, isOpen };
    cells = [];
  }
}

/**
 * Reads a file's text: head and rows, numbered as records of the file, the head being 1. Blank rows count but are left out.
 *
 * Errors: validation_failed (no head, a head twice, too many columns or rows, a cell too long, a quote that never ends).
 */
export function readTable(text: string, rowsMax: number): Table {
  const separated = /^sep=(.)\r?\n/i.exec(text);
  const body = separated ? text.slice(separated[0].length) : text;
  const delimiter = separated?.[1] ?? findDelimiter(body);
  let number = separated ? 1 : 0;
  let head: string[] | null = null;
  const rows: Table["rows"] = [];
  for (const record of records(body, delimiter)) {
    number += 1;
    if (record.isOpen) throw refused(`A quotation mark in row ${number} is never closed.`);
    if (isBlank(record.cells)) continue;
    if (record.cells.some((cell) => cell.length > IMPORT_CELL_MAX))
      throw refused(`A cell in row ${number} is longer than ${IMPORT_CELL_MAX} characters.`);
    if (head === null) {
      head = readHead(record.cells);
      continue;
    }
    if (rows.length >= rowsMax) throw refused(`The file has more than ${rowsMax.toLocaleString("en")} rows. Split it.`);
    rows.push({ number, cells: record.cells });
  }
  if (head === null) throw refused("The file is empty.");
  if (rows.length === 0) throw refused("The file has a head but no rows.");
  return { head, rows };
}

function readHead(cells: readonly string[]): string[] {
  const head = cells.map((cell) => cell.trim());
  while (head.at(-1) === "") head.pop();
  if (head.length > IMPORT_COLUMNS_MAX) throw refused(`The file has more than ${IMPORT_COLUMNS_MAX} columns.`);
  if (head.some((name) => name === "")) throw refused("A column has no name in the first row.");
  const twice = head.find((name, at) => head.indexOf(name) !== at);
  if (twice !== undefined) throw refused("Two columns have the same name in the first row.");
  return head;
}
