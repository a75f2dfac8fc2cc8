import { sweepApprovals } from "@/server/domain/decisions/service";
import { inngest } from "../client";
import { services } from "../services";

/** Ends four-eyes requests past their time, and carries out approved refunds whose approver was cut off. */
export const sweepApprovalsOften = inngest.createFunction(
  { id: "sweep-approvals", triggers: [{ cron: "*/5 * * * *" }], concurrency: { limit: 1 }, retries: 2 },
  () => sweepApprovals(services()),
);
