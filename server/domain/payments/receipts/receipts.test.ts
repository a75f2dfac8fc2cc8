import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";
import fc from "fast-check";
import jsQR from "jsqr";
import { expect, it } from "vitest";
import { LANGUAGES, type Language } from "@/server/core/languages";
import { timeZoneOf } from "@/server/core/time-zones";
import { cellsOf, cleanLine } from "./cells";
import { type ReceiptFacts, type Return, receiptContent, type SoldPayment } from "./content";
import { codePageOf, foldFor, receiptEscpos } from "./escpos";
import { RECEIPT_CSP, receiptHtml } from "./html";
import { receiptPdf } from "./pdf";
import { receiptText } from "./text";
import { RECEIPT_WORDS } from "./words";

const at = (text: string): Date => new Date(text);
const SALE: SoldPayment = {
  id: "pay_01KAJ5ZQ6M8N9P0R1S2T3V4W5X",
  mode: "live",
  state: "COMPLETED",
  amount: 129_950,
  currency: "SEK",
  reference: "ON4711",
  lineItems: [
    {
      name: "Wool jumper, hand-knitted in Dalarna with a very long name",
      quantity: 2,
      unit_price: 49_975,
      total_amount: 99_950,
      total_tax_amount: 19_990,
      tax_rate: 2_500,
    },
    { name: "Coffee", quantity: 1, unit_price: 30_000, total_amount: 30_000, total_tax_amount: 3_214, tax_rate: 1_200 },
  ],
  amountAuthorized: 129_950,
  amountCaptured: 129_950,
  amountVoided: 0,
  klarnaPaymentTransactionId: "krn:payment:eu1:transaction:6debe89e-98c0-486e-b7b4-08b1a1b0d9b8",
  klarnaReference: null,
  finalStartedAt: null,
  createdAt: at("2026-11-21T14:03:00Z"),
};
const RETURN: Return = {
  id: "ref_01KAJ6ZQ6M8N9P0R1S2T3V4W5X",
  state: "SUCCEEDED",
  amount: 49_975,
  lineItems: [
    {
      name: "Wool jumper",
      quantity: 1,
      unit_price: 49_975,
      total_amount: 49_975,
      total_tax_amount: 9_995,
      tax_rate: 2_500,
    },
  ],
  reference: "R-1",
  klarnaPaymentRefundId: "krn:payment:eu1:refund:11111111-98c0-486e-b7b4-08b1a1b0d9b8",
  createdAt: at("2026-11-23T09:00:00Z"),
};

function factsOf(
  given: {
    payment?: Partial<SoldPayment>;
    refund?: Partial<Return> | null;
    refunds?: Return[];
    place?: Partial<ReceiptFacts["place"]>;
    language?: Language;
  } = {},
): ReceiptFacts {
  const refund = given.refund ? { ...RETURN, ...given.refund } : null;
  return {
    payment: { ...SALE, ...given.payment },
    captures: [{ createdAt: at("2026-11-21T14:05:00Z") }],
    refunds: given.refunds ?? (refund ? [refund] : []),
    refund,
    language: given.language ?? "en",
    ...(given.language === undefined ? { locale: "en-GB" } : {}),
    place: {
      partnerName: "Nordkap Handel AB",
      brandName: "Nordkap",
      storeName: "Nordkap Drottninggatan",
      storeAddress: { street_address: "Drottninggatan 50", postal_code: "11121", city: "Stockholm", country: "SE" },
      country: "SE",
      terminalReference: "T-0042",
      terminalLabel: "Till 1",
      header: "Org. no. 556677-8899",
      footer: "Returns within 30 days.\nThank you!",
      timeZone: "Europe/Stockholm",
      ...given.place,
    },
  };
}
const textOf = (given: Parameters<typeof factsOf>[0] = {}): string =>
  receiptText(receiptContent(factsOf(given)).blocks);

it("a sale in 42 columns, word for word", () => {
  expect(textOf()).toBe(`                 Nordkap
          Nordkap Drottninggatan
            Drottninggatan 50
           11121 Stockholm, SE
            Nordkap Handel AB
           Org. no. 556677-8899
------------------------------------------
                 Receipt
Date                 21/11/2026, 15:05 CET
Terminal                   Till 1 (T-0042)
Reference                           ON4711
------------------------------------------
Wool jumper, hand-knitted in        999.50
Dalarna with a very long name
  2 x 499.75, Tax 25%
Coffee                              300.00
  1 x 300.00, Tax 12%
------------------------------------------
Total                         SEK 1,299.50
------------------------------------------
                 Net        Tax      Gross
25%           799.60     199.90     999.50
12%           267.86      32.14     300.00
------------------------------------------
Klarna                        SEK 1,299.50
------------------------------------------
Klarna reference
krn:payment:eu1:transaction:6debe89e-98c0-
486e-b7b4-08b1a1b0d9b8
Payment     pay_01KAJ5ZQ6M8N9P0R1S2T3V4W5X
         Returns within 30 days.
                Thank you!
`);
});

