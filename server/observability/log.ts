import pino, { type Logger } from "pino";
import { isAppError } from "@/server/core/errors";
import { maskSecrets, redact, singleLine } from "@/server/core/redact";

/** What a log line may carry: every text value passes the same allow-list as audit and journal. */
export type LogFields = Readonly<Record<string, unknown>>;
export type Log = {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields & { error?: unknown }, message: string): void;
  child(fields: LogFields): Log;
};

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { text: singleLine(maskSecrets(String(error))).slice(0, 500) };
  return {
    kind: error.name,
    code: isAppError(error) ? error.code : "code" in error ? String(error.code) : undefined,
    text: singleLine(maskSecrets(error.message)).slice(0, 500),
    stack: maskSecrets(error.stack ?? "")
      .split("\n")
      .slice(1, 8)
      .map((line) => singleLine(line.trim())),
    cause: error.cause === undefined ? undefined : describeError(error.cause),
  };
}

function safe(fields: LogFields & { error?: unknown }): Record<string, unknown> {
  const { error, ...rest } = fields;
  const out: Record<string, unknown> = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [
      key,
      /(?:Id|_id|state|kind|name|operation|path|method|code|mode|type|way|function|step)$/i.test(key) &&
      typeof value === "string"
        ? singleLine(maskSecrets(value)).slice(0, 300)
        : redact(value, key),
    ]),
  );
  if (error !== undefined) out.error = describeError(error);
  return out;
}

function wrap(logger: Logger): Log {
  return {
    debug: (fields, message) => logger.debug(safe(fields), message),
    info: (fields, message) => logger.info(safe(fields), message),
    warn: (fields, message) => logger.warn(safe(fields), message),
    error: (fields, message) => logger.error(safe(fields), message),
    child: (fields) => wrap(logger.child(safe(fields))),
  };
}

/** A structured logger: one JSON object a line, texts masked, control characters escaped. */
export function createLog(options: { level: string; name: string; destination?: { write(line: string): void } }): Log {
  const settings = { level: options.level, base: { process: options.name }, timestamp: pino.stdTimeFunctions.isoTime };
  return wrap(options.destination ? pino(settings, options.destination) : pino(settings));
}
