import { z } from "zod";
import { AppError } from "./errors";

/**
 * Keyset paging: a cursor names the last row seen by its creation time and id, so pages stay stable while rows arrive.
 */
export type Cursor = { createdAt: Date; id: string };
export type Page<T> = { data: T[]; hasMore: boolean; nextCursor: string | null };

export const PAGE_LIMIT_DEFAULT = 25;
export const PAGE_LIMIT_MAX = 100;

export const pageLimitSchema = z.coerce.number().int().min(1).max(PAGE_LIMIT_MAX).default(PAGE_LIMIT_DEFAULT);

export function encodeCursor(cursor: Cursor): string {
  return Buffer.from(`${cursor.createdAt.getTime()}:${cursor.id}`, "utf8").toString("base64url");
}

/** Errors: validation_failed when the text is not a cursor that we issued. */
export function decodeCursor(text: string): Cursor {
  const match = /^(\d{1,15}):([a-z]{2,4}_[0-9A-Z]{26})$/.exec(Buffer.from(text, "base64url").toString("utf8"));
  if (!match) {
    throw new AppError("validation_failed", {
      errors: [{ pointer: "/cursor", detail: "is not a cursor of this list" }],
    });
  }
  return { createdAt: new Date(Number(match[1])), id: match[2] ?? "" };
}

/** Turns limit + 1 rows into a page. */
export function toPage<T extends { id: string; createdAt: Date }>(rows: readonly T[], limit: number): Page<T> {
  const data = rows.slice(0, limit);
  const last = data.at(-1);
  const hasMore = rows.length > limit;
  return {
    data,
    hasMore,
    nextCursor: hasMore && last ? encodeCursor({ createdAt: last.createdAt, id: last.id }) : null,
  };
}

/** A page of a screen's list. `total` counts the filter's rows and stops at LIST_TOTAL_MAX. */
export type ListPage<T> = { items: T[]; nextCursor: string | null; total: number };
export const LIST_TOTAL_MAX = 10_000;

export function toListPage<T extends { id: string; createdAt: Date }>(
  rows: readonly T[],
  limit: number,
  total: number,
): ListPage<T> {
  const page = toPage(rows, limit);
  return { items: page.data, nextCursor: page.nextCursor, total };
}
