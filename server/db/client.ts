import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { PrismaClient } from "./generated/client";

/** BIGINT columns hold minor units and positions: safe integers in code. A value beyond that is an error, not a guess. */
function parseBigint(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} is beyond a safe integer`);
  return value;
}
const types = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === pg.types.builtins.INT8 && format !== "binary"
      ? parseBigint
      : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

export type Row = Record<string, unknown>;
/** A parameterised statement; with a `name` it is prepared once per connection. */
export type Statement = { name?: string; text: string; values: readonly unknown[] };

export type Database = {
  /** Prisma, for reads and forms. */
  readonly prisma: PrismaClient;
  /** One parameterised statement on the pool: the way of every hot write. */
  query<R extends Row>(statement: Statement): Promise<R[]>;
  /** Statements that must commit together where one statement cannot say it. READ COMMITTED, retried on deadlock. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Hears a NOTIFY channel on a connection of its own that comes back by itself; returns how to stop. */
  listen(channel: string, heard: (payload: string) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
};
export type Transaction = { query<R extends Row>(statement: Statement): Promise<R[]> };

const RETRYABLE = new Set(["40001", "40P01"]);
const ATTEMPTS_MAX = 5;

/** SQLSTATE of an error that PostgreSQL reported, else null. */
export function sqlState(error: unknown): string | null {
  return error instanceof Error && "code" in error && typeof error.code === "string" && /^[0-9A-Z]{5}$/.test(error.code)
    ? error.code
    : null;
}

/** Name of the constraint that refused a row, else null. */
export function violatedConstraint(error: unknown): string | null {
  return error instanceof Error && "constraint" in error && typeof error.constraint === "string"
    ? error.constraint
    : null;
}

export function createDatabase(url: string, options: { connections?: number; name?: string } = {}): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.connections ?? 8,
    application_name: options.name ?? "tillgate",
    idleTimeoutMillis: 60_000,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 15_000,
    lock_timeout: 5_000,
    idle_in_transaction_session_timeout: 15_000,
    types,
  });
  // A lost idle connection is replaced on the next use; without a listener it would end the process.
  pool.on("error", () => undefined);
  const prisma = new PrismaClient({
    adapter: new PrismaPg({ connectionString: url, max: 4, application_name: `${options.name ?? "tillgate"}-prisma` }),
  });
  const stops = new Set<() => Promise<void>>();

  async function query<R extends Row>(statement: Statement): Promise<R[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return (await pool.query<R>({ ...statement, values: [...statement.values] })).rows;
      } catch (error) {
        if (attempt >= ATTEMPTS_MAX || !RETRYABLE.has(sqlState(error) ?? "")) throw error;
      }
    }
  }

  async function transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const client = await pool.connect();
      let broken: Error | undefined;
      try {
        await client.query("BEGIN");
        const result = await work({
          query: async <R extends Row>(statement: Statement) =>
            (await client.query<R>({ ...statement, values: [...statement.values] })).rows,
        });
        await client.query("COMMIT");
        return result;
      } catch (error) {
        await client.query("ROLLBACK").catch((failure: unknown) => {
          broken = failure instanceof Error ? failure : new Error(String(failure));
        });
        if (attempt >= ATTEMPTS_MAX || !RETRYABLE.has(sqlState(error) ?? "")) throw error;
      } finally {
        client.release(broken);
      }
    }
  }

  async function listen(channel: string, heard: (payload: string) => void): Promise<() => Promise<void>> {
    let client: pg.Client | null = null;
    let stopped = false;
    let timer: NodeJS.Timeout | undefined;
    const connect = async (): Promise<void> => {
      const next = new pg.Client({
        connectionString: url,
        application_name: `${options.name ?? "tillgate"}-listen`,
        keepAlive: true,
      });
      const again = (): void => {
        if (client === next) client = null;
        if (!stopped && !timer) {
          timer = setTimeout(() => {
            timer = undefined;
            connect().catch(again);
          }, 500);
          timer.unref();
        }
      };
      next.on("error", again);
      next.on("end", again);
      next.on("notification", (message) => heard(message.payload ?? ""));
      await next.connect();
      await next.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
      client = next;
    };
    await connect();
    const stop = async (): Promise<void> => {
      stopped = true;
      clearTimeout(timer);
      stops.delete(stop);
      await client?.end();
    };
    stops.add(stop);
    return stop;
  }

  return {
    prisma,
    query,
    transaction,
    listen,
    close: async () => {
      await Promise.allSettled([...stops].map((stop) => stop()));
      await prisma.$disconnect();
      await pool.end();
    },
  };
}
