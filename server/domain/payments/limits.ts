import { AppError } from "@/server/core/errors";
import { isOpenOperation, type Loaded } from "./change";
import type { OperationKind, OperationRow } from "./rows";

/* How many operations Klarna takes on one transaction. Checked before the call, under the payment's lock. */

const KIND_MAX = 200;
const OPERATIONS_MAX = 500;

export type CountedKind = "CAPTURE" | "REFUND" | "VOID" | "UPDATE" | "REAUTHORIZE";

const counts = (operation: OperationRow): boolean => isOpenOperation(operation) || operation.state === "SUCCEEDED";
const isKind = (operations: readonly OperationRow[], kind: OperationKind): OperationRow[] =>
  operations.filter((operation) => operation.kind === kind && counts(operation));

/**
 * What has been done on the transaction, or may still be. A capture that Klarna made with the approval counts, though it
 * has no call of its own; what Klarna refused, and a change of the request before there was a transaction, does not.
 */
export function countOperations({ operations, captures, refunds }: Loaded): Record<CountedKind | "ALL", number> {
  const of = (kind: CountedKind): number => isKind(operations, kind).length;
  const counted = {
    CAPTURE: captures.filter((capture) => capture.state !== "FAILED").length,
    REFUND: refunds.filter((refund) => refund.state !== "FAILED").length,
    VOID: of("VOID"),
    UPDATE: isKind(operations, "UPDATE").filter((operation) => operation.result !== "REQUEST_UPDATED").length,
    REAUTHORIZE: of("REAUTHORIZE"),
  };
  return { ...counted, ALL: Object.values(counted).reduce((sum, count) => sum + count, 0) };
}

/** Errors: operation_limit_reached. */
export function requireRoom(loaded: Loaded, kind: CountedKind): void {
  const counted = countOperations(loaded);
  const isLimited = kind === "CAPTURE" || kind === "REFUND" || kind === "VOID";
  if ((!isLimited || counted[kind] < KIND_MAX) && counted.ALL < OPERATIONS_MAX) return;
  throw new AppError("operation_limit_reached", {
    params: { kind: kind.toLowerCase(), count: isLimited ? counted[kind] : counted.ALL },
  });
}
