import { RateLimiterPostgres, RateLimiterRes } from "rate-limiter-flexible";
import type { Services } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { Database } from "@/server/db/client";

export type Verdict =
  | { readonly isAllowed: true }
  /** `isFirst` is true once per window: the moment to tell someone. */
  | { readonly isAllowed: false; readonly retryAfterSeconds: number; readonly isFirst: boolean };

export type Limit = {
  /** Counts one try. Closed, not open: without its store nothing is allowed. Errors: unavailable. */
  consume(key: string): Promise<Verdict>;
  /** Takes back one counted try. */
  giveBack(key: string): Promise<void>;
  /** Forgets what was counted. */
  clear(key: string): Promise<void>;
};

/** The library's PostgreSQL store over our own pool, so that every process counts in the same place. */
function storeOf(db: Database) {
  return {
    query: async (statement: { name?: string; text: string; values: readonly unknown[] }) => {
      const rows = await db.query(statement);
      return { rows, rowCount: rows.length };
    },
  };
}

/** A limit of `points` tries in `durationSeconds` for each key. Make it once per process, not per request. */
export function createLimit(
  services: Pick<Services, "db">,
  options: { name: string; points: number; durationSeconds: number },
): Limit {
  const limiter = new RateLimiterPostgres({
    storeClient: storeOf(services.db),
    storeType: "client",
    tableName: "rate_limits",
    tableCreated: true,
    keyPrefix: options.name,
    points: options.points,
    duration: options.durationSeconds,
  });
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw error instanceof RateLimiterRes ? error : new AppError("unavailable", { cause: error });
    }
  };
  return {
    consume: async (key) => {
      try {
        await guarded(() => limiter.consume(key));
        return { isAllowed: true };
      } catch (error) {
        if (!(error instanceof RateLimiterRes)) throw error;
        return {
          isAllowed: false,
          retryAfterSeconds: Math.max(1, Math.ceil(error.msBeforeNext / 1_000)),
          isFirst: error.consumedPoints === options.points + 1,
        };
      }
    },
    giveBack: async (key) => {
      await guarded(() => limiter.reward(key, 1));
    },
    clear: async (key) => {
      await guarded(() => limiter.delete(key));
    },
  };
}
