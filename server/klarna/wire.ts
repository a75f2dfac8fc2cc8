import { z } from "zod";

/*
 * How Klarna's messages are read: what may differ between releases and says nothing about money must not make the rest
 * unreadable. Ids, results and amounts are taken as they are meant or not at all. Source: tolerance rules of the
 * versioning pages; error-handling pages.
 */

const DEPTH_MAX = 32;

/** The same message without the members that are null: Klarna's pages know a field or its absence, and read them alike. */
export function withoutNulls(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null || depth >= DEPTH_MAX) return value;
  if (Array.isArray(value)) return value.map((item) => withoutNulls(item, depth + 1));
  // No assignment by name: a member called __proto__ would set the prototype.
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (inner === null ? [] : [[key, withoutNulls(inner, depth + 1)]])),
  );
}

const ZONE = /(?:Z|[+-]\d{2}:?\d{2})$/i;

/** An ISO 8601 time, with or without fraction and zone (then UTC). Undefined for anything else. */
export function readInstant(value: unknown): Date | undefined {
  if (typeof value !== "string" || !/^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}/.test(value) || value.length > 64)
    return undefined;
  const at = new Date(ZONE.test(value) ? value : `${value}Z`);
  return Number.isNaN(at.getTime()) ? undefined : at;
}

/** A time; one that cannot be read is as good as none. */
export const instant = z.unknown().transform(readInstant).optional();

/** A member that may be missing or of another form without harm to the rest. */
export const loose = <S extends z.ZodType>(schema: S) => schema.optional().catch(undefined);
