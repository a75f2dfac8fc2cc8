import { promisify } from "node:util";
import { crc32, deflate } from "node:zlib";
import { z } from "zod";
import { AppError } from "@/server/core/errors";
import {
  QR_CORRECTIONS,
  QR_LOGO_MAX,
  QR_LOGO_MIN,
  QR_MARGIN_MAX,
  QR_MARGIN_MIN,
  QR_SIZE_MAX,
  QR_SIZE_MIN,
  type QrLook,
  qrLogoBox,
  qrMatrix,
  qrProblem,
} from "@/server/core/qr";
import { queryInteger, queryIntegerOr } from "./validation";

const colour = z
  .string()
  .regex(/^#?[0-9a-fA-F]{6}$/, "is not a colour of the form rrggbb")
  .optional()
  .transform((text) => (text === undefined ? undefined : `#${text.replace("#", "").toLowerCase()}`))
  .meta({ override: { type: "string", pattern: "^#?[0-9a-fA-F]{6}$", description: "As the terminal is set" } });

/** What is left out is as the payment's terminal is set. */
export const QrQuerySchema = z.strictObject({
  size: queryIntegerOr(QR_SIZE_MIN, QR_SIZE_MAX, 480),
  margin: queryInteger(QR_MARGIN_MIN, QR_MARGIN_MAX).optional().meta({ description: "Modules of quiet zone" }),
  dark: colour,
  light: colour,
  ecc: z.enum(QR_CORRECTIONS).optional(),
  logo: z.enum(["none", "brand"]).optional().meta({ description: "The brand's own logo in the middle" }),
  logo_size: queryInteger(QR_LOGO_MIN, QR_LOGO_MAX).optional().meta({ description: "Percent of the code's width" }),
});
export type QrQuery = z.infer<typeof QrQuerySchema>;

/**
 * The look that is asked for, over the stored one. A logo without a named error correction gets one that bears it.
 * `hasLogo` says whether there is one at all.
 */
export function chosenLook(query: QrQuery, stored: Omit<QrLook, "size">, hasLogo: boolean): QrLook {
  const wanted = query.logo === undefined ? stored.logo : query.logo === "brand" ? (stored.logo ?? 20) : null;
  const logo = wanted === null || !hasLogo ? null : (query.logo_size ?? wanted);
  const bears = stored.ecc === "Q" || stored.ecc === "H";
  return {
    size: query.size,
    margin: query.margin ?? stored.margin,
    dark: query.dark ?? stored.dark,
    light: query.light ?? stored.light,
    ecc: query.ecc ?? (logo === null || bears ? stored.ecc : logo > 24 ? "H" : "Q"),
    logo,
  };
}

/** Errors: validation_failed for looks that cameras could not read. */
export function requireScannable(text: string, look: QrLook): void {
  const problem = qrProblem(look, qrMatrix(text, look.ecc).size);
  if (problem === null) return;
  const field = problem.field === "logo" ? "logo_size" : problem.field;
  throw new AppError("validation_failed", { errors: [{ pointer: `/${field}`, detail: problem.detail }] });
}

type Colour = readonly [number, number, number];
function parts(hex: string): Colour {
  const channel = (at: number): number => Number.parseInt(hex.slice(at, at + 2), 16);
  return [channel(1), channel(3), channel(5)];
}

const deflated = promisify(deflate);
const PNG_START = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function pngPart(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

/** Rows of RGB, each behind a zero for "not filtered", as a file. Packed beside the event loop: tills wait on it. */
async function encodePng(size: number, rows: Buffer): Promise<Buffer> {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(size, 0);
  head.writeUInt32BE(size, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const data = await deflated(rows, { level: 6 });
  return Buffer.concat([PNG_START, pngPart("IHDR", head), pngPart("IDAT", data), pngPart("IEND", Buffer.alloc(0))]);
}

/** The picture as it comes: `size` pixels each way, each module a whole number of them, the rest is margin. */
export async function qrPng(
  text: string,
  look: QrLook,
  logo: { width: number; rgba: Buffer } | null = null,
): Promise<Buffer> {
  const matrix = qrMatrix(text, look.ecc);
  const pixels = Math.floor(look.size / (matrix.size + 2 * look.margin));
  const start = Math.floor((look.size - pixels * matrix.size) / 2);
  const [dark, light] = [parts(look.dark), parts(look.light)];
  const box = logo === null || look.logo === null ? null : qrLogoBox(matrix.size, look.logo);
  const isUnderLogo = (x: number, y: number): boolean =>
    box !== null && x >= box.start && x < box.start + box.width && y >= box.start && y < box.start + box.width;

  const stride = 1 + 3 * look.size;
  const plain = Buffer.alloc(stride);
  for (let x = 0; x < look.size; x += 1) plain.set(light, 1 + 3 * x);
  const rows = Buffer.alloc(stride * look.size);
  for (let y = 0; y < look.size; y += 1) plain.copy(rows, y * stride);
  for (let y = 0; y < matrix.size; y += 1) {
    const row = Buffer.from(plain);
    for (let x = 0; x < matrix.size; x += 1) {
      if (!matrix.isDark(x, y) || isUnderLogo(x, y)) continue;
      for (let i = 0; i < pixels; i += 1) row.set(dark, 1 + 3 * (start + x * pixels + i));
    }
    for (let i = 0; i < pixels; i += 1) row.copy(rows, (start + y * pixels + i) * stride);
  }
  if (logo !== null && box !== null) {
    const side = (box.width - 1) * pixels;
    const corner = Math.round(start + (box.start + 0.5) * pixels);
    for (let y = 0; y < side; y += 1) {
      for (let x = 0; x < side; x += 1) {
        const from = (Math.floor((y * logo.width) / side) * logo.width + Math.floor((x * logo.width) / side)) * 4;
        const alpha = (logo.rgba[from + 3] ?? 0) / 255;
        const mix = (channel: 0 | 1 | 2): number =>
          Math.round((logo.rgba[from + channel] ?? 0) * alpha + light[channel] * (1 - alpha));
        rows.set([mix(0), mix(1), mix(2)], (corner + y) * stride + 1 + 3 * (corner + x));
      }
    }
  }
  return encodePng(look.size, rows);
}
