import type { Database, Row } from "./client";
import { keyIdSql, SEALED, type SealedColumn } from "./sealed";
import type { SecretBox } from "./secrets";

/*
 * Moves what is stored to the current encryption key while everything runs. A row is changed only if it still holds the
 * ciphertext that was read, and one that somebody holds is left for the next time. What is under an old key is found by
 * its name in the ciphertext, so work that was broken off goes on where it stood.
 */

export type ResealServices = {
  readonly db: Pick<Database, "query" | "transaction">;
  readonly secrets: SecretBox;
  /** Names of the configured keys; the first encrypts. */
  readonly keyIds: readonly string[];
};

/** Up to where the rows were looked at: the column by its number in SEALED, and the last key seen in it. */
export type ResealCursor = { readonly column: number; readonly after: readonly string[] | null };

export type ResealSlice = {
  /** Rows that are under the current key now and were not before. */
  changed: number;
  /** Rows that somebody changed or held at this moment. */
  busy: number;
  /** Rows whose ciphertext does not open: `table.column id`, the first twenty. */
  unreadable: string[];
  /** Null at the end. */
  next: ResealCursor | null;
};

/** How many values are under which key. `fixed` ones cannot be moved and end by themselves. */
export type KeyUse = { keyId: string; place: string; rows: number; isFixed: boolean };

const PAGE_ROWS = 2_000;
const UNREADABLE_MAX = 20;

type Found = Row & { value: string | Buffer };

const keyNames = (column: SealedColumn): string => column.key.map(({ name }) => name).join(", ");
/** The key as casts of parameters `$from`, `$from + 1`, … */
const keyParameters = (column: SealedColumn, from: number): string =>
  column.key.map(({ type }, index) => `$${from + index}::${type}`).join(", ");

function pageSql(column: SealedColumn, hasStart: boolean): string {
  const names = [...new Set([...column.key.map(({ name }) => name), ...column.reads])];
  return `select ${[...names, column.column].join(", ")} from ${column.table}
    ${hasStart ? `where (${keyNames(column)}) > (${keyParameters(column, 1)})` : ""}
    order by ${keyNames(column)} limit ${PAGE_ROWS}`;
}

const keyOf = (column: SealedColumn, row: Row): string[] => column.key.map(({ name }) => String(row[name]));

const columnsOf = (column: SealedColumn): string[] => [
  ...new Set([...column.key.map(({ name }) => name), ...column.reads]),
];

async function pageEnd(
  services: Pick<ResealServices, "db">,
  column: SealedColumn,
  after: readonly string[] | null,
): Promise<string[] | null> {
  const [row] = await services.db.query<Row>({
    text: `select ${keyNames(column)} from (${pageSql(column, after !== null)}) page
      order by ${keyNames(column)} offset ${PAGE_ROWS - 1} limit 1`,
    values: after ?? [],
  });
  return row ? keyOf(column, row) : null;
}

/** Puts one value under the current key; "busy" when it is not what it was, or somebody holds the row. */
async function resealRow(services: ResealServices, column: SealedColumn, found: Found): Promise<"changed" | "busy"> {
  const place = column.place(
    Object.fromEntries(columnsOf(column).map((name) => [name, found[name] == null ? null : String(found[name])])),
  );
  const { secrets } = services;
  const value =
    typeof found.value === "string"
      ? secrets.seal(secrets.openBytes(found.value, place), place)
      : secrets.sealBytes(secrets.unsealBytes(found.value, place), place);
  const statement = {
    text: `update ${column.table} set ${column.column} = $1${column.isVersioned ? ", version = version + 1" : ""}
      where (${keyNames(column)}) in (
        select ${keyNames(column)} from ${column.table}
        where (${keyNames(column)}) = (${keyParameters(column, 3)}) and ${column.column} = $2
        for update skip locked)
        and ${column.column} = $2
      returning 1 as done`,
    values: [value, found.value, ...keyOf(column, found)],
  };
  const rows = column.isGuarded
    ? await services.db.transaction(async (tx) => {
        await tx.query({ text: "select set_config('tillgate.reseal', 'on', true)", values: [] });
        return tx.query<Row>(statement);
      })
    : await services.db.query<Row>(statement);
  return rows.length > 0 ? "changed" : "busy";
}

/**
 * Looks at rows from `cursor` on for up to `budgetMs`, and puts those under an older key that is still configured under the
 * current one.
 */
export async function resealSlice(
  services: ResealServices,
  cursor: ResealCursor | null,
  budgetMs: number,
): Promise<ResealSlice> {
  const end = performance.now() + budgetMs;
  const older = services.keyIds.slice(1);
  const slice: ResealSlice = { changed: 0, busy: 0, unreadable: [], next: cursor ?? { column: 0, after: null } };
  while (slice.next !== null && older.length > 0) {
    const { column: index, after } = slice.next;
    const column = SEALED[index];
    if (!column) break;
    const last = await pageEnd(services, column, after);
    const rows = await services.db.query<Found>({
      text: `select ${columnsOf(column).join(", ")}, ${column.column} as value
        from (${pageSql(column, after !== null)}) page
        where ${keyIdSql(column)} = any($${(after?.length ?? 0) + 1}::text[])`,
      values: [...(after ?? []), older],
    });
    for (const row of rows) {
      try {
        slice[await resealRow(services, column, row)] += 1;
      } catch (error) {
        if (isDatabaseFault(error)) throw error;
        if (slice.unreadable.length < UNREADABLE_MAX)
          slice.unreadable.push(`${column.table}.${column.column} ${keyOf(column, row).join(" ")}`);
      }
    }
    slice.next = last ? { column: index, after: last } : { column: index + 1, after: null };
    if (performance.now() >= end && SEALED[slice.next.column]) return slice;
  }
  slice.next = null;
  return slice;
}

/** Everything but a ciphertext that does not open: what the database or its driver said. */
function isDatabaseFault(error: unknown): boolean {
  return !(
    error instanceof Error &&
    (/^a stored secret /.test(error.message) || /authenticate data|authentication tag/i.test(error.message))
  );
}

/** How many values are under which key, over all columns. Keys that the settings do not name are told too. */
export async function countKeyUse(services: Pick<ResealServices, "db">): Promise<KeyUse[]> {
  const uses: KeyUse[] = [];
  for (const column of SEALED) {
    const counts = new Map<string, number>();
    let after: readonly string[] | null = null;
    do {
      const last: string[] | null = await pageEnd(services, column, after);
      const rows = await services.db.query<Row & { keyId: string | null; rows: number }>({
        text: `select ${keyIdSql(column)} as "keyId", count(*)::int as rows
          from (${pageSql(column, after !== null)}) page group by 1`,
        values: after ?? [],
      });
      for (const row of rows) if (row.keyId !== null) counts.set(row.keyId, (counts.get(row.keyId) ?? 0) + row.rows);
      after = last;
    } while (after !== null);
    for (const [keyId, rows] of counts)
      uses.push({ keyId, place: `${column.table}.${column.column}`, rows, isFixed: false });
  }
  // What a second person is to approve stays as it was asked for, under a hash; it ends within days and is not opened after.
  const waiting = await services.db.query<Row & { keyId: string; rows: number }>({
    text: `select split_part(payload->>'sealed', '.', 2) as "keyId", count(*)::int as rows from approvals
      where state in ('PENDING', 'APPROVED') and payload->>'sealed' is not null group by 1`,
    values: [],
  });
  for (const { keyId, rows } of waiting) uses.push({ keyId, place: "approvals.payload", rows, isFixed: true });
  return uses;
}
