import type { ReactNode } from "react";

export type TableColumn<Row> = {
  id: string;
  header: string;
  cell: (row: Row) => ReactNode;
  /** Numbers and amounts: right-aligned. */
  isNumeric?: boolean;
  /** The id the server sorts by; without it the head is only a word. */
  sort?: string;
  /** Takes the room that is left and is cut off with an ellipsis. At most one or two. */
  isWide?: boolean;
  /** May not be hidden: the column by which a row is recognised. */
  isFixed?: boolean;
  isHiddenAtFirst?: boolean;
  /** Width of the placeholder while loading, in pixels. */
  skeleton?: number;
};

export type TablePage<Row> = { data: readonly Row[]; nextCursor: string | null; total?: number | null | undefined };

/** What can be done with chosen rows. */
export type Bulk<Row> = {
  noun: readonly [one: string, many: string];
  /** Rows that cannot be chosen have no box. */
  canChoose?: (row: Row) => boolean;
  max?: number;
  /** The buttons; `clear` when it is done. */
  actions: (chosen: { ids: readonly string[]; rows: readonly Row[]; clear: () => void }) => ReactNode;
};

/** What the table needs of a query; any transport can give it. */
export type TableQuery<Row> = {
  data: TablePage<Row> | undefined;
  isPending: boolean;
  isFetching?: boolean;
  error: unknown;
  refetch: () => unknown;
};

/** The two lines of a row on a phone. */
export type PhoneRow = { primary: ReactNode; aside?: ReactNode; secondary?: ReactNode; asideSecondary?: ReactNode };
