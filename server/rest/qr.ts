import QRCode from "qrcode";
import { z } from "zod";
import { AppError } from "@/server/core/errors";
import { queryIntegerOr } from "./validation";

/** Phone cameras need a quiet zone of four modules (ISO/IEC 18004) and a clear step from dark to light. */
const MARGIN_MIN = 4;
const CONTRAST_MIN = 4.5;
const MODULE_PIXELS_MIN = 2;

const colour = (otherwise: string) =>
  z
    .string()
    .regex(/^#?[0-9a-fA-F]{6}$/, "is not a colour of the form rrggbb")
    .optional()
    .transform((text) => (text === undefined ? otherwise : `#${text.replace("#", "").toLowerCase()}`))
    .meta({ override: { type: "string", pattern: "^#?[0-9a-fA-F]{6}$", default: otherwise } });

export const QrQuerySchema = z.strictObject({
  size: queryIntegerOr(120, 1_200, 480),
  margin: queryIntegerOr(MARGIN_MIN, 16, MARGIN_MIN),
  dark: colour("#000000"),
  light: colour("#ffffff"),
  ecc: z.enum(["L", "M", "Q", "H"]).default("M"),
});
export type QrLook = z.infer<typeof QrQuerySchema>;

function luminance(hex: string): number {
  const channel = (start: number): number => {
    const value = Number.parseInt(hex.slice(start, start + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

/** Errors: validation_failed for looks that cameras could not read. */
function assertReadable(look: QrLook, modules: number): void {
  const [dark, light] = [luminance(look.dark), luminance(look.light)];
  if (light <= dark) refuse("/light", "must be lighter than dark");
  if ((light + 0.05) / (dark + 0.05) < CONTRAST_MIN) refuse("/dark", "is too close to light to be scanned");
  if (look.size < (modules + 2 * look.margin) * MODULE_PIXELS_MIN)
    refuse("/size", "is too small for this margin and ecc to be scanned");
}

function refuse(pointer: string, detail: string): never {
  throw new AppError("validation_failed", { errors: [{ pointer, detail }] });
}

function draw(text: string, look: QrLook): { size: number; isDark: (x: number, y: number) => boolean } {
  const { modules } = QRCode.create(text, { errorCorrectionLevel: look.ecc });
  assertReadable(look, modules.size);
  return { size: modules.size, isDark: (x, y) => Boolean(modules.get(y, x)) };
}

/** The code as a picture of paths: one run of dark modules is one stroke. */
export function qrSvg(text: string, look: QrLook): string {
  const { size, isDark } = draw(text, look);
  const whole = size + 2 * look.margin;
  let path = "";
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      if (!isDark(x, y)) continue;
      let end = x;
      while (end + 1 < size && isDark(end + 1, y)) end += 1;
      path += `M${x + look.margin} ${y + look.margin}h${end - x + 1}v1h-${end - x + 1}z`;
      x = end;
    }
  }
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${look.size}" height="${look.size}" viewBox="0 0 ${whole} ${whole}" shape-rendering="crispEdges">` +
    `<path fill="${look.light}" d="M0 0h${whole}v${whole}H0z"/><path fill="${look.dark}" d="${path}"/></svg>`
  );
}

export async function qrPng(text: string, look: QrLook): Promise<Buffer> {
  draw(text, look);
  return QRCode.toBuffer(text, {
    type: "png",
    errorCorrectionLevel: look.ecc,
    width: look.size,
    margin: look.margin,
    color: { dark: `${look.dark}ff`, light: `${look.light}ff` },
  });
}
