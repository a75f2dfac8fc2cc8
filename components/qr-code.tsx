import { cn } from "@/components/cn";
import { QR_MARGIN_MIN, qrMatrix, qrPath } from "@/server/core/qr";

export type QrCodeProps = {
  value: string;
  /** What a person with a screen reader hears. */
  label: string;
  className?: string;
};

/** A QR code with its quiet zone, black on white in both themes: cameras do not know about dark mode. */
export function QrCode({ value, label, className }: QrCodeProps) {
  const matrix = qrMatrix(value, "M");
  const size = matrix.size + 2 * QR_MARGIN_MIN;
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`0 0 ${size} ${size}`}
      shapeRendering="crispEdges"
      className={cn("aspect-square w-full bg-paper text-paper-ink", className)}
    >
      <title>{label}</title>
      <path d={qrPath(matrix, QR_MARGIN_MIN)} fill="currentColor" />
    </svg>
  );
}
