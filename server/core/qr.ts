import QRCode from "qrcode";

/* How a QR code may look so that any phone's camera reads it, and its drawing. Pictures made of pixels are made in the
 * layers that hold them; here is what the browser and the server share. */

export const QR_CORRECTIONS = ["L", "M", "Q", "H"] as const;
export type QrCorrection = (typeof QR_CORRECTIONS)[number];

/** Colours as `#rrggbb`; sizes in pixels; margin in modules. */
export type QrLook = {
  size: number;
  margin: number;
  dark: string;
  light: string;
  ecc: QrCorrection;
  /** Width of the picture in the middle, in percent of the code without its margin; null for none. */
  logo: number | null;
};
export type QrProblem = { field: keyof QrLook; detail: string };

/** Cameras need a quiet zone of four modules. Source: ISO/IEC 18004. */
export const QR_MARGIN_MIN = 4;
export const QR_MARGIN_MAX = 16;
export const QR_SIZE_MIN = 120;
export const QR_SIZE_MAX = 1_200;
export const QR_LOGO_MIN = 10;
export const QR_LOGO_MAX = 30;
/** Light to dark, as WCAG counts it. */
const CONTRAST_MIN = 4.5;
const MODULE_PIXELS_MIN = 2;
/**
 * A logo hides modules that the error correction has to make good, and so it may hide only a third of what that can: it
 * must still cope with a scratched screen. In percent of the width; none for the two weaker levels.
 */
const LOGO_MAX_BY_ECC: Readonly<Record<QrCorrection, number>> = { L: 0, M: 0, Q: 24, H: QR_LOGO_MAX };

export type QrMatrix = { size: number; isDark: (x: number, y: number) => boolean };

export function qrMatrix(text: string, ecc: QrCorrection): QrMatrix {
  const { modules } = QRCode.create(text, { errorCorrectionLevel: ecc });
  return { size: modules.size, isDark: (x, y) => Boolean(modules.get(y, x)) };
}

function luminance(hex: string): number {
  const channel = (start: number): number => {
    const value = Number.parseInt(hex.slice(start, start + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

/** Why cameras could not read a code in these colours; null when they can. */
export function qrColourProblem(look: Pick<QrLook, "dark" | "light">): QrProblem | null {
  const [dark, light] = [luminance(look.dark), luminance(look.light)];
  if (light <= dark) return { field: "light", detail: "must be lighter than dark" };
  if ((light + 0.05) / (dark + 0.05) < CONTRAST_MIN)
    return { field: "dark", detail: "is too close to light to be scanned" };
  return null;
}

/** Why a code of this many modules in this look could not be scanned; null when it can. */
export function qrProblem(look: QrLook, modules: number): QrProblem | null {
  if (look.margin < QR_MARGIN_MIN)
    return { field: "margin", detail: `must be at least ${QR_MARGIN_MIN} modules, or cameras do not find the code` };
  const colour = qrColourProblem(look);
  if (colour) return colour;
  if (look.logo !== null && look.logo > LOGO_MAX_BY_ECC[look.ecc]) {
    return LOGO_MAX_BY_ECC[look.ecc] === 0
      ? { field: "ecc", detail: "must be Q or H with a logo" }
      : { field: "logo", detail: `may be at most ${LOGO_MAX_BY_ECC[look.ecc]} percent wide with ecc ${look.ecc}` };
  }
  if (look.size < (modules + 2 * look.margin) * MODULE_PIXELS_MIN)
    return { field: "size", detail: "is too small for this margin and ecc to be scanned" };
  return null;
}

/** The square in the middle that the logo takes, in modules from the code's corner; whole ones, with a free ring in it. */
export function qrLogoBox(modules: number, percent: number): { start: number; width: number } {
  // The same parity as the code's, so that it stands in the middle.
  const width = Math.floor((modules * percent) / 100);
  const even = width % 2 === modules % 2 ? width : width - 1;
  return { start: (modules - even) / 2, width: even };
}

/** One path for all dark modules, a run at a time; those under a logo are left out. */
export function qrPath(matrix: QrMatrix, margin: number, logo: number | null = null): string {
  const box = logo === null ? null : qrLogoBox(matrix.size, logo);
  const isHidden = (x: number, y: number): boolean =>
    box !== null && x >= box.start && x < box.start + box.width && y >= box.start && y < box.start + box.width;
  const isDrawn = (x: number, y: number): boolean => matrix.isDark(x, y) && !isHidden(x, y);
  let path = "";
  for (let y = 0; y < matrix.size; y += 1) {
    for (let x = 0; x < matrix.size; x += 1) {
      if (!isDrawn(x, y)) continue;
      let end = x;
      while (end + 1 < matrix.size && isDrawn(end + 1, y)) end += 1;
      path += `M${x + margin} ${y + margin}h${end - x + 1}v1h-${end - x + 1}z`;
      x = end;
    }
  }
  return path;
}

/** The whole code as SVG. `logo` is a data URI of a picture, drawn in the middle with a free ring of one module. */
export function qrSvg(text: string, look: QrLook, logo: string | null = null): string {
  const matrix = qrMatrix(text, look.ecc);
  const whole = matrix.size + 2 * look.margin;
  const percent = logo === null ? null : look.logo;
  const box = percent === null ? null : qrLogoBox(matrix.size, percent);
  const image =
    box === null || logo === null
      ? ""
      : `<image href="${logo}" x="${box.start + look.margin + 0.5}" y="${box.start + look.margin + 0.5}" width="${box.width - 1}" height="${box.width - 1}"/>`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${look.size}" height="${look.size}" viewBox="0 0 ${whole} ${whole}" shape-rendering="crispEdges">` +
    `<path fill="${look.light}" d="M0 0h${whole}v${whole}H0z"/><path fill="${look.dark}" d="${qrPath(matrix, look.margin, percent)}"/>${image}</svg>`
  );
}
