import type { TableQuery } from "./types";

type ListPage<Row> = { items: Row[]; nextCursor: string | null; total: number };

/** A query for a list of ours, as the table wants it. */
export function tableQuery<Row>(query: {
  data: ListPage<Row> | undefined;
  isPending: boolean;
  isFetching: boolean;
  error: unknown;
  refetch: () => unknown;
}): TableQuery<Row> {
  const { data } = query;
  return {
    data: data === undefined ? undefined : { data: data.items, nextCursor: data.nextCursor, total: data.total },
    isPending: query.isPending,
    isFetching: query.isFetching,
    error: query.error,
    refetch: query.refetch,
  };
}

const TOTAL_MAX = 10_000;
const COUNT = new Intl.NumberFormat("en");

/** "1,204 payments"; counting stops at ten thousand. */
export function totalWords(total: number | null | undefined, one: string, many: string): string {
  if (total === null || total === undefined) return "";
  return `${total >= TOTAL_MAX ? "10,000 or more" : COUNT.format(total)} ${total === 1 ? one : many}`;
}
