import { recordInvariants } from "@/server/domain/overview/service";
import { inngest } from "../client";
import { services } from "../services";

/** Runs every invariant hourly and keeps what it found; a broken one raises an alarm that a person sees. */
export const checkInvariantsHourly = inngest.createFunction(
  { id: "check-invariants", triggers: [{ cron: "7 * * * *" }], concurrency: { limit: 1 }, retries: 2 },
  async () => {
    const { results } = await recordInvariants(services(), "check-invariants");
    return { checked: true, broken: results.filter((result) => result.broken > 0).map((result) => result.id) };
  },
);