it("a return in Swedish, with what is left of the sale, and as under way while Klarna has not said so", () => {
  const text = textOf({ refund: {}, language: "sv" });
  expect(text).toContain("Retur\n");
  expect(text).toMatch(/^Wool jumper +499,75$/m);
  expect(text).toMatch(/^Retur +499,75 SEK$/m);
  expect(textOf({ language: "en" }), "English words, the figures of the country").toMatch(/^Total +1 299,50 SEK$/m);
  expect(text).toMatch(/^Köp 2026-11-21 +1 299,50 SEK$/m);
  expect(text).toMatch(/^Kvar efter returer +799,75 SEK$/m);
  expect(text).toContain(RETURN.id);
  expect(text.replace(/\s/g, "")).toContain(RETURN.klarnaPaymentRefundId);
  expect(text).not.toContain(RECEIPT_WORDS.sv.processing);
  const open = textOf({ refund: { state: "UNKNOWN", klarnaPaymentRefundId: null }, language: "sv" });
  expect(open).toContain(RECEIPT_WORDS.sv.processing);
  expect(open).not.toContain(RECEIPT_WORDS.sv.left);
});

it("what was charged in part, released and returned is on the receipt of the sale", () => {
  const text = textOf({
    payment: { state: "AUTHORIZED", amountCaptured: 60_000, amountVoided: 0 },
    refunds: [
      RETURN,
      { ...RETURN, id: "ref_2", amount: 25, createdAt: at("2026-11-24T09:00:00Z") },
      { ...RETURN, state: "FAILED" },
    ],
  });
  expect(text).toMatch(/^Charged +SEK 600\.00$/m);
  expect(text).toMatch(/^Charged later +SEK 699\.50$/m);
  expect(text).toMatch(/^Return 23\/11\/2026 +-SEK 499\.75$/m);
  expect(text).toMatch(/^Left after returns +SEK 100\.00$/m);
  expect(textOf({ payment: { amountCaptured: 60_000, amountVoided: 69_950 } })).toMatch(/^Released +SEK 699\.50$/m);
  expect(textOf({ payment: { state: "AUTHORIZATION_EXPIRED", amountCaptured: 0 } })).not.toContain("Charged later");
});

it("lines that do not add up to the amount are evened out in sight, and a tax that was not told is not made up", () => {
  const text = textOf({
    payment: { amount: 120_000, lineItems: SALE.lineItems.map(({ total_tax_amount: _, ...line }) => line) },
  });
  expect(text).toMatch(/^Other +-99\.50$/m);
  expect(text).not.toContain("Gross");
});

it("money of 0, 2 and 3 decimals is whole, however long", () => {
  const cases: [string, number, string][] = [
    ["JPY", 2_147_483_647, "JPY 2,147,483,647"],
    ["HUF", 2_147_483_647, "HUF 21,474,836.47"],
    ["KWD", 2_147_483_647, "KWD 2,147,483.647"],
    ["KWD", 5, "KWD 0.005"],
    ["JPY", 1, "JPY 1"],
  ];
  for (const [currency, amount, shown] of cases) {
    const lines = [
      { name: "All of it", quantity: 1, total_amount: amount, total_tax_amount: amount - 1, tax_rate: 2_500 },
    ];
    const text = textOf({ payment: { currency, amount, amountCaptured: amount, lineItems: lines } });
    expect(text, currency).toMatch(new RegExp(`^Total +${shown.replaceAll(".", "\\.")}$`, "m"));
    expect(text.match(new RegExp(shown.slice(4).replaceAll(".", "\\."), "g"))?.length, currency).toBeGreaterThanOrEqual(
      3,
    );
  }
});

it("test mode says so at both ends, in each language; live mode does not", () => {
  for (const language of LANGUAGES) {
    const lines = textOf({ payment: { mode: "test" }, language })
      .trimEnd()
      .split("\n");
    expect(lines[0]).toContain(RECEIPT_WORDS[language].test);
    expect(lines.at(-1)).toContain(RECEIPT_WORDS[language].test);
    expect(textOf({ language })).not.toContain(RECEIPT_WORDS[language].test);
  }
});

