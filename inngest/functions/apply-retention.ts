import { addMs, DAY_MS } from "@/server/core/time";
import { removeOldImports } from "@/server/domain/imports/service";
import { inngest } from "../client";
import { services } from "../services";

const REQUEST_LOG_DAYS = 30;
const MAIL_DAYS = 90;

/**
 * Removes what has had its time: stored answers, the request log, counters of limits, mails, links and challenges of the
 * sign-in, files that were imported. Money tables are never touched.
 */
export const applyRetention = inngest.createFunction(
  { id: "apply-retention", triggers: [{ cron: "23 3 * * *" }], concurrency: { limit: 1 }, retries: 2 },
  async () => {
    const { db, clock } = services();
    const now = clock.now();
    await db.query({ text: "delete from idempotent_answers where expires_at < $1", values: [now] });
    await db.query({
      text: "delete from request_log where created_at < $1",
      values: [addMs(now, -REQUEST_LOG_DAYS * DAY_MS)],
    });
    await db.query({
      text: "delete from rate_limits where expire is not null and expire < $1",
      values: [now.getTime()],
    });
    await db.query({
      text: "delete from mails where created_at < $1 and state <> 'QUEUED'",
      values: [addMs(now, -MAIL_DAYS * DAY_MS)],
    });
    await db.query({
      text: "delete from one_time_links where expires_at < $1",
      values: [addMs(now, -MAIL_DAYS * DAY_MS)],
    });
    await db.query({ text: "delete from sign_in_challenges where expires_at < $1", values: [now] });
    await removeOldImports(services());
  },
);
