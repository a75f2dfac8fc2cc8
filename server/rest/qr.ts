import { PNG } from "pngjs";
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

/** The picture as it comes: `size` pixels each way, each module a whole number of them, the rest is margin. */
export function qrPng(text: string, look: QrLook, logo: { width: number; rgba: Buffer } | null = null): Buffer {
  const matrix = qrMatrix(text, look.ecc);
  const pixels = Math.floor(look.size / (matrix.size + 2 * look.margin));
  const start = Math.floor((look.size - pixels * matrix.size) / 2);
  const png = new PNG({ width: look.size, height: look.size, colorType: 2 });
  const [dark, light] = [parts(look.dark), parts(look.light)];
  const put = (x: number, y: number, [red, green, blue]: Colour): void => {
    const at = (y * look.size + x) * 4;
    png.data[at] = red;
    png.data[at + 1] = green;
    png.data[at + 2] = blue;
    png.data[at + 3] = 255;
  };
  const box = logo === null || look.logo === null ? null : qrLogoBox(matrix.size, look.logo);
  for (let y = 0; y < look.size; y += 1) {
    for (let x = 0; x < look.size; x += 1) {
      const [column, row] = [Math.floor((x - start) / pixels), Math.floor((y - start) / pixels)];
      const isInside = column >= 0 && row >= 0 && column < matrix.size && row < matrix.size;
      const isUnderLogo =
        box !== null &&
        column >= box.start &&
        column < box.start + box.width &&
        row >= box.start &&
        row < box.start + box.width;
      put(x, y, isInside && !isUnderLogo && matrix.isDark(column, row) ? dark : light);
    }
  }
  if (logo !== null && box !== null) {
    const side = Math.floor((box.width - 1) * pixels);
    const corner = Math.round(start + (box.start + 0.5) * pixels);
    for (let y = 0; y < side; y += 1) {
      for (let x = 0; x < side; x += 1) {
        const from = (Math.floor((y * logo.width) / side) * logo.width + Math.floor((x * logo.width) / side)) * 4;
        const alpha = (logo.rgba[from + 3] ?? 0) / 255;
        const mix = (channel: 0 | 1 | 2): number =>
          Math.round((logo.rgba[from + channel] ?? 0) * alpha + light[channel] * (1 - alpha));
        put(corner + x, corner + y, [mix(0), mix(1), mix(2)]);
      }
    }
  }
  return PNG.sync.write(png, { colorType: 2 });
}
