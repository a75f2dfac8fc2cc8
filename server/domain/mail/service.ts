import { requirePermission, type ServiceContext, type Services } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { decodeCursor, LIST_TOTAL_MAX, type ListPage, toListPage } from "@/server/core/pagination";
import { emailSchema } from "@/server/core/schema";
import type { Transaction } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import * as repository from "./repository";
import { type MailFilter, type MailItem, MailKindSchema, type MailRecord } from "./schema";
import * as sending from "./send";

export const sendDueMails = sending.sendDueMails;

export type MailInput = {
  /** What it is about: `password_reset`, `invitation`, `webhook_endpoint_disabled`, … */
  kind: string;
  /** One plain address. */
  to: string;
  /** Whose person gets it; null for the acquirer's own people. */
  partnerId: string | null;
  subject: string;
  /** Plain text; lines end with "\n". */
  text: string;
  /** True when the text holds a link that lets someone in: nobody but the receiver reads it, and it goes when it was sent. */
  holdsLink?: boolean;
  /** After this moment it is worth nothing and is not sent any more. */
  notAfter?: Date | null;
};

const SUBJECT_MAX = 200;
const TEXT_MAX = 20_000;

/**
 * Writes a mail down within the transaction of the change that it tells of; it is sent afterwards, or kept when no mail
 * server is set. Answers its id. Call `ctx.nudge("mails")` after the commit; without it the mail goes within a minute.
 *
 * Errors: validation_failed (not a plain address, kind or text out of bounds).
 */
export async function queueMail(
  tx: Pick<Transaction, "query">,
  ctx: Pick<Services, "env" | "secrets" | "clock">,
  input: MailInput,
): Promise<string> {
  const errors = [
    ...(MailKindSchema.safeParse(input.kind).success ? [] : [{ pointer: "/kind", detail: "is not a kind of mail" }]),
    ...(emailSchema.safeParse(input.to).success ? [] : [{ pointer: "/to", detail: "is not an e-mail address" }]),
    ...(input.text === "" || input.text.length > TEXT_MAX
      ? [{ pointer: "/text", detail: "is empty or too long" }]
      : []),
  ];
  if (errors.length > 0) throw new AppError("validation_failed", { errors });
  const id = newId("mail", ctx.clock.now().getTime());
  await repository.insertMail(tx, {
    id,
    kind: input.kind,
    partnerId: input.partnerId,
    to: input.to,
    // A subject is one line: what could start another header is a space.
    subject: input.subject.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").slice(0, SUBJECT_MAX),
    bodySecret: ctx.secrets.seal(input.text, sending.bodyPlace(id, input.partnerId)),
    holdsLink: input.holdsLink ?? false,
    state: ctx.env.SMTP_URL === undefined ? "KEPT" : "QUEUED",
    notAfter: input.notAfter ?? null,
    now: ctx.clock.now(),
  });
  return id;
}

/**
 * Mails within the caller's Partners, newest first, without their texts.
 *
 * Errors: permission_denied, validation_failed (cursor).
 */
export async function listMails(
  ctx: ServiceContext,
  filter: MailFilter,
  page: { limit: number; cursor?: string | null | undefined },
): Promise<ListPage<MailItem>> {
  requirePermission(ctx, "mails:read");
  const { rows, total } = await repository.findMails(ctx.db, ctx.scope, filter, {
    limit: page.limit,
    cursor: page.cursor ? decodeCursor(page.cursor) : null,
    countMax: LIST_TOTAL_MAX,
  });
  return toListPage(rows, page.limit, total);
}

/**
 * One mail with its text. A text that holds a link which lets someone in is shown only where it is the one way to get at
 * it: kept on a demo installation. Each look at such a text is audited.
 *
 * Errors: permission_denied, not_found.
 */
export async function getMail(ctx: ServiceContext, id: string): Promise<MailRecord> {
  requirePermission(ctx, "mails:read");
  const found = await repository.findMail(ctx.db, ctx.scope, id);
  if (!found) throw new AppError("not_found");
  const { bodySecret, ...mail } = found;
  const isHidden = mail.holdsLink && (ctx.env.isProduction || mail.state !== "KEPT");
  const text =
    bodySecret === null || isHidden ? null : ctx.secrets.open(bodySecret, sending.bodyPlace(mail.id, mail.partnerId));
  if (text !== null && mail.holdsLink) {
    await appendAudit(ctx.db, ctx, {
      action: "mail.read",
      subjectKind: "mail",
      subjectId: mail.id,
      partnerId: mail.partnerId,
      mode: null,
      after: { kind: mail.kind },
    });
  }
  return { ...mail, text };
}
