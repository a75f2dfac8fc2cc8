import { z } from "zod";
import { requirePermission, type ServiceContext, type Services } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import { sweepOpenPayments } from "@/server/domain/payments/service";
import { processInbox } from "./process";
import * as repository from "./repository";
import type { SweepResult, SweepRun } from "./schema";

/* What a lost event would have told: every noun that is open here is looked up at Klarna, whatever its wake-up says. */

type Counts = Omit<SweepResult, "check" | "title">;
type SweepCheck = { id: string; title: string; run: (services: Services, mode: Mode) => Promise<Counts> };

/** One check for each noun that can be open. A new noun with a reading at Klarna adds its own. */
export const SWEEP_CHECKS: readonly SweepCheck[] = [
  {
    id: "payment_requests",
    title: "Journeys and approvals under way",
    run: (services, mode) => sweepOpenPayments(services, mode, "requests"),
  },
  {
    id: "operations",
    title: "Captures, refunds and releases without a definite answer",
    run: (services, mode) => sweepOpenPayments(services, mode, "operations"),
  },
  {
    id: "late_approvals",
    title: "Approvals that came too late",
    run: (services, mode) => sweepOpenPayments(services, mode, "late_approvals"),
  },
  {
    id: "inbox",
    title: "Events that wait",
    run: async (services) => {
      const { processed, parked } = await processInbox(services);
      return { looked: processed + parked, repaired: processed, failed: 0 };
    },
  },
];

/**
 * One sweep of one mode, kept with what each check found. A check that fails does not hold up the others.
 * `startedBy` is a person's id or a job's name.
 */
export async function sweepKlarna(services: Services, mode: Mode, startedBy: string): Promise<SweepRun> {
  const startedAt = services.clock.now();
  const id = newId("klarnaSweep", startedAt.getTime());
  await repository.insertSweep(services.db, { id, mode, startedBy, startedAt });
  const results: SweepResult[] = [];
  for (const check of SWEEP_CHECKS) {
    try {
      results.push({ check: check.id, title: check.title, ...(await check.run(services, mode)) });
    } catch (error) {
      services.log.error({ error, check: check.id, mode }, "a check of the sweep failed");
      results.push({ check: check.id, title: check.title, looked: 0, repaired: 0, failed: 1 });
    }
  }
  const endedAt = services.clock.now();
  await repository.endSweep(services.db, { id, results, endedAt });
  return { id, mode, startedBy, startedAt, endedAt, results };
}

/** A sweep now, because a person asks for it. Errors: permission_denied. */
export async function runSweep(ctx: ServiceContext): Promise<SweepRun> {
  requirePermission(ctx, "runs:write");
  if (ctx.scope.partners !== "all") throw new AppError("permission_denied");
  return sweepKlarna(ctx, ctx.scope.mode, ctx.actor.id);
}

const ResultsSchema = z
  .array(
    z.object({
      check: z.string(),
      title: z.string(),
      looked: z.number(),
      repaired: z.number(),
      failed: z.number(),
    }),
  )
  .catch([]);

/** The latest sweeps of this mode, newest first. Errors: permission_denied. */
export async function listSweeps(ctx: ServiceContext, limit = 5): Promise<SweepRun[]> {
  requirePermission(ctx, "system:read");
  const runs = await repository.findSweeps(ctx.db, ctx.scope.mode, limit);
  return runs.map((run) => ({ ...run, results: ResultsSchema.parse(run.results) }));
}
