import type { Account } from "../model";
import type { ClassicOperation } from "./operations";

/** What an endpoint of the classic APIs is made of. */

export type ClassicOutcome = { status: number; body: string | null; headers?: Record<string, string> };

export type ClassicRoute = {
  operation: ClassicOperation;
  /** Whether answers are kept under an idempotency key. */
  isKeyed: boolean;
  run: (account: Account, body: unknown) => ClassicOutcome;
};

export const json = (value: unknown, status = 200): ClassicOutcome => ({ status, body: JSON.stringify(value) });
export const NOTHING: ClassicOutcome = { status: 204, body: null };