it("every language has every word, and all of them can be printed", () => {
  for (const language of LANGUAGES) {
    const fold = foldFor(codePageOf(language));
    for (const [name, word] of Object.entries(RECEIPT_WORDS[language])) {
      expect(word, `${language} ${name}`).not.toBe("");
      expect(fold(word), `${language} ${name}`).not.toContain("?");
    }
  }
});

const anyText = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 99 }),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 99 }),
  fc.constantFrom(
    "東京都渋谷区神宮前一丁目二番三号オモテサンドウ",
    "Żółć gęślą jaźń",
    "👨‍👩‍👧‍👦🇸🇪🇩🇪 family",
    "x".repeat(99),
    "\u202eevil\u0007\u001b[31m",
  ),
);

it("no line is longer than 42 cells and no control character gets through, whatever the names are", () => {
  fc.assert(
    fc.property(
      anyText,
      anyText,
      fc.constantFrom(...LANGUAGES),
      fc.constantFrom("JPY", "SEK", "KWD"),
      fc.integer({ min: 1, max: 2_147_483_647 }),
      (name, header, language, currency, amount) => {
        const line = {
          name,
          quantity: 0.333,
          unit_price: amount,
          total_amount: amount,
          total_tax_amount: 1,
          tax_rate: 1_234,
        };
        const facts = factsOf({
          payment: { currency, amount, reference: name, lineItems: [line], klarnaPaymentTransactionId: header },
          place: { header, footer: name, storeName: name, terminalLabel: header },
          language,
        });
        const content = receiptContent(facts);
        const text = receiptText(content.blocks);
        for (const row of text.split("\n")) expect(cellsOf(row), row).toBeLessThanOrEqual(42);
        expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
        for (const row of readEscpos(receiptEscpos(content)).lines) expect(cellsOf(row)).toBeLessThanOrEqual(42);
      },
    ),
    { numRuns: 80, seed: 20_261_121 },
  );
});

it("nothing of a long name is lost by wrapping", () => {
  const name = "Extraordinarilylongproductnamethatgoesonandonandonwithoutanyspace and words";
  expect(
    textOf({ payment: { lineItems: [{ name, quantity: 1, total_amount: 129_950 }] } }).replace(/[\s\d.,]/g, ""),
  ).toContain(name.slice(0, 20));
  const letters = textOf({ payment: { lineItems: [{ name, quantity: 1, total_amount: 129_950 }] } });
  for (const part of ["Extraordinarily", "withoutanyspace".slice(0, 6), "and words"]) expect(letters).toContain(part);
});

/** What a printer would do with the bytes: text by its code page, codes, cuts. Throws for a command that it does not know. */
function readEscpos(bytes: Buffer): { lines: string[]; codes: string[]; page: number; isCut: boolean } {
  const pages: Record<number, string> = { 16: "windows-1252", 45: "windows-1250", 47: "windows-1253" };
  const out = { lines: [] as string[], codes: [] as string[], page: -1, isCut: false };
  let line: number[] = [];
  let stored = "";
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i] ?? 0;
    const next = bytes[i + 1] ?? 0;
    if (byte === 0x0a) {
      out.lines.push(new TextDecoder(pages[out.page]).decode(Uint8Array.from(line)));
      line = [];
    } else if (byte === 0x1b && next === 0x40) i += 1;
    else if (byte === 0x1b && (next === 0x45 || next === 0x61 || next === 0x64)) i += 2;
    else if (byte === 0x1b && next === 0x74) {
      out.page = bytes[i + 2] ?? -1;
      i += 2;
    } else if (byte === 0x1d && next === 0x56) {
      out.isCut = true;
      i += 2;
    } else if (byte === 0x1d && next === 0x28 && bytes[i + 2] === 0x6b) {
      const length = (bytes[i + 3] ?? 0) + 256 * (bytes[i + 4] ?? 0);
      const data = bytes.subarray(i + 5, i + 5 + length);
      if (data[1] === 0x50) stored = data.subarray(3).toString("ascii");
      if (data[1] === 0x51) out.codes.push(stored);
      i += 4 + length;
    } else if (byte < 0x20) throw new Error(`a printer does not know ${byte.toString(16)} ${next.toString(16)}`);
    else line.push(byte);
  }
  return out;
}

