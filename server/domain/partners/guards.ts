import type { ServiceContext } from "@/server/context";
import { AppError, type ErrorCode } from "@/server/core/errors";
import { sqlState, violatedConstraint } from "@/server/db/client";

/**
 * Refuses everyone but our own code: what is registered without asking Klarna is registered by the seed and by tests.
 * Errors: permission_denied.
 */
export function requireOwnCode(ctx: ServiceContext): void {
  if (ctx.actor.kind !== "SYSTEM") throw new AppError("permission_denied");
}

/** Answers a Partner outside the caller's scope like one that does not exist. Errors: not_found. */
export function requirePartner(ctx: Pick<ServiceContext, "scope">, partnerId: string): void {
  if (ctx.scope.partners !== "all" && !ctx.scope.partners.includes(partnerId)) throw new AppError("not_found");
}

/** Turns a refused unique reference into its error code; everything else passes. */
export async function takingReference<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (/_(reference|name)_key$|_account_id_key$/.test(violatedConstraint(error) ?? ""))
      throw new AppError("reference_taken", { cause: error });
    throw error;
  }
}

/**
 * As `takingReference`, for a row that hangs on others: a foreign key that finds nothing means a neighbour outside this
 * Partner and mode, which to the caller does not exist.
 */
export async function withNeighbours<T>(missing: ErrorCode, work: () => Promise<T>): Promise<T> {
  try {
    return await takingReference(work);
  } catch (error) {
    if (sqlState(error) === "23503") throw new AppError(missing, { cause: error });
    throw error;
  }
}
