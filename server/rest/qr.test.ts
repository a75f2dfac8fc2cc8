import jsQR from "jsqr";
import { PNG } from "pngjs";
import { expect, it } from "vitest";
import { QrQuerySchema, qrPng, qrSvg } from "./qr";

const TARGET = "https://pay.klarna.com/na/requests/5f3e7a60-3f7c-4c61-9a25-5b8a1b0d9b8a/start";
const look = (query: Record<string, string | undefined>) => QrQuerySchema.parse(query);

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

it("both pictures decode to the target, in every look that is accepted", async () => {
  for (const query of [
    {},
    { size: "240" },
    { ecc: "H", size: "600", margin: "8" },
    { dark: "0b051d", light: "ffb3c7" },
  ]) {
    const chosen = look(query);
    const png = PNG.sync.read(await qrPng(TARGET, chosen));
    expect(png.width).toBe(chosen.size);
    expect(jsQR(new Uint8ClampedArray(png.data), png.width, png.height)?.data).toBe(TARGET);
    const svg = paint(qrSvg(TARGET, chosen));
    expect(jsQR(svg.data, svg.size, svg.size)?.data).toBe(TARGET);
  }
});

it("looks that cameras could not read are refused", () => {
  for (const query of [
    { dark: "777777", light: "888888" },
    { dark: "ffffff", light: "000000" },
    { size: "120", margin: "16", ecc: "H" },
  ]) {
    expect(() => qrSvg(`${TARGET}?${"x".repeat(60)}`, look(query))).toThrowError(/validation_failed/);
  }
  for (const query of [
    { margin: "3" },
    { margin: "0" },
    { size: "100" },
    { size: "5000" },
    { dark: "red" },
    { ecc: "Z" },
    { dark: '"/><script>' },
  ]) {
    expect(QrQuerySchema.safeParse(query).success).toBe(false);
  }
});