it("the printer's bytes say the same, in letters of its code page, with the code and the cut", () => {
  const read = (language: Language, place = {}) =>
    readEscpos(receiptEscpos(receiptContent(factsOf({ language, place }))));
  const polish = read("pl", { header: "Żółć gęślą jaźń € 東京" });
  expect(polish).toMatchObject({ page: 45, codes: [SALE.id], isCut: true });
  expect(polish.lines.map((line) => line.trim())).toContain("Żółć gęślą jaźń € ????");
  const greek = read("el");
  expect(greek.page).toBe(47);
  expect(greek.lines.map((line) => line.trim())).toContain("Απόδειξη");
  const german = read("de", { header: "Straße Ⅷ – Dvořák, Kraków, ș" });
  expect(german).toMatchObject({ page: 16 });
  expect(german.lines.map((line) => line.trim())).toContain("Straße ? – Dvorák, Kraków, s");
  const { blocks } = receiptContent(factsOf());
  const master = receiptText(blocks).split("\n");
  expect(readEscpos(receiptEscpos({ title: "", language: "en", blocks })).lines.filter((line) => line !== "")).toEqual(
    [...master.filter((line) => line !== "")].toSpliced(-2, 0, `        ${RECEIPT_WORDS.en.scan}`),
  );
});

/** The text of a PDF of ours as a viewer finds it: glyphs by the font's own table of Unicode, line by line. */
function readPdf(pdf: Buffer): { text: string; size: [number, number] } {
  const file = pdf.toString("latin1");
  const objects = new Map(
    [...file.matchAll(/(\d+) 0 obj\n([\s\S]*?)\nendobj/g)].map((found) => [found[1] ?? "", found[2] ?? ""]),
  );
  const streamOf = (body: string): string => {
    const start = body.indexOf("stream\n") + 7;
    const raw = Buffer.from(body.slice(start, body.lastIndexOf("\nendstream")), "latin1");
    return (/FlateDecode/.test(body) ? inflateSync(raw) : raw).toString("latin1");
  };
  const fonts = new Map<string, Map<string, string>>();
  for (const body of objects.values()) {
    for (const [, name = "", id = ""] of body.matchAll(/\/(F\d+) (\d+) 0 R/g)) {
      const map = /\/ToUnicode (\d+) 0 R/.exec(objects.get(id) ?? "")?.[1];
      if (map === undefined) continue;
      const table = new Map<string, string>();
      for (const [, from = "", list = ""] of streamOf(objects.get(map) ?? "").matchAll(
        /<([0-9a-f]{4})> <[0-9a-f]{4}> \[([^\]]*)\]/gi,
      )) {
        [...list.matchAll(/<([0-9a-f]*)>/gi)].forEach((found, index) => {
          const glyph = (Number.parseInt(from, 16) + index).toString(16).padStart(4, "0");
          table.set(
            glyph,
            Buffer.from(found[1] ?? "", "hex")
              .swap16()
              .toString("utf16le"),
          );
        });
      }
      fonts.set(name, table);
    }
  }
  const page = [...objects.values()].find((body) => /\/Type \/Page\b[^s]/.test(body)) ?? "";
  const content = streamOf(objects.get(/\/Contents (\d+) 0 R/.exec(page)?.[1] ?? "") ?? "");
  const lines = [...content.matchAll(/BT\n([\s\S]*?)ET/g)].map(([, body = ""]) => {
    const table = fonts.get(/\/(F\d+)/.exec(body)?.[1] ?? "");
    return [...body.matchAll(/<([0-9a-f]+)>/gi)]
      .flatMap(([, hex = ""]) => hex.match(/.{4}/g) ?? [])
      .map((glyph) => {
        if (glyph === "0000") throw new Error("a letter that the font does not have");
        return table?.get(glyph.toLowerCase()) ?? "\ufffd";
      })
      .join("");
  });
  const [, width, height] = /\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/.exec(page) ?? [];
  return { text: lines.join("\n"), size: [Number(width), Number(height)] };
}

it("the PDF has the 42 columns as text, with the letters of every language in it", async () => {
  for (const language of LANGUAGES) {
    const content = receiptContent(
      factsOf({ language, refund: {}, place: { header: "Žluťoučký kůň, Łódź, őű, Ελλάδα, ăâîșț € 東京" } }),
    );
    const pdf = await receiptPdf(content, SALE.createdAt);
    expect(pdf.subarray(0, 5).toString()).toBe("%PDF-");
    const { text, size } = readPdf(pdf);
    for (const word of [
      RECEIPT_WORDS[language].returned,
      RECEIPT_WORDS[language].klarnaReference,
      "Žluťoučký",
      "Łódź",
      "őű",
      "Ελλάδα",
      "ăâîșț",
      "????",
    ]) {
      expect(text, language).toContain(word);
    }
    expect(text.replace(/\s/g, "")).toContain(`${SALE.klarnaPaymentTransactionId}`);
    expect(size[0]).toBeCloseTo(226.77, 1);
  }
});

