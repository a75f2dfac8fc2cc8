import { crc32, deflateSync } from "node:zlib";
import fc from "fast-check";
import jsQR from "jsqr";
import { PNG } from "pngjs";
import { expect, it } from "vitest";
import { QR_CORRECTIONS, type QrLook, qrMatrix, qrProblem, qrSvg } from "@/server/core/qr";
import { readLogo } from "@/server/domain/partners/brand-logo";
import { chosenLook, QrQuerySchema, qrPng, requireScannable } from "./qr";

const TARGET = "https://pay.klarna.com/na/requests/5f3e7a60-3f7c-4c61-9a25-5b8a1b0d9b8a/start";
const STORED = { margin: 4, dark: "#0b051d", light: "#ffffff", ecc: "M", logo: null } as const;
const look = (query: Record<string, string | undefined>, hasLogo = false): QrLook =>
  chosenLook(QrQuerySchema.parse(query), STORED, hasLogo);

/** A logo as loud as they come: stripes in the colours of the code. */
function stripes(): Buffer {
  const png = new PNG({ width: 60, height: 40 });
  for (let at = 0; at < 60 * 40; at += 1) png.data.set(at % 8 < 4 ? [0, 0, 0, 255] : [255, 255, 255, 255], at * 4);
  return PNG.sync.write(png);
}
const LOGO = readLogo(stripes());

/** An independent decoder, which is not told to try the code inverted: a camera at a till may not. */
function decode(png: Buffer): { size: number; text: string | undefined } {
  const { width, height, data } = PNG.sync.read(png);
  const found = jsQR(new Uint8ClampedArray(data), width, height, { inversionAttempts: "dontInvert" });
  return { size: width === height ? width : 0, text: found?.data };
}

/** What a camera sees of the SVG: its rectangles painted at eight pixels a module. */
function paint(svg: string): { data: Uint8ClampedArray; size: number } {
  const whole = Number(/viewBox="0 0 (\d+)/.exec(svg)?.[1]);
  const size = whole * 8;
  const data = new Uint8ClampedArray(size * size * 4).fill(255);
  const [, dark = ""] = [...svg.matchAll(/ d="([^"]+)"/g)].map((match) => match[1]);
  for (const [, x, y, width] of dark.matchAll(/M(\d+) (\d+)h(\d+)v1/g)) {
    for (let row = Number(y) * 8; row < Number(y) * 8 + 8; row += 1) {
      for (let column = Number(x) * 8; column < (Number(x) + Number(width)) * 8; column += 1)
        data.fill(0, (row * size + column) * 4, (row * size + column) * 4 + 3);
    }
  }
  return { data, size };
}

const channel = fc.integer({ min: 0, max: 255 });
const colour = fc
  .tuple(channel, channel, channel)
  .map((parts) => `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`);
/** Half of all pairs drawn blindly are refused: dark ones and light ones meet more often here. */
const dark = fc.oneof(colour, fc.constantFrom("#000000", "#0b051d", "#5b1010", "#003c8f"));
const light = fc.oneof(colour, fc.constantFrom("#ffffff", "#ffb3c7", "#fff176", "#d0d0d0"));

it("KNR-L2: whatever look is accepted is read back from the picture by an independent decoder; whatever is refused says why", async () => {
  const seen = { accepted: 0, refused: new Set<string>() };
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        size: fc.integer({ min: 120, max: 360 }),
        margin: fc.integer({ min: 0, max: 16 }),
        dark,
        light,
        ecc: fc.constantFrom(...QR_CORRECTIONS),
        logo: fc.option(fc.integer({ min: 10, max: 30 })),
      }),
      fc.integer({ min: 0, max: 60 }),
      async (chosen, tail) => {
        const text = `${TARGET}?${"x".repeat(tail)}`;
        const problem = qrProblem(chosen, qrMatrix(text, chosen.ecc).size);
        if (problem !== null) {
          expect(problem.detail.length).toBeGreaterThan(5);
          seen.refused.add(problem.field);
          return;
        }
        seen.accepted += 1;
        const picture = decode(await qrPng(text, chosen, chosen.logo === null ? null : LOGO));
        expect(picture).toEqual({ size: chosen.size, text });
      },
    ),
    { numRuns: 350, seed: 20_261_121 },
  );
  expect(seen.accepted).toBeGreaterThan(40);
  expect([...seen.refused].sort()).toEqual(["dark", "ecc", "light", "logo", "margin", "size"]);
});

it("the smallest and barest of each kind is read back: least contrast, two pixels a module, the widest logo", async () => {
  const edges: Partial<QrLook>[] = [
    { dark: "#000000", light: "#757575" },
    { dark: "#767676", light: "#ffffff" },
    { dark: "#0000ff", light: "#ffffff" },
    { dark: "#000000", light: "#ff2020" },
    { ecc: "Q", logo: 24 },
    { ecc: "H", logo: 30 },
    { ecc: "H", logo: 10 },
  ];
  for (const edge of edges) {
    const chosen: QrLook = { size: 480, ...STORED, ...edge };
    const modules = qrMatrix(TARGET, chosen.ecc).size;
    for (const size of [Math.max(120, (modules + 8) * 2), 301]) {
      const sized = { ...chosen, size };
      expect(qrProblem(sized, modules), JSON.stringify(sized)).toBe(null);
      expect(decode(await qrPng(TARGET, sized, sized.logo === null ? null : LOGO)), JSON.stringify(sized)).toEqual({
        size,
        text: TARGET,
      });
    }
  }
});

