"use client";

import { useEffect, useMemo, useRef, useState } from "react";
import { QR_MARGIN_MIN, type QrLook, qrLogoBox, qrMatrix, qrPath } from "@/server/core/qr";
import styles from "./customer-display.module.css";

/** How the terminal's codes look; the logo as a data URI of our own making. */
export type DisplayLook = Omit<QrLook, "size"> & { picture: string | null };
export const PLAIN_LOOK: DisplayLook = {
  margin: QR_MARGIN_MIN,
  dark: "#000000",
  light: "#ffffff",
  ecc: "M",
  logo: null,
  picture: null,
};

/** Below this many pixels a module a wide margin is a luxury. */
const ROOMY_PIXELS = 4;

/**
 * The code in its box. Each module takes a whole number of the screen's own pixels: edges that fall between two pixels are
 * grey, and on a small screen that is what cameras stumble over. What is left of the box is margin.
 */
export function DisplayCode({ value, label, look }: { value: string; label: string; look: DisplayLook }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState<number | null>(null);
  const matrix = useMemo(() => qrMatrix(value, look.ecc), [value, look.ecc]);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const ratio = width === null ? 1 : window.devicePixelRatio;
  const pixelsFor = (margin: number): number => Math.floor(((width ?? 0) * ratio) / (matrix.size + 2 * margin));
  const margin = width !== null && pixelsFor(look.margin) < ROOMY_PIXELS ? QR_MARGIN_MIN : look.margin;
  const whole = matrix.size + 2 * margin;
  const pixels = pixelsFor(margin);
  const side = pixels < 1 ? "100%" : `${(pixels * whole) / ratio}px`;
  const percent = look.picture === null ? null : look.logo;
  const logo = percent === null ? null : qrLogoBox(matrix.size, percent);
  return (
    <div ref={box} className={styles["qr"]} style={{ background: look.light }}>
      <svg
        role="img"
        aria-label={label}
        viewBox={`0 0 ${whole} ${whole}`}
        shapeRendering="crispEdges"
        style={{ inlineSize: side, blockSize: side }}
      >
        <path d={`M0 0h${whole}v${whole}H0z`} fill={look.light} />
        <path d={qrPath(matrix, margin, percent)} fill={look.dark} />
        {logo === null || look.picture === null ? null : (
          <image
            href={look.picture}
            x={logo.start + margin + 0.5}
            y={logo.start + margin + 0.5}
            width={logo.width - 1}
            height={logo.width - 1}
          />
        )}
      </svg>
    </div>
  );
}
