import { checkChain, sealAudit } from "@/server/domain/audit/service";
import { inngest } from "../client";
import { services } from "../services";

/** Seals what was written since: at most a minute of the audit is without a seal. */
export const sealAuditOften = inngest.createFunction(
  { id: "seal-audit", triggers: [{ cron: "* * * * *" }], concurrency: { limit: 1 }, retries: 2 },
  () => sealAudit(services()),
);

/** Reads the whole chain once a day; what was changed from outside raises an alarm. */
export const checkAuditDaily = inngest.createFunction(
  { id: "check-audit", triggers: [{ cron: "41 2 * * *" }], concurrency: { limit: 1 }, retries: 2 },
  async () => {
    const { entries, headSequence, problemCount } = await checkChain(services(), "check-audit");
    return { entries, headSequence, problemCount };
  },
);
