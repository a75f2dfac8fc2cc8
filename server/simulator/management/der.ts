/** Just enough of DER to read a certificate signing request and to write a certificate. */

export type DerNode = { tag: number /** Header and content. */; raw: Buffer; content: Buffer };

export class DerError extends Error {}

/** The first value at the start of the bytes. */
export function readDer(bytes: Buffer, offset = 0): DerNode & { end: number } {
  const tag = bytes[offset];
  const first = bytes[offset + 1];
  if (tag === undefined || first === undefined) throw new DerError("the data ends too early");
  let length = first;
  let start = offset + 2;
  if (first > 0x80) {
    const count = first - 0x80;
    if (count > 4) throw new DerError("a length is too long");
    length = 0;
    for (let index = 0; index < count; index += 1) length = length * 256 + (bytes[start + index] ?? 0);
    start += count;
  }
  const end = start + length;
  if (first === 0x80 || end > bytes.length) throw new DerError("a length goes beyond the data");
  return { tag, raw: bytes.subarray(offset, end), content: bytes.subarray(start, end), end };
}

/** The values inside a SEQUENCE or SET. */
export function childrenOf(node: DerNode): DerNode[] {
  const children: DerNode[] = [];
  for (let offset = 0; offset < node.content.length; ) {
    const child = readDer(node.content, offset);
    children.push(child);
    offset = child.end;
  }
  return children;
}

export function der(tag: number, ...content: Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length: number[] = [];
  for (let rest = body.length; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest % 256);
  return Buffer.concat([Buffer.from([tag, 0x80 + length.length, ...length]), body]);
}

export const sequence = (...content: Uint8Array[]): Buffer => der(0x30, ...content);
export const set = (...content: Uint8Array[]): Buffer => der(0x31, ...content);
export const text = (value: string): Buffer => der(0x0c, Buffer.from(value, "utf8"));
export const bits = (value: Uint8Array, unused = 0): Buffer => der(0x03, Buffer.from([unused]), value);
export const octets = (value: Uint8Array): Buffer => der(0x04, value);
export const yes = (): Buffer => der(0x01, Buffer.from([0xff]));
export const explicit = (number: number, content: Uint8Array): Buffer => der(0xa0 + number, content);

/** A whole number that is not negative, from its big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const trimmed = Buffer.from(bytes.subarray(start));
  return (trimmed[0] ?? 0) >= 0x80 ? der(0x02, Buffer.from([0]), trimmed) : der(0x02, trimmed);
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes: number[] = [first * 40 + second];
  for (const part of rest) {
    const groups = [part % 128];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128)) groups.unshift(128 + (left % 128));
    bytes.push(...groups);
  }
  return der(0x06, Buffer.from(bytes));
}

/** UTCTime up to 2049, GeneralizedTime afterwards, as certificates want it. */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\D/g, "").slice(0, 14);
  return new Date(ms).getUTCFullYear() < 2050
    ? der(0x17, Buffer.from(`${digits.slice(2)}Z`, "latin1"))
    : der(0x18, Buffer.from(`${digits}Z`, "latin1"));
}

export function fromPem(pem: string, label: string): Buffer {
  const found = new RegExp(`-----BEGIN (?:NEW )?${label}-----([A-Za-z0-9+/=\\s]+)-----END (?:NEW )?${label}-----`).exec(
    pem,
  );
  const body = found?.[1];
  if (body === undefined) throw new DerError(`is not a ${label} in PEM form`);
  return Buffer.from(body.replace(/\s/g, ""), "base64");
}

export function toPem(bytes: Uint8Array, label: string): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
