import { invalid } from "../errors";

const SIZE_DEFAULT = 500;
const SIZE_MAX = 500;

/** One page of a list, in the order in which its members were made. */
export function listPage<T>(
  key: string,
  all: readonly T[],
  query: URLSearchParams,
  idOf: (item: T) => string,
  view: (item: T) => unknown,
): Record<string, unknown> {
  const size = query.get("size");
  const count = size === null ? SIZE_DEFAULT : Number(size);
  if (!Number.isInteger(count) || count < 1 || count > SIZE_MAX) throw invalid("size", `must be 1 to ${SIZE_MAX}`);
  const after = query.get("starting_after");
  const start = after === null ? 0 : all.findIndex((item) => idOf(item) === after) + 1;
  if (after !== null && start === 0) throw invalid("starting_after", "is not a member of the list");
  const items = all.slice(start, start + count);
  const last = items.at(-1);
  const hasMore = start + count < all.length;
  return {
    [key]: items.map(view),
    pagination: {
      count: items.length,
      total: all.length,
      last_item: hasMore && last !== undefined ? idOf(last) : null,
    },
  };
}
