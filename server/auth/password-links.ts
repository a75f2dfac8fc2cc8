import type { Services } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { addMs } from "@/server/core/time";
import type { Transaction } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { queueMail } from "@/server/domain/mail/service";
import { type Account, findAccount, findAccountByEmail, levelAfterOneFactor } from "./accounts";
import { alertPerson } from "./alerts";
import { type BegunSession, type Browser, beginSession } from "./begin-session";
import { addressGroup } from "./client-address";
import {
  consumeOneTimeLink,
  findOneTimeLink,
  INVITATION_LIFE_MS,
  issueOneTimeLink,
  LINK_LIFE_MS,
  revokeOneTimeLinks,
} from "./one-time-links";
import { endSessionsOf } from "./own-sessions";
import { hashPassword, PasswordSchema } from "./password";
import { createLimit, type Limit } from "./rate-limit";
import { auditOwn } from "./second-factor";

/*
 * Passwords that are set by a link from a mail: after forgetting one, and when an invitation is accepted.
 */

type LinkServices = Pick<Services, "env" | "db" | "secrets" | "clock" | "log" | "nudge">;

const MAILS_PER_ACCOUNT = 3;
const ASKS_PER_ADDRESS = 20;
const WINDOW_SECONDS = 15 * 60;
/** The answer takes this long whether a mail is written or not. */
const ANSWER_MS = 300;
const MINUTES = LINK_LIFE_MS / 60_000;

const limits = new WeakMap<object, { account: Limit; address: Limit }>();
function limitsOf(services: LinkServices): { account: Limit; address: Limit } {
  const known = limits.get(services.db);
  if (known) return known;
  const made = {
    account: createLimit(services, {
      name: "reset-account",
      points: MAILS_PER_ACCOUNT,
      durationSeconds: WINDOW_SECONDS,
    }),
    address: createLimit(services, {
      name: "reset-address",
      points: ASKS_PER_ADDRESS,
      durationSeconds: WINDOW_SECONDS,
    }),
  };
  limits.set(services.db, made);
  return made;
}

const systemActor = { kind: "SYSTEM", id: "sign-in" } as const;

/** Writes the mail that fits the account, or none. */
async function mailLink(tx: Transaction, services: LinkServices, account: Account, requestId: string): Promise<void> {
  const hello = `Hello ${account.name},\n\n`;
  const now = services.clock.now();
  const isInvited = account.state === "INVITED";
  if (isInvited && (!account.invitedAt || addMs(account.invitedAt, INVITATION_LIFE_MS) <= now)) return;
  if (!isInvited && account.state !== "ACTIVE") return;
  const audit = { actor: systemActor, way: "SCREEN", requestId, clock: services.clock, scope: null } as const;
  const subject = { subjectKind: "user", subjectId: account.id, mode: null };
  if (!isInvited && account.passwordHash === null) {
    await queueMail(tx, services, {
      kind: "password_reset",
      to: account.email,
      partnerId: account.partnerId,
      subject: "Your account has no password",
      text: `${hello}You asked for a new password. Your account has none: sign in with ${services.env.OIDC_NAME} instead.\n`,
    });
    return;
  }
  const kind = isInvited ? "INVITE" : "RESET";
  const link = await issueOneTimeLink(tx, services, { kind, userId: account.id, createdBy: "sign-in" });
  await queueMail(tx, services, {
    kind: isInvited ? "invitation" : "password_reset",
    to: account.email,
    partnerId: account.partnerId,
    subject: isInvited ? "Your invitation to Tillgate" : "Set a new password",
    text: `${hello}${isInvited ? "Follow this link to accept your invitation" : "Follow this link to set a new password"}. It works once, within ${MINUTES} minutes.\n\n${link.url}\n\nIf you did not ask for this, you need do nothing.\n`,
    holdsLink: true,
    notAfter: link.expiresAt,
  });
  await appendAudit(tx, audit, {
    action: isInvited ? "user.invitation_renewed" : "user.password_reset_asked",
    ...subject,
  });
}

/**
 * Somebody has forgotten a password, or comes too late for the link of their invitation: mails a new link to the address
 * when it has an account. The answer is the same, and takes as long, whether it has one or not.
 * Errors: rate_limited (by network address), unavailable.
 */
