import QRCode from "qrcode";
import { cn } from "@/components/cn";

export type QrCodeProps = {
  value: string;
  /** What a person with a screen reader hears. */
  label: string;
  className?: string;
};

const QUIET_MODULES = 4;

/** A QR code with its quiet zone, black on white in both themes: cameras do not know about dark mode. */
export function QrCode({ value, label, className }: QrCodeProps) {
  const { modules } = QRCode.create(value, { errorCorrectionLevel: "M" });
  const size = modules.size + 2 * QUIET_MODULES;
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`0 0 ${size} ${size}`}
      shapeRendering="crispEdges"
      className={cn("aspect-square w-full bg-paper text-paper-ink", className)}
    >
      <title>{label}</title>
      <path d={drawModules(modules.data, modules.size)} fill="currentColor" />
    </svg>
  );
}

/** One path for all dark modules, a run at a time. */
function drawModules(data: Uint8Array, size: number): string {
  let path = "";
  for (let row = 0; row < size; row += 1) {
    let column = 0;
    while (column < size) {
      if (data[row * size + column] !== 1) {
        column += 1;
        continue;
      }
      const start = column;
      while (column < size && data[row * size + column] === 1) column += 1;
      path += `M${start + QUIET_MODULES} ${row + QUIET_MODULES}h${column - start}v1h-${column - start}z`;
    }
  }
  return path;
}
