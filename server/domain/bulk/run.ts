import { resolveRole } from "@/server/auth/permissions";
import { createContext, type ServiceContext, type Services } from "@/server/context";
import { isAppError } from "@/server/core/errors";
import { addMs, MINUTE_MS } from "@/server/core/time";
import { sqlState } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { capturePayment, refundOrAsk } from "@/server/domain/payments/service";
import * as repository from "./repository";
import type { BulkRowItem } from "./schema";
import type { BulkRowState } from "./states";

/*
 * The background's part. A row is taken, asked for, and its answer written down; the key that goes along is the row's own, so
 * that a row that a dying process left behind is asked for again and finds what was made.
 */

const BATCH = 20;
/** Payments that are worked on at once. */
const LANES = 4;
const LEASE_MS = 2 * MINUTE_MS;
const TRIES_MAX = 5;

export type BulkProgress = { id: string; rows: number; isDone: boolean };
type Result = { state: BulkRowState; resultId?: string | null; problem?: string | null };

/** Works off the next rows of one running run; for the background. Null when none runs. `only` names one run. */
export async function continueBulk(services: Services, only?: string): Promise<BulkProgress | null> {
  const now = services.clock.now();
  await repository.settleRows(services.db, { now, run: only ?? null });
  const run = await repository.leaseRun(services.db, { now, leaseUntil: addMs(now, LEASE_MS), only: only ?? null });
  if (!run) return null;
  try {
    const ctx = await nameOf(services, run);
    // What a dying process left behind first.
    const left = await repository.findRows(services.db, run, { state: ["ASKING"] }, { after: 0, limit: BATCH });
    if (ctx === null || run.state === "CANCELED") {
      for (const row of left) await giveUp(services, run, row, "The run was stopped before it was asked for.");
      await end(services, run, "cancel", "Who started it may no longer do so.");
      return { id: run.id, rows: left.length, isDone: true };
    }
    const rows =
      left.length > 0
        ? left
        : await repository.findRows(services.db, run, { state: ["READY"] }, { after: 0, limit: BATCH });
    if (rows.length === 0) {
      await end(services, run, "finish");
      return { id: run.id, rows: 0, isDone: true };
    }
    await inLanes(rows, (row) => workOff(services, ctx, run, row));
    return { id: run.id, rows: rows.length, isDone: false };
  } finally {
    await repository.releaseRun(services.db, run);
  }
}

