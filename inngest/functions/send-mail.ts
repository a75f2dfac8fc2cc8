import { inngest } from "@/inngest/client";
import { services } from "@/inngest/services";
import { sendDueMails } from "@/server/domain/mail/service";
import { SIGNALS } from "@/server/events/catalog";

/** Sends what is written down, at once and every minute; each mail's own row says when it is tried again. */
export const sendMail = inngest.createFunction(
  {
    id: "send-mail",
    triggers: [{ event: SIGNALS.mails }, { cron: "* * * * *" }],
    concurrency: { limit: 1 },
    retries: 2,
  },
  async ({ step }) => step.run("send", () => sendDueMails(services())),
);