export async function requestPasswordLink(
  services: LinkServices,
  input: { email: unknown; address: string | null },
  requestId: string = newId("request"),
): Promise<void> {
  const typed = typeof input.email === "string" ? input.email.trim().toLowerCase().slice(0, 300) : "";
  const { account: accountLimit, address } = limitsOf(services);
  const verdict = await address.consume(addressGroup(input.address));
  if (!verdict.isAllowed) throw new AppError("rate_limited", { retryAfterSeconds: verdict.retryAfterSeconds });
  const work = async (): Promise<void> => {
    const allowed = await accountLimit.consume(services.secrets.hash(typed, "password-reset"));
    const account = await findAccountByEmail(services.db, typed);
    if (!allowed.isAllowed || !account) return;
    await services.db.transaction((tx) => mailLink(tx, services, account, requestId));
    services.nudge("mails");
  };
  await Promise.all([work(), new Promise((resolve) => setTimeout(resolve, ANSWER_MS))]);
}

/** Whose invitation this link is, for the page that accepts it; null when it is no good any more. */
export async function findInvitation(
  services: LinkServices,
  token: unknown,
): Promise<{ name: string; email: string } | null> {
  const link = await findOneTimeLink(services.db, services, "INVITE", token);
  const account = link ? await findAccount(services.db, link.userId) : null;
  return account?.state === "INVITED" ? { name: account.name, email: account.email } : null;
}

function checkPassword(password: unknown): string {
  const parsed = PasswordSchema.safeParse(password);
  if (parsed.success) return parsed.data;
  throw new AppError("validation_failed", {
    errors: [{ pointer: "/password", detail: parsed.error.issues[0]?.message ?? "is not a password" }],
  });
}

async function writePassword(tx: Transaction, services: LinkServices, userId: string, hash: string): Promise<void> {
  const now = services.clock.now();
  await tx.query({
    text: "update users set password_hash = $2, password_changed_at = $3, updated_at = $3 where id = $1",
    values: [userId, hash, now],
  });
}

/**
 * Sets a new password by a link. Every session of the person ends; their second factor stays as it is, and is asked for
 * when they sign in.
 * Errors: validation_failed (password), link_invalid.
 */
export async function resetPassword(
  services: LinkServices,
  input: { token: unknown; password: unknown },
  requestId: string = newId("request"),
): Promise<void> {
  const hash = await hashPassword(checkPassword(input.password));
  await services.db.transaction(async (tx) => {
    const link = await consumeOneTimeLink(tx, services, "RESET", input.token);
    const account = link ? await findAccount(tx, link.userId) : null;
    if (account?.state !== "ACTIVE") throw new AppError("link_invalid");
    await writePassword(tx, services, account.id, hash);
    await revokeOneTimeLinks(tx, services, { userId: account.id });
    await endSessionsOf(tx, services, account.id, "PASSWORD_CHANGED");
    await auditOwn(tx, services, account.id, requestId, { action: "user.password_reset" });
    await alertPerson(tx, services, account, { kind: "password_changed" });
  });
  services.nudge("mails");
}

/**
 * Accepts an invitation: the person sets a password, is active from then on and signed in, as far as one factor leads.
 * Errors: validation_failed (password), link_invalid.
 */
export async function acceptInvitation(
  services: LinkServices,
  input: { token: unknown; password: unknown; browser: Browser },
  requestId: string = newId("request"),
): Promise<BegunSession> {
  const hash = await hashPassword(checkPassword(input.password));
  const link = await findOneTimeLink(services.db, services, "INVITE", input.token);
  const account = link ? await findAccount(services.db, link.userId) : null;
  if (account?.state !== "INVITED") throw new AppError("link_invalid");
  return beginSession(services, {
    account,
    level: levelAfterOneFactor(services, account),
    method: "PASSWORD",
    browser: input.browser,
    requestId,
    also: async (tx) => {
      if (!(await consumeOneTimeLink(tx, services, "INVITE", input.token))) throw new AppError("link_invalid");
      const now = services.clock.now();
      const rows = await tx.query({
        text: `update users set state = 'ACTIVE', password_hash = $2, password_changed_at = $3, updated_at = $3
               where id = $1 and state = 'INVITED' returning id`,
        values: [account.id, hash, now],
      });
      if (rows.length === 0) throw new AppError("link_invalid");
      await revokeOneTimeLinks(tx, services, { userId: account.id });
      await auditOwn(tx, services, account.id, requestId, {
        action: "user.invitation_accepted",
        before: { state: "INVITED" },
        after: { state: "ACTIVE" },
      });
    },
  });
}
