import { z } from "zod";
import { AppError, type FieldError } from "@/server/core/errors";
import { pointerStep } from "./json";

const ERRORS_MAX = 20;

function pointer(path: readonly PropertyKey[]): string {
  return path.map((step) => pointerStep(typeof step === "symbol" ? String(step.description) : step)).join("");
}

/** The issues of a refused value as pointers into it. */
export function toFieldErrors(issues: readonly z.core.$ZodIssue[], base: readonly PropertyKey[] = []): FieldError[] {
  return issues.flatMap((issue): FieldError[] => {
    const path = [...base, ...issue.path];
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ pointer: pointer([...path, key]), detail: "is not a field of this request" }));
    }
    if (issue.code === "invalid_union") return unionErrors(issue.errors, path);
    if (issue.code === "invalid_key") return [{ pointer: pointer(path), detail: "is not an allowed name" }];
    return [{ pointer: pointer(path), detail: sentence(issue.message) }];
  });
}

/** Of several forms, the one that the value comes nearest to: where reading got deepest. */
function unionErrors(branches: readonly (readonly z.core.$ZodIssue[])[], path: readonly PropertyKey[]): FieldError[] {
  const depth = (issues: readonly z.core.$ZodIssue[]): number =>
    Math.max(0, ...issues.map((issue) => issue.path.length));
  const ranked = branches
    .filter((issues) => !issues.some((issue) => issue.code === "unrecognized_keys" && issue.path.length === 0))
    .sort((a, b) => depth(b) - depth(a));
  const nearest = ranked[0];
  if (nearest && depth(nearest) > 0) return toFieldErrors(nearest, path);
  return [{ pointer: pointer(path), detail: "does not have one of the forms that are possible here" }];
}

function sentence(message: string): string {
  return message
    .replace(/^Invalid input: /, "")
    .replace(/^(Too (?:small|big)|Invalid)/, (start) => start.toLowerCase());
}

/** Parses with a schema. Errors: validation_failed with a pointer for each fault. */
export function parseWith<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AppError("validation_failed", { errors: toFieldErrors(parsed.error.issues).slice(0, ERRORS_MAX) });
}

/**
 * The query as an object of texts. A parameter twice, a control character or broken UTF-8 is refused.
 * Errors: validation_failed; `pointer` is `/` and the parameter's name.
 */
export function readQuery(target: string): Record<string, string> {
  const start = target.indexOf("?");
  if (start === -1 || start === target.length - 1) return {};
  const query: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(target.slice(start + 1))) {
    const detail =
      name in query ? "is given twice" : isClean(name) && isClean(value) ? null : "has characters that cannot be read";
    if (detail !== null)
      throw new AppError("validation_failed", {
        errors: [{ pointer: pointerStep(isClean(name) ? name : "?"), detail }],
      });
    query[name] = value;
  }
  return { ...query };
}

function isClean(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f) || code === 0xfffd) return false;
  }
  return text.isWellFormed();
}

/** A whole number in a query, written in digits only. */
export function queryInteger(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,10}$/, "is not a whole number")
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .meta({ override: asInteger({ minimum: min, maximum: max }) });
}

/** In a query a number is text, in the document it is a number. */
function asInteger(facts: { minimum: number; maximum: number; default?: number }) {
  return ({ jsonSchema }: { jsonSchema: object }): void => {
    for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key);
    Object.assign(jsonSchema, { type: "integer", ...facts });
  };
}

/** A number of the list above with a value for when it is left out. */
export function queryIntegerOr(min: number, max: number, otherwise: number) {
  return queryInteger(min, max)
    .optional()
    .transform((value) => value ?? otherwise)
    .meta({ override: asInteger({ minimum: min, maximum: max, default: otherwise }) });
}

/** Several words in one parameter, separated by commas. */
export function queryList<T extends string>(words: readonly T[]) {
  return z
    .string()
    .max(500)
    .transform((text) => text.split(","))
    .pipe(z.array(z.enum(words)).min(1).max(words.length))
    .meta({ override: { type: "string", description: `One or several, separated by commas: ${words.join(", ")}` } });
}
