import { inflateSync } from "node:zlib";
import { PNG } from "pngjs";
import type { ServiceContext } from "@/server/context";
import { fetchPicture, urlPolicy } from "@/server/domain/webhooks/service";

/** A small square picture: RGBA, `width` pixels each way, what does not fill it is transparent. */
export type LogoPicture = { width: number; rgba: Buffer; dataUri: string };

const WIDTH = 96;
const SIDE_MAX = 2_048;
const KEPT_MS = 600_000;
const MISSED_MS = 60_000;
const KEPT_MAX = 500;
const PNG_START = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/**
 * A PNG as a small square one of our own making: nothing of the file but its pixels goes on. Null for what cannot be read,
 * and for a picture so large that reading it would cost more than it is worth.
 */
export function readLogo(file: Buffer): LogoPicture | null {
  if (file.length < 33 || !file.subarray(0, 8).equals(PNG_START)) return null;
  const [fileWidth, fileHeight] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  if (fileWidth < 1 || fileHeight < 1 || fileWidth > SIDE_MAX || fileHeight > SIDE_MAX) return null;
  try {
    if (!unpacksAsItSays(file, fileWidth, fileHeight)) return null;
    const picture = PNG.sync.read(file);
    const rgba = shrink(picture);
    const png = new PNG({ width: WIDTH, height: WIDTH });
    rgba.copy(png.data);
    return { width: WIDTH, rgba, dataUri: `data:image/png;base64,${PNG.sync.write(png).toString("base64")}` };
  } catch {
    return null;
  }
}

/**
 * Whether a file unpacks to no more than the pixels of its head. The reader believes the last of several heads, and unpacks
 * interlaced pixels without any bound. Throws where they are more.
 */
function unpacksAsItSays(file: Buffer, width: number, height: number): boolean {
  const packed: Buffer[] = [];
  let heads = 0;
  for (let at = 8; at + 12 <= file.length; ) {
    const length = file.readUInt32BE(at);
    const kind = file.toString("latin1", at + 4, at + 8);
    if (kind === "IHDR") heads += 1;
    if (kind === "IDAT") packed.push(file.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  if (heads !== 1) return false;
  const isInterlaced = file[28] === 1;
  // At most eight bytes a pixel, and one for each row of the seven passes.
  if (isInterlaced) inflateSync(Buffer.concat(packed), { maxOutputLength: 8 * width * height + 16 * height + 64 });
  return true;
}

/** Means over the pixels that fall into each pixel of the small picture, its middle kept in the middle. */
function shrink(picture: { width: number; height: number; data: Buffer }): Buffer {
  const side = Math.max(picture.width, picture.height);
  const [left, top] = [(side - picture.width) / 2, (side - picture.height) / 2];
  const step = side / WIDTH;
  const out = Buffer.alloc(WIDTH * WIDTH * 4);
  for (let y = 0; y < WIDTH; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      const [x0, y0] = [Math.floor(x * step - left), Math.floor(y * step - top)];
      const reach = Math.max(1, Math.floor(step));
      const sum = [0, 0, 0, 0];
      let count = 0;
      for (let v = y0; v < y0 + reach; v += 1) {
        for (let u = x0; u < x0 + reach; u += 1) {
          count += 1;
          if (u < 0 || v < 0 || u >= picture.width || v >= picture.height) continue;
          const at = (v * picture.width + u) * 4;
          const alpha = picture.data[at + 3] ?? 0;
          for (const channel of [0, 1, 2])
            sum[channel] = (sum[channel] ?? 0) + (picture.data[at + channel] ?? 0) * alpha;
          sum[3] = (sum[3] ?? 0) + alpha;
        }
      }
      const at = (y * WIDTH + x) * 4;
      const alpha = sum[3] ?? 0;
      for (const channel of [0, 1, 2]) out[at + channel] = alpha === 0 ? 0 : Math.round((sum[channel] ?? 0) / alpha);
      out[at + 3] = Math.round(alpha / count);
    }
  }
  return out;
}

const kept = new Map<string, { until: number; picture: Promise<LogoPicture | null> }>();

/**
 * A brand's own logo, fetched from its address under the guard of webhooks and kept for ten minutes; one call for many
 * askers. Null where there is none that can be read: a code without it pays as well.
 */
export function readBrandLogo(
  ctx: Pick<ServiceContext, "clock" | "env" | "scope">,
  logoUrl: string | null,
): Promise<LogoPicture | null> {
  if (logoUrl === null) return Promise.resolve(null);
  const now = ctx.clock.now().getTime();
  const key = `${ctx.scope.mode} ${logoUrl}`;
  const known = kept.get(key);
  if (known && known.until > now) return known.picture;
  if (kept.size >= KEPT_MAX) kept.clear();
  const picture = fetchPicture(logoUrl, urlPolicy(ctx.scope.mode, ctx.env)).then((file) =>
    file === null ? null : readLogo(file),
  );
  const entry = { until: now + KEPT_MS, picture };
  kept.set(key, entry);
  void picture.then((found) => {
    if (found === null) entry.until = now + MISSED_MS;
  });
  return picture;
}
