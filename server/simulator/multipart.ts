import { invalid, SimulatedError } from "./errors";

/** `multipart/form-data` as a whole, for uploads of a few megabytes. */

export type Part = { name: string; filename: string | null; bytes: Uint8Array };

function parameterOf(header: string, name: string): string | null {
  const quoted = new RegExp(`;\\s*${name}="((?:[^"\\\\]|\\\\.)*)"`, "i").exec(header)?.[1];
  if (quoted !== undefined) return quoted.replace(/\\(.)/g, "$1").replace(/%22/g, '"');
  return new RegExp(`;\\s*${name}=([^;\\s"]+)`, "i").exec(header)?.[1] ?? null;
}

export function parseMultipart(contentType: string | undefined, body: Uint8Array): Part[] {
  if (contentType === undefined || !/^multipart\/form-data\b/i.test(contentType)) {
    throw new SimulatedError("INVALID_CONTENT_TYPE", "The content type must be multipart/form-data.");
  }
  const boundary = parameterOf(contentType, "boundary");
  if (boundary === null || boundary.length > 70) {
    throw new SimulatedError("INVALID_CONTENT_TYPE", "The content type has no usable boundary.");
  }
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  const parts: Part[] = [];
  // The first delimiter has no line break before it.
  let at = buffer.indexOf(`--${boundary}`);
  if (at < 0) throw invalid("file", "the body has no parts");
  at += delimiter.byteLength - 2;
  while (buffer.toString("latin1", at, at + 2) !== "--") {
    const headEnd = buffer.indexOf("\r\n\r\n", at);
    const end = headEnd < 0 ? -1 : buffer.indexOf(delimiter, headEnd + 2);
    if (end < 0) throw invalid("file", "the body ends in the middle of a part");
    const head = buffer.toString("utf8", at, headEnd);
    const disposition = /^content-disposition:([^\r\n]*)/im.exec(head)?.[1] ?? "";
    const name = parameterOf(disposition, "name");
    if (name !== null) {
      parts.push({
        name,
        filename: parameterOf(disposition, "filename"),
        bytes: buffer.subarray(Math.min(headEnd + 4, end), end),
      });
    }
    at = end + delimiter.byteLength;
  }
  return parts;
}