it("the same receipt is the same PDF, and the longest line ends on the paper", async () => {
  const content = receiptContent(factsOf());
  const [first, second] = [await receiptPdf(content, SALE.createdAt), await receiptPdf(content, SALE.createdAt)];
  expect(first.equals(second)).toBe(true);
  expect(
    readPdf(first)
      .text.split("\n")
      .some((line) => line.length === 42),
  ).toBe(true);
});

const XSS = [
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "<svg/onload=alert(1)>",
  "</style><script>alert(1)</script>",
  "</title><script>alert(1)</script>",
  "javascript:alert(1)",
  "' onmouseover='alert(1)",
  "<iframe srcdoc='<script>alert(1)</script>'>",
  "<!--<script>alert(1)//-->",
  "&lt;script&gt;alert(1)&lt;/script&gt;",
  "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
];

it("S21: names that are markup stay text on the page, and the page may run nothing", () => {
  for (const payload of XSS) {
    const lines = [{ name: payload, quantity: 1, total_amount: 129_950 }];
    const html = receiptHtml(
      receiptContent(
        factsOf({
          payment: { reference: payload, lineItems: lines, klarnaPaymentTransactionId: payload },
          place: {
            partnerName: payload,
            brandName: payload,
            storeName: payload,
            header: payload,
            footer: payload,
            terminalLabel: payload,
          },
        }),
      ),
    );
    const tags = new Set([...html.matchAll(/<\/?([a-zA-Z!][\w-]*)/g)].map((found) => found[1]));
    const known = "!doctype html head meta title style body main p span hr h1 figure figcaption svg path table".split(
      " ",
    );
    expect(
      [...tags].filter((tag) => !known.includes(tag ?? "")),
      payload,
    ).toEqual([]);
    expect(html.match(/<style>/g)).toHaveLength(1);
    expect(html).not.toMatch(/<[^>]*\son\w+\s*=/i);
  }
  const content = receiptContent(factsOf());
  expect(receiptHtml(content, '"><script>')).toContain('<style nonce="&quot;&gt;&lt;script&gt;">');
  const style = /<style>([\s\S]*)<\/style>/.exec(receiptHtml(content))?.[1] ?? "";
  expect(RECEIPT_CSP).toContain(`'sha256-${createHash("sha256").update(style).digest("base64")}'`);
  expect(RECEIPT_CSP).toContain("default-src 'none'");
  expect(RECEIPT_CSP).not.toContain("unsafe");
});

it("the page names its language and its heading, and its code leads a clerk to the payment", () => {
  const html = receiptHtml(receiptContent(factsOf({ language: "de" })));
  expect(html).toContain('<html lang="de">');
  expect(html).toContain("<h1>Beleg</h1>");
  const whole = Number(/viewBox="0 0 (\d+)/.exec(html)?.[1]);
  const side = whole * 6;
  const data = new Uint8ClampedArray(side * side * 4).fill(255);
  const dark = /fill="#000" d="([^"]+)"/.exec(html)?.[1] ?? "";
  for (const [, x, y, width] of dark.matchAll(/M(\d+) (\d+)h(\d+)v1/g)) {
    for (let row = Number(y) * 6; row < Number(y) * 6 + 6; row += 1) {
      for (let column = Number(x) * 6; column < (Number(x) + Number(width)) * 6; column += 1)
        data.fill(0, (row * side + column) * 4, (row * side + column) * 4 + 3);
    }
  }
  expect(jsQR(data, side, side)?.data).toBe(SALE.id);
});

it("clocks are those of the store", () => {
  expect(timeZoneOf({ country: "US", region: "CA" })).toBe("America/Los_Angeles");
  expect(timeZoneOf({ country: "US", region: "US-TX" })).toBe("America/Chicago");
  expect(timeZoneOf({ country: "US", region: null })).toBe("America/New_York");
  expect(timeZoneOf({ country: "GR" })).toBe("Europe/Athens");
  expect(timeZoneOf({ country: "GR", setting: "auto" })).toBe("Europe/Athens");
  expect(timeZoneOf({ country: "GR", setting: "Pacific/Auckland" })).toBe("Pacific/Auckland");
  expect(timeZoneOf({ country: null })).toBe("UTC");
  expect(textOf({ place: { timeZone: "America/Los_Angeles" } })).toContain("06:05");
  expect(cleanLine("a\u001b[31m\u202eb\u00a0c")).toBe("a [31m b c");
});
