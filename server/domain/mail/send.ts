import { createTransport } from "nodemailer";
import type { Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import { maskSecrets, singleLine } from "@/server/core/redact";
import { addMs, HOUR_MS, MINUTE_MS, SECOND_MS } from "@/server/core/time";
import * as repository from "./repository";

type SendServices = Pick<Services, "env" | "db" | "secrets" | "clock" | "log">;

/** Where a text stands, for its encryption. */
export const bodyPlace = (mailId: string, partnerId: string | null): string =>
  `mails|body_secret|${mailId}|${partnerId ?? "-"}`;

/** Longer than all timeouts of one conversation with the mail server together. */
const LEASE_MS = 2 * MINUTE_MS;
const TIMEOUT_MS = 10 * SECOND_MS;
/** Waits after the first, second, … failed try: a day and a half in all. */
const WAITS_MS = [MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS, 8 * HOUR_MS, 24 * HOUR_MS];
const BATCH_MAX = 50;

/** Why a mail server does not want a mail, in a line without anything personal. */
function failureOf(error: unknown): { words: string; isFinal: boolean } {
  const code = error instanceof Error && "responseCode" in error ? Number(error.responseCode) : Number.NaN;
  const words = singleLine(maskSecrets(error instanceof Error ? error.message : String(error))).slice(0, 300);
  // 5xx is the server's last word on this mail; but not on how we signed in or spoke, which a setting may mend.
  return { words, isFinal: code >= 550 && code < 560 };
}

/**
 * Sends mails that are due, one after the other. Answers how many were sent and how many were not.
 *
 * A mail that cannot be sent is tried again for a day and a half, then given up with an alarm; so is one that the server
 * refuses for good. One that is worth nothing any more (`notAfter`) is given up silently. Sent at least once: the
 * Message-ID is the mail's own, so that a repeat can be recognised.
 */
export async function sendDueMails(services: SendServices): Promise<{ sent: number; failed: number }> {
  const { env, db, clock } = services;
  const counts = { sent: 0, failed: 0 };
  if (env.SMTP_URL === undefined) return counts;
  const transport = createTransport(
    { url: env.SMTP_URL, connectionTimeout: TIMEOUT_MS, greetingTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS },
    { from: env.MAIL_FROM },
  );
  try {
    for (let count = 0; count < BATCH_MAX; count += 1) {
      const now = clock.now();
      const mail = await repository.claimMail(db, now, addMs(now, LEASE_MS));
      if (!mail) break;
      if (mail.bodySecret === null || (mail.notAfter !== null && mail.notAfter <= now)) {
        await repository.markFailure(db, mail.id, "It was worth nothing any more.", null);
        counts.failed += 1;
        continue;
      }
      const text = services.secrets.open(mail.bodySecret, bodyPlace(mail.id, mail.partnerId));
      try {
        await transport.sendMail({
          to: mail.to,
          subject: mail.subject,
          text,
          messageId: `<${mail.id}@${new URL(env.PUBLIC_URL).hostname}>`,
          headers: { "Auto-Submitted": "auto-generated" },
          disableFileAccess: true,
          disableUrlAccess: true,
        });
        await repository.markSent(db, mail.id, clock.now());
        counts.sent += 1;
      } catch (error) {
        counts.failed += 1;
        await recordFailure(services, mail, error);
      }
    }
  } finally {
    transport.close();
  }
  return counts;
}

async function recordFailure(services: SendServices, mail: repository.DueMail, error: unknown): Promise<void> {
  const { words, isFinal } = failureOf(error);
  const wait = WAITS_MS[mail.attempts - 1];
  const now = services.clock.now();
  const next = isFinal || wait === undefined ? null : addMs(now, wait);
  services.log.warn({ mailId: mail.id, kind: mail.kind, attempts: mail.attempts, reason: words }, "mail not sent");
  await services.db.transaction(async (tx) => {
    const isChanged = await repository.markFailure(tx, mail.id, words, next);
    if (!isChanged || next !== null) return;
    await repository.raiseMailAlarm(tx, {
      id: newId("alarm"),
      mailId: mail.id,
      partnerId: mail.partnerId,
      message: `A mail could not be sent. ${words}`,
      now,
    });
  });
}
