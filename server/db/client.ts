import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { backoffMs } from "@/server/core/time";
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

/** Serialization failure and deadlock: PostgreSQL undid the whole of it and asks for a repeat. */
const RETRYABLE = new Set(["40001", "40P01"]);
/** With every twentieth statement refused, a transaction of six would still fail here once in a million. */
const ATTEMPTS_MAX = 10;
const RETRY_BASE_MS = 2;
const RETRY_CAP_MS = 100;

/**
 * Repeats what PostgreSQL undid because of others. Those who deadlocked would do so again in step, hence the jitter.
 * `work` runs anew each time, so it must not change anything outside the database.
 */
async function retried<T>(work: () => Promise<T>, stateOf: (error: unknown) => string | null = sqlState): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= ATTEMPTS_MAX || !RETRYABLE.has(stateOf(error) ?? "")) throw error;
      await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt, RETRY_BASE_MS, RETRY_CAP_MS)));
    }
  }
}

/** Prisma's statements outside transactions are repeated like ours; it reports the state one level down. */
class PatientPrismaPg extends PrismaPg {
  override async connect(): ReturnType<PrismaPg["connect"]> {
    const adapter = await super.connect();
    const { queryRaw, executeRaw } = adapter;
    adapter.queryRaw = (query) => retried(() => queryRaw.call(adapter, query), driverState);
    adapter.executeRaw = (query) => retried(() => executeRaw.call(adapter, query), driverState);
    return adapter;
  }
}

function driverState(error: unknown): string | null {
  const cause = error instanceof Error ? error.cause : null;
  return typeof cause === "object" &&
    cause !== null &&
    "originalCode" in cause &&
    typeof cause.originalCode === "string"
    ? cause.originalCode
    : null;
}

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

/** `waitMs` bounds the wait for a free connection, `lockMs` the wait for a row that somebody else changes. */
export function createDatabase(
  url: string,
  options: { connections?: number; name?: string; waitMs?: number; lockMs?: number } = {},
): Database {
  const limits = {
    connectionTimeoutMillis: options.waitMs ?? 5_000,
    statement_timeout: 15_000,
    lock_timeout: options.lockMs ?? 5_000,
    idle_in_transaction_session_timeout: 15_000,
  };
  const pool = new pg.Pool({
    connectionString: url,
    max: options.connections ?? 8,
    application_name: options.name ?? "tillgate",
    idleTimeoutMillis: 60_000,
    ...limits,
    types,
  });
  // A lost idle connection is replaced on the next use; without a listener it would end the process.
  pool.on("error", () => undefined);
  // Nor does one that is lost between two statements of a transaction: the next statement fails, and says so.
  pool.on("connect", (client) => void client.on("error", () => undefined));
  const prisma = new PrismaClient({
    adapter: new PatientPrismaPg({
      connectionString: url,
      max: 4,
      application_name: `${options.name ?? "tillgate"}-prisma`,
      ...limits,
    }),
  });
  const stops = new Set<() => Promise<void>>();

  const query = <R extends Row>(statement: Statement): Promise<R[]> =>
    retried(async () => (await pool.query<R>({ ...statement, values: [...statement.values] })).rows);

  const transaction = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
    retried(async () => {
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
        throw error;
      } finally {
        client.release(broken);
      }
    });

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
