import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { AppError } from "@/server/core/errors";

export type Limits = { readsPerSecond: number; writesPerSecond: number };
/** Far above what a Partner's tills do, far below what would take the service from the others. */
export const DEFAULT_LIMITS: Limits = { readsPerSecond: 3_000, writesPerSecond: 3_000 };

/** Thrown with the headers that the answer needs beside Retry-After. */
export class RateLimited extends AppError {
  readonly headers: Readonly<Record<string, string>>;
  constructor(retryAfterSeconds: number, headers: Readonly<Record<string, string>>) {
    super("rate_limited", { retryAfterSeconds });
    this.headers = headers;
  }
}

/** Counts the calls of each key, reads and writes apart. Returns the headers for the answer. */
export function createLimiter(
  limits: Limits,
): (keyId: string, isWrite: boolean) => Promise<Readonly<Record<string, string>>> {
  const reads = new RateLimiterMemory({ points: limits.readsPerSecond, duration: 1 });
  const writes = new RateLimiterMemory({ points: limits.writesPerSecond, duration: 1 });
  return async (keyId, isWrite) => {
    const name = isWrite ? "writes" : "reads";
    const limiter = isWrite ? writes : reads;
    const headers = (left: number): Record<string, string> => ({
      "ratelimit-policy": `"${name}";q=${limiter.points};w=1`,
      ratelimit: `"${name}";r=${Math.max(0, left)};t=1`,
    });
    try {
      return headers((await limiter.consume(keyId)).remainingPoints);
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes)
        throw new RateLimited(Math.max(1, Math.ceil(refusal.msBeforeNext / 1_000)), headers(0));
      throw refusal;
    }
  };
}
