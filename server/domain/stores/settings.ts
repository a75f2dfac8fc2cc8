import { AppError } from "@/server/core/errors";
import type { TerminalSettings } from "@/server/domain/partners/schema";

/** Phone cameras need a clear step from dark to light. */
const CONTRAST_MIN = 4.5;

function luminance(hex: string): number {
  const channel = (start: number): number => {
    const value = Number.parseInt(hex.slice(start, start + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

/** Errors: rule_broken for a look of the QR code that cameras could not read. */
export function requireReadableQr(values: Pick<Required<TerminalSettings>, "qr_dark" | "qr_light">): void {
  const [dark, light] = [luminance(values.qr_dark), luminance(values.qr_light)];
  const detail =
    light <= dark
      ? "must be darker than the light colour"
      : (light + 0.05) / (dark + 0.05) < CONTRAST_MIN
        ? "is too close to the light colour to be scanned"
        : null;
  if (detail !== null) throw new AppError("rule_broken", { errors: [{ pointer: "/settings/qr_dark", detail }] });
}