/** Rows of one payment after each other, several payments side by side. */
async function inLanes(rows: readonly BulkRowItem[], work: (row: BulkRowItem) => Promise<void>): Promise<void> {
  const queues = [...Map.groupBy(rows, (row) => row.paymentId).values()];
  const lane = async (): Promise<void> => {
    for (let queue = queues.shift(); queue !== undefined; queue = queues.shift())
      for (const row of queue) await work(row);
  };
  const ends = await Promise.allSettled(Array.from({ length: LANES }, lane));
  const failed = ends.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

async function workOff(
  services: Services,
  ctx: ServiceContext,
  run: repository.RunRow,
  row: BulkRowItem,
): Promise<void> {
  const key = { id: run.id, partnerId: run.partnerId, mode: run.mode, rowNumber: row.rowNumber };
  if (row.state === "READY") {
    try {
      if (!(await repository.claimRow(services.db, key, services.clock.now()))) return;
    } catch (error) {
      if (sqlState(error) !== "23505") throw error;
      const problem = "Asked for already by another run.";
      await repository.moveRow(services.db, key, "SKIPPED", { now: services.clock.now(), problem });
      return;
    }
  }
  const result = await ask(services, ctx, run, row, key);
  if (result !== null)
    await repository.moveRow(services.db, key, result.state, { now: services.clock.now(), ...result });
}

/** What became of a row; null when that is not known yet and it stays as it is. */
async function ask(
  services: Services,
  ctx: ServiceContext,
  run: repository.RunRow,
  row: BulkRowItem,
  key: Parameters<typeof repository.countTry>[1],
): Promise<Result | null> {
  try {
    return run.kind === "CAPTURE" ? await capture(ctx, run, row) : await refund(services, ctx, run, row, key);
  } catch (error) {
    if (isAppError(error) && (error.status < 500 || error.code === "klarna_unavailable"))
      return (await madeMeanwhile(services, run, row)) ?? { state: "FAILED", problem: error.detail };
    // Nobody knows what became of it: it is asked for again under the same key.
    const tries = await repository.countTry(services.db, key, services.clock.now());
    services.log.error(
      { requestId: ctx.requestId, id: run.id, row: row.rowNumber, error },
      "a row of a bulk run broke off",
    );
    if (tries >= TRIES_MAX) await giveUp(services, run, row, "It broke off several times. Nothing was asked for.");
    return null;
  }
}

/** A refusal can come after the row's own capture or refund was begun: then it waits for what that one becomes. */
async function madeMeanwhile(services: Services, run: repository.RunRow, row: BulkRowItem): Promise<Result | null> {
  const resultId = await repository.findMade(
    services.db,
    { ...run, ...row },
    requireAmount(row).paymentId,
    keyOf(run, row),
  );
  return resultId === null ? null : { state: "WAITING", resultId };
}

/** What stands under the row's key decides: it was made, and is what it becomes, or it never was. */
async function giveUp(services: Services, run: repository.RunRow, row: BulkRowItem, problem: string): Promise<void> {
  const key = { id: run.id, partnerId: run.partnerId, mode: run.mode, rowNumber: row.rowNumber };
  const { paymentId } = requireAmount(row);
  const resultId = await repository.findMade(services.db, key, paymentId, keyOf(run, row));
  const now = services.clock.now();
  if (resultId !== null) await repository.moveRow(services.db, key, "WAITING", { now, resultId });
  else await repository.moveRow(services.db, key, "FAILED", { now, problem });
}

const requireAmount = (row: BulkRowItem): { paymentId: string; amount: number } => {
  if (row.paymentId === null || row.amount === null) throw new Error("a row that is ready has a payment and an amount");
  return { paymentId: row.paymentId, amount: row.amount };
};

async function capture(ctx: ServiceContext, run: repository.RunRow, row: BulkRowItem): Promise<Result> {
  const { paymentId, amount } = requireAmount(row);
  const made = await capturePayment(
    ctx,
    paymentId,
    { amount, ...(row.reference === null ? {} : { reference: row.reference }) },
    { key: keyOf(run, row) },
  );
  return resultOf(made);
}

async function refund(
  services: Services,
  ctx: ServiceContext,
  run: repository.RunRow,
  row: BulkRowItem,
  key: Parameters<typeof repository.isApprovalTaken>[1],
): Promise<Result> {
  const { paymentId, amount } = requireAmount(row);
  const outcome = await refundOrAsk(
    ctx,
    paymentId,
    {
      amount,
      ...(row.captureId === null ? {} : { capture: row.captureId }),
      ...(row.reference === null ? {} : { reference: row.reference }),
      ...(row.reason === null ? {} : { reason: row.reason }),
    },
    { key: keyOf(run, row) },
  );
  if (outcome.kind === "refund") return resultOf(outcome.refund);
  if (!outcome.isNew && (await repository.isApprovalTaken(services.db, key, outcome.approvalId)))
    return { state: "FAILED", problem: "The same refund waits for a second person already. Give the rows references." };
  return { state: "APPROVAL", resultId: outcome.approvalId };
}

const keyOf = (run: repository.RunRow, row: BulkRowItem): string => `bulk:${run.id}:${row.rowNumber}`;

function resultOf(made: {
  id: string;
  status: "processing" | "succeeded" | "failed";
  failure: { message: string } | null;
}): Result {
  if (made.status === "succeeded") return { state: "DONE", resultId: made.id };
  if (made.status === "processing") return { state: "WAITING", resultId: made.id };
  return { state: "FAILED", resultId: made.id, problem: made.failure?.message ?? "Klarna refused it." };
}

/** In the name of who started it, with no more than its rows need; null when that person may not do it any more. */
async function nameOf(services: Services, run: repository.RunRow): Promise<ServiceContext | null> {
  const permission = run.kind === "CAPTURE" ? "payments:capture" : "payments:refund";
  const starter = await repository.findStarter(services.db, run.createdBy);
  if (!starter) return null;
  const role = resolveRole(starter.role);
  const isTied = role.audience === "PARTNER" || starter.partners.length > 0;
  if (!role.permissions.includes(permission) || (isTied && !starter.partners.includes(run.partnerId))) return null;
  return createContext(services, {
    actor: {
      kind: "USER",
      id: run.createdBy,
      name: starter.name,
      role: "bulk",
      permissions: ["payments:read", permission],
      partners: [run.partnerId],
    },
    scope: { partners: [run.partnerId], mode: run.mode },
    way: "JOB",
    ...(run.requestId === null ? {} : { requestId: run.requestId }),
  });
}

async function end(
  services: Services,
  run: repository.RunRow,
  move: "finish" | "cancel",
  note?: string,
): Promise<void> {
  await services.db.transaction(async (tx) => {
    const facts = { now: services.clock.now(), ...(note === undefined ? {} : { note }) };
    if (!(await repository.moveRun(tx, run, move, facts))) return;
    const counts = await repository.countRows(tx, run);
    const ctx = createContext(services, {
      actor: { kind: "SYSTEM", id: "bulk", name: "bulk" },
      scope: { partners: [run.partnerId], mode: run.mode },
      way: "JOB",
      ...(run.requestId === null ? {} : { requestId: run.requestId }),
    });
    await appendAudit(tx, ctx, {
      action: move === "finish" ? "bulk.finished" : "bulk.stopped",
      subjectKind: "bulk_run",
      subjectId: run.id,
      partnerId: run.partnerId,
      after: Object.fromEntries(
        [...Map.groupBy(counts, (count) => count.state)].map(([state, of]) => [
          state.toLowerCase(),
          of.reduce((sum, count) => sum + count.count, 0),
        ]),
      ),
    });
  });
}
