import { newId } from "@/server/core/ids";
import { checkInvariants } from "@/server/domain/invariants";
import { inngest } from "../client";
import { services } from "../services";

/** Runs every invariant hourly; a broken one raises an alarm that a person sees. */
export const checkInvariantsHourly = inngest.createFunction(
  { id: "check-invariants", triggers: [{ cron: "7 * * * *" }], concurrency: { limit: 1 }, retries: 2 },
  async () => {
    const { db, clock, log } = services();
    const broken = (await checkInvariants(db)).filter((result) => result.broken > 0);
    for (const result of broken) {
      log.error({ name: result.id, count: result.broken }, "an invariant is broken");
      await db.query({
        text: `insert into alarms (id, kind, subject_kind, subject_id, message, raised_at) values ($1,'invariant_broken','invariant',$2,$3,$4)
          on conflict (kind, subject_id) where cleared_at is null do nothing`,
        values: [
          newId("alarm"),
          result.id,
          `${result.title}: broken by ${result.broken} (${result.examples.join(", ")})`,
          clock.now(),
        ],
      });
    }
    return { checked: true, broken: broken.map((result) => result.id) };
  },
);
