import { expect, it } from "vitest";
import { decodeText, fileNameOf, findDelimiter, readTable, requireTableFile } from "./csv";
import { cellsOf, readStore } from "./read-rows";
import { guessColumns } from "./schema";

const bytes = (...values: number[]) => Uint8Array.from(values);
const utf8 = (text: string) => new TextEncoder().encode(text);
const file = (content: Uint8Array, name = "stores.csv", contentType = "text/csv") => ({
  name,
  contentType,
  bytes: content,
});

it.each([
  ["UTF-8", utf8("reference,name\nS-1,Café Zürich\n")],
  ["UTF-8 with a mark", utf8("\uFEFFreference,name\nS-1,Café Zürich\n")],
  ["UTF-16 little end first", new Uint8Array(Buffer.from("\uFEFFreference,name\nS-1,Café Zürich\n", "utf16le"))],
  ["UTF-16 big end first", new Uint8Array(Buffer.from("\uFEFFreference,name\nS-1,Café Zürich\n", "utf16le").swap16())],
  ["Windows-1252", new Uint8Array(Buffer.from("reference,name\nS-1,Café Zürich\n", "latin1"))],
])("a file in %s is read as it was meant", (_name, content) => {
  const table = readTable(decodeText(content), 10);
  expect(table.head).toEqual(["reference", "name"]);
  expect(table.rows).toEqual([{ number: 2, cells: ["S-1", "Café Zürich"] }]);
});

it.each([
  [",", "a,b,c\n1,2,3\n"],
  [";", "a;b;c\n1,5;2;3\n1,5;2;3\n"],
  ["\t", "a\tb\n1;2,3\t4\n"],
  ["|", "a|b|c\n1|2|3\n"],
  [",", "alone\nrow\n"],
])("the delimiter %j is found", (sign, text) => {
  expect(findDelimiter(text)).toBe(sign);
});

it("quotes, line ends inside cells, any line end, blank rows and Excel's first line are read", () => {
  const text = 'sep=;\r\nreference;name\r\n"S;1";"He said ""hi""\r\nand left"\r\n\r\n;;\nS-2;plain"quote\rS-3;';
  expect(readTable(text, 10)).toEqual({
    head: ["reference", "name"],
    rows: [
      { number: 3, cells: ["S;1", 'He said "hi"\r\nand left'] },
      { number: 6, cells: ["S-2", 'plain"quote'] },
      { number: 7, cells: ["S-3", ""] },
    ],
  });
});

it.each([
  ["a quote without end", 'a,b\n"1,2\n', /never closed/],
  ["no rows", "a,b\n", /no rows/],
  ["nothing at all", "\n\n", /empty/],
  ["a head twice", "a,a\n1,2\n", /same name/],
  ["a column without a name", "a,,b\n1,2,3\n", /no name/],
  ["too many rows", `a\n${"1\n".repeat(11)}`, /more than 10 rows/],
  ["a cell that is far too long", `a\n${"x".repeat(2001)}\n`, /longer than/],
  ["too many columns", `${Array.from({ length: 61 }, (_, at) => `c${at}`).join(",")}\n1\n`, /columns/],
])("%s is refused with a sentence", (_name, text, sentence) => {
  expect(() => readTable(text, 10)).toThrow(sentence);
});

it.each([
  ["a workbook or zip", bytes(0x50, 0x4b, 0x03, 0x04, 0x14)],
  ["an old workbook", bytes(0xd0, 0xcf, 0x11, 0xe0, 0xa1)],
  ["a gzip archive", bytes(0x1f, 0x8b, 0x08, 0x00)],
  ["a PDF", utf8("%PDF-1.7")],
  ["a picture", bytes(0x89, 0x50, 0x4e, 0x47)],
  ["nothing", bytes()],
])("S43: %s named .csv is refused", (_name, content) => {
  expect(() => requireTableFile(file(content))).toThrow(/validation_failed/);
});

it("S43: other names, other types and files over 8 MB are refused; binary content is no text", () => {
  const text = utf8("a,b\n1,2\n");
  for (const name of ["stores.xlsx", "stores.zip", "stores.csv.exe", "stores", ".csv/"])
    expect(() => requireTableFile(file(text, name))).toThrow(/validation_failed/);
  for (const type of ["application/zip", "text/html", "image/png", "application/json"])
    expect(() => requireTableFile(file(text, "stores.csv", type))).toThrow(/content_type_unsupported/);
  expect(() => requireTableFile(file(new Uint8Array(8 * 1024 * 1024 + 1).fill(65)))).toThrow(/body_too_large/);
  expect(() => decodeText(bytes(0x61, 0x00, 0x62))).toThrow(/not a text file/);
});

it.each([
  ["../../etc/passwd.csv", "passwd.csv"],
  ["C:\\Users\\me\\stores.csv", "stores.csv"],
  ["..\\..\\stores.csv", "stores.csv"],
  ["...csv", "csv"],
  ["st\u0000or\u202ees\n.csv", "stores.csv"],
  ['<img src=x onerror="x">.csv', "img src=x onerror=x.csv"],
])("S43: the name %j is kept as %j", (given, kept) => {
  expect(fileNameOf(given)).toBe(kept);
});

it("columns are guessed by what people call them, each column once", () => {
  expect(guessColumns("STORES", ["Store number", "Store name", "Straße", "PLZ", "Ort", "Land", "Store-Group"])).toEqual(
    {
      reference: "Store number",
      name: "Store name",
      postal_code: "PLZ",
      city: "Ort",
      country: "Land",
      store_group: "Store-Group",
    },
  );
  expect(guessColumns("TERMINALS", ["store", "reference", "label", "device", "can_show_qr"])).toEqual({
    store: "store",
    reference: "reference",
    label: "label",
    device: "device",
    can_show_qr: "can_show_qr",
  });
});

it("a corrected file comes back without the marks that the export put before formulas", () => {
  const head = ["reference", "name", "type", "url", "store_group", "support_phone"];
  const columns = Object.fromEntries(head.map((name) => [name, name]));
  const row = ["'-7", "'Quoted' name", "website", "shop.example", "g", "'+49 30 123456"];
  expect(readStore(cellsOf(head, columns, row), "DE").value).toMatchObject({
    reference: "-7",
    name: "'Quoted' name",
    supportPhone: "+4930123456",
  });
});
