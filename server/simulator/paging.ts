import { invalid, SimulatedError } from "./errors";
import type { Simulator } from "./simulator";

/** Lists of the newer APIs: a size, a cursor, and links to the neighbours. */

export type PageOptions<T> = {
  path: string;
  query: URLSearchParams;
  idOf: (item: T) => string;
  sizeDefault: number;
  sizeMax: number;
};

/** Values of a repeatable parameter, written `name=a&name=b`, `name[]=a` or `name=a,b`. */
export function valuesOf(query: URLSearchParams, name: string, max: number): string[] {
  const values = [...query.getAll(name), ...query.getAll(`${name}[]`)]
    .flatMap((value) => value.split(","))
    .filter((value) => value !== "");
  if (values.length > max) throw invalid(name, `must have at most ${max} values`);
  return values;
}

export function timeOf(query: URLSearchParams, name: string): number | null {
  const raw = query.get(name);
  if (raw === null) return null;
  const at = Date.parse(raw);
  if (Number.isNaN(at) || !/^\d{4}-\d{2}-\d{2}/.test(raw)) throw invalid(name, "is not a date-time");
  return at;
}

/** A filter on `<name>_start` (inclusive) and `<name>_end` (exclusive). */
export function timeFilter(query: URLSearchParams, name: string): (at: number | null) => boolean {
  const start = timeOf(query, `${name}_start`);
  const end = timeOf(query, `${name}_end`);
  if (start !== null && end !== null && end < start) throw invalid(`${name}_end`, `is before ${name}_start`);
  if (start === null && end === null) return () => true;
  return (at) => at !== null && (start === null || at >= start) && (end === null || at < end);
}

function numberOf(query: URLSearchParams, name: string, least: number, most: number): number | null {
  const raw = query.get(name);
  if (raw === null) return null;
  const value = Number(raw);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw invalid(name, `must be a whole number from ${least} to ${most}`);
  }
  return value;
}

/** One page of what is there, by cursor (`starting_after`) or by `offset`. */
export function pageOf<T>(
  sim: Simulator,
  items: readonly T[],
  options: PageOptions<T>,
): { items: T[]; pagination: Record<string, unknown> } {
  const { query, idOf, path } = options;
  const size = numberOf(query, "size", 1, options.sizeMax) ?? options.sizeDefault;
  const after = query.get("starting_after");
  let start = numberOf(query, "offset", 0, Number.MAX_SAFE_INTEGER) ?? 0;
  if (after !== null) {
    const at = items.findIndex((item) => idOf(item) === after);
    if (at < 0) throw new SimulatedError("RESOURCE_NOT_FOUND", "The item that the page starts after does not exist.");
    start = at + 1;
  }
  const page = items.slice(start, start + size);
  const first = page[0];
  const last = page.at(-1);
  const isLast = start + size >= items.length;
  const link = (cursor: string | null) => {
    const target = new URLSearchParams(query);
    target.delete("offset");
    if (cursor === null) target.delete("starting_after");
    else target.set("starting_after", cursor);
    const text = target.toString();
    return { href: `${sim.publicUrl()}${path}${text === "" ? "" : `?${text}`}`, method: "GET" };
  };
  const beforePrevious = items[start - size - 1];
  return {
    items: page,
    pagination: {
      count: page.length,
      total: items.length,
      ...(first === undefined ? {} : { first_item: idOf(first) }),
      last_item: isLast || last === undefined ? null : idOf(last),
      links: {
        ...(isLast || last === undefined ? {} : { next: { ...link(idOf(last)), rel: "next" } }),
        ...(start === 0
          ? {}
          : { prev: { ...link(beforePrevious === undefined ? null : idOf(beforePrevious)), rel: "prev" } }),
      },
    },
  };
}
