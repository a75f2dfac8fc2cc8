import { AppError } from "@/server/core/errors";

/*
 * Reading a body. JSON.parse alone accepts what must not move money: of two equal keys the last wins, 1e3 and 1.0 are
 * whole numbers, `__proto__` is a name like any other. So the text is walked once before it is parsed: structure, names
 * and how numbers are written; JSON.parse then decides whether it is JSON at all.
 */

const DEPTH_MAX = 32;
const NUMBER_LENGTH_MAX = 40;
const REFUSED_NAMES = new Set(["__proto__", "constructor", "prototype"]);
/** A measured quantity may be 2.50 or 2.0; everything else that is whole is written without a point. */
const MEASURES = new Set(["quantity"]);

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Escapes one step of a JSON pointer. Source: RFC 6901. */
export function pointerStep(step: string | number): string {
  return `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/**
 * Reads a JSON body; an empty one is an empty object.
 * Errors: request_malformed (UTF-8, JSON, depth, names twice, numbers written oddly), with the pointer where there is one.
 */
export function parseJsonBody(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return {};
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch (cause) {
    throw new AppError("request_malformed", { detail: "The body is not valid UTF-8.", cause });
  }
  walk(text);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("request_malformed", { detail: "The body is not valid JSON.", cause });
  }
}

type Level = { names: Set<string> | null; name: string; index: number };

function refuse(levels: readonly Level[], detail: string, extra?: string): never {
  const steps = levels.map((level) => pointerStep(level.names ? level.name : level.index));
  const pointer = extra === undefined ? steps.join("") : `${steps.slice(0, -1).join("")}${pointerStep(extra)}`;
  throw new AppError("request_malformed", { detail: "The body cannot be read safely.", errors: [{ pointer, detail }] });
}

function walk(text: string): void {
  const levels: Level[] = [];
  let isNameNext = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      const end = endOfString(text, at);
      const level = levels.at(-1);
      if (level?.names && isNameNext) {
        readName(levels, level, level.names, readString(levels, text.slice(at, end + 1)));
        isNameNext = false;
      } else {
        readString(levels, text.slice(at, end + 1));
      }
      at = end;
    } else if (code === 0x7b || code === 0x5b) {
      if (levels.length >= DEPTH_MAX) {
        throw new AppError("request_malformed", { detail: `The body is nested deeper than ${DEPTH_MAX} levels.` });
      }
      levels.push({ names: code === 0x7b ? new Set() : null, name: "", index: 0 });
      isNameNext = code === 0x7b;
    } else if (code === 0x7d || code === 0x5d) {
      levels.pop();
      isNameNext = false;
    } else if (code === 0x2c) {
      const level = levels.at(-1);
      if (level) level.index += 1;
      isNameNext = level?.names != null;
    } else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      at = readNumber(levels, text, at);
    }
  }
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at += 1;
    else if (code === 0x22) return at;
  }
  throw new AppError("request_malformed", { detail: "The body is not valid JSON." });
}

function readString(levels: readonly Level[], quoted: string): string {
  const inner = quoted.slice(1, -1);
  if (!inner.includes("\\")) return inner;
  let value: string;
  try {
    value = String(JSON.parse(quoted));
  } catch (cause) {
    throw new AppError("request_malformed", { detail: "The body is not valid JSON.", cause });
  }
  if (value.includes("\u0000") || !value.isWellFormed()) refuse(levels, "has characters that cannot be stored");
  return value;
}

function readName(levels: readonly Level[], level: Level, names: Set<string>, name: string): void {
  if (REFUSED_NAMES.has(name)) refuse(levels, "is not a field of this request", name);
  if (names.has(name)) refuse(levels, "is given twice", name);
  names.add(name);
  level.name = name;
}

function readNumber(levels: readonly Level[], text: string, start: number): number {
  let end = start + 1;
  while (end < text.length && /[0-9.eE+-]/.test(text.charAt(end))) end += 1;
  const written = text.slice(start, end);
  if (written.length > NUMBER_LENGTH_MAX) refuse(levels, "is too long for a number");
  if (/[eE]/.test(written)) refuse(levels, "is written with an exponent");
  if (written.includes(".") && Number.isInteger(Number(written)) && !MEASURES.has(levels.at(-1)?.name ?? "")) {
    refuse(levels, "is a whole number written with a decimal point");
  }
  return end - 1;
}
