import { type Services, systemContext } from "@/server/context";
import { appendAudit } from "@/server/domain/audit/service";
import { queueMail } from "@/server/domain/mail/service";
import * as notices from "./repository-notices";
import { DISABLE_AFTER_MS } from "./schedule";

/*
 * An endpoint that is switched off by itself is marked in the statement that does it. Its audit entry and the mails to
 * its owner's administrators follow here, in one transaction that takes the mark away: at once as a rule, with the next
 * sweep after a crash, never twice.
 */

const DAYS = Math.round(DISABLE_AFTER_MS / 86_400_000);

/** Writes what is due about endpoints that were switched off. Returns how many there were. */
export async function sendNotices(services: Services): Promise<number> {
  let told = 0;
  while (await sendNextNotice(services)) told += 1;
  if (told > 0) services.nudge("mails");
  return told;
}

function sendNextNotice(services: Services): Promise<boolean> {
  return services.db.transaction(async (tx) => {
    const endpoint = await notices.takeDueNotice(tx);
    if (!endpoint) return false;
    const ctx = systemContext(services, "webhooks", endpoint.mode);
    await appendAudit(tx, ctx, {
      action: "webhook_endpoint.disabled",
      subjectKind: "webhook_endpoint",
      subjectId: endpoint.id,
      partnerId: endpoint.partnerId,
      before: { status: "ENABLED" },
      after: { status: "DISABLED", reason: endpoint.reason },
    });
    const mail = textOf(services, endpoint);
    for (const to of await notices.findAdminMails(tx, endpoint.partnerId)) {
      await queueMail(tx, services, {
        kind: "webhook_endpoint_disabled",
        to,
        partnerId: endpoint.partnerId,
        ...mail,
      });
    }
    return true;
  });
}

function textOf(services: Services, endpoint: notices.DueNotice): { subject: string; text: string } {
  // The query of an address may hold a key of the Partner's: not for a mail.
  const address = endpoint.url.split("?")[0] ?? "";
  const host = URL.canParse(endpoint.url) ? new URL(endpoint.url).host : address;
  const why =
    endpoint.reason === "gone"
      ? "It answered that it is gone (HTTP 410)."
      : `It has answered nothing but failures for ${DAYS} days.`;
  return {
    subject: `Webhook endpoint switched off: ${host}`,
    text: [
      `Webhooks are no longer sent to ${address} (${endpoint.mode} mode of ${endpoint.partnerName}).`,
      why,
      "What it was still owed has been given up, and new events are not kept for it.",
      "",
      "When the receiver works again, switch the endpoint on and send the failed deliveries once more:",
      `${services.env.PUBLIC_URL}/webhooks/${endpoint.id}`,
      "",
    ].join("\n"),
  };
}