it("the drawing and the picture are the same code, and the logo stands in the middle of both", () => {
  for (const query of [{}, { ecc: "H", size: "600", margin: "8" }, { dark: "0b051d", light: "ffb3c7" }]) {
    const svg = paint(qrSvg(TARGET, look(query)));
    expect(jsQR(svg.data, svg.size, svg.size)?.data).toBe(TARGET);
  }
  const chosen = look({ logo: "brand" }, true);
  expect(chosen).toMatchObject({ ecc: "Q", logo: 20 });
  const svg = qrSvg(TARGET, chosen, LOGO?.dataUri ?? null);
  const [, x, width] = /<image [^>]*x="([\d.]+)"[^>]*width="([\d.]+)"/.exec(svg) ?? [];
  const whole = Number(/viewBox="0 0 (\d+)/.exec(svg)?.[1]);
  expect(2 * Number(x) + Number(width)).toBe(whole);
});

it("what the request leaves out is as the terminal is set", () => {
  const stored = { margin: 8, dark: "#101010", light: "#eeeeee", ecc: "Q", logo: 20 } as const;
  expect(chosenLook(QrQuerySchema.parse({}), stored, true)).toEqual({ ...stored, size: 480 });
  expect(chosenLook(QrQuerySchema.parse({}), stored, false).logo).toBe(null);
  expect(chosenLook(QrQuerySchema.parse({ logo: "none", dark: "#00ff00" }), stored, true)).toMatchObject({
    logo: null,
    dark: "#00ff00",
  });
  expect(chosenLook(QrQuerySchema.parse({ logo: "brand", logo_size: "28" }), STORED, true)).toMatchObject({
    ecc: "H",
    logo: 28,
  });
});

it("looks that cameras could not read are refused, each with its reason", () => {
  const refused: [Record<string, string>, string][] = [
    [{ dark: "777777", light: "888888" }, "/dark"],
    [{ dark: "ffffff", light: "000000" }, "/light"],
    [{ size: "120", margin: "16", ecc: "H" }, "/size"],
    [{ logo: "brand", ecc: "L" }, "/ecc"],
    [{ logo: "brand", ecc: "Q", logo_size: "26" }, "/logo_size"],
  ];
  for (const [query, pointer] of refused) {
    const long = `${TARGET}?${"x".repeat(60)}`;
    try {
      requireScannable(long, look(query, true));
      expect.unreachable(JSON.stringify(query));
    } catch (error) {
      expect(error).toMatchObject({ code: "validation_failed", errors: [{ pointer }] });
    }
  }
  for (const query of [
    { margin: "3" },
    { margin: "0" },
    { margin: "17" },
    { size: "100" },
    { size: "5000" },
    { dark: "red" },
    { ecc: "Z" },
    { logo: "https://evil.example/x.png" },
    { logo_size: "31" },
    { dark: '"/><script>' },
  ]) {
    expect(QrQuerySchema.safeParse(query).success, JSON.stringify(query)).toBe(false);
  }
});

it("a logo that is no picture, or a bomb, is none", () => {
  expect(LOGO).toMatchObject({ width: 96 });
  const bomb = Buffer.from(stripes());
  bomb.writeUInt32BE(60_000, 16);
  for (const file of [Buffer.alloc(0), Buffer.from("<svg onload=alert(1)>"), bomb, stripes().subarray(0, 60)]) {
    expect(readLogo(file)).toBe(null);
  }
});

/** A PNG of one grey pixel, or of what is packed in it. */
function greyPng(options: { isInterlaced: boolean; pixels: Buffer; secondHead?: number }): Buffer {
  const part = (name: string, data: Buffer): Buffer => {
    const out = Buffer.concat([Buffer.alloc(4), Buffer.from(name, "latin1"), data, Buffer.alloc(4)]);
    out.writeUInt32BE(data.length, 0);
    out.writeUInt32BE(crc32(out.subarray(4, -4)), out.length - 4);
    return out;
  };
  const head = (side: number): Buffer => {
    const data = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, options.isInterlaced ? 1 : 0]);
    data.writeUInt32BE(side, 0);
    data.writeUInt32BE(side, 4);
    return part("IHDR", data);
  };
  return Buffer.concat([
    ...[Buffer.from("89504e470d0a1a0a", "hex"), head(1)],
    ...(options.secondHead === undefined ? [] : [head(options.secondHead)]),
    ...[part("IDAT", deflateSync(options.pixels)), part("IEND", Buffer.alloc(0))],
  ]);
}

it("a logo whose pixels are more than its head says is none, interlaced or with a second head", () => {
  const pixel = Buffer.from([0, 90]);
  expect(readLogo(greyPng({ isInterlaced: true, pixels: pixel }))).toMatchObject({ width: 96 });
  expect(readLogo(greyPng({ isInterlaced: true, pixels: Buffer.alloc(4_000_000) }))).toBe(null);
  const large = Buffer.alloc((3_000 + 1) * 3_000);
  expect(readLogo(greyPng({ isInterlaced: false, pixels: large, secondHead: 3_000 }))).toBe(null);
});
