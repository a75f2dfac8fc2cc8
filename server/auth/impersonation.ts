import { z } from "zod";
import { requirePermission, type ServiceContext, type Services } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { addMs } from "@/server/core/time";
import type { Row, Transaction } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";
import { queueMail } from "@/server/domain/mail/service";
import { findAccount } from "./accounts";
import type { Browser } from "./begin-session";
import { type Audience, resolveRole, type TenantScope } from "./permissions";
import {
  actorOf,
  endSessionRow,
  findSession,
  IMPERSONATION_LIFE_MS,
  renewToken,
  startSession,
  type WebSession,
} from "./sessions";

/*
 * Seeing the screens as a Partner's person does, to help them. It is a session of its own, short, with a part of the
 * person's rights that never reaches credentials, and with the impersonator as the one who acts.
 */

export const ImpersonationReasonSchema = z
  .string()
  .transform((text) => text.replace(/[\p{Cc}\u2028\u2029\s]+/gu, " ").trim())
  .pipe(z.string().min(5, "Say in a few words why").max(300, "Is longer than 300 characters"));

export type Begun = { readonly token: string; readonly expiresAt: Date };

type TargetRow = Row & {
  id: string;
  name: string;
  email: string;
  state: string;
  role: string;
  role_name: string;
  audience: Audience;
  permissions: string[];
  partners: string[];
};

/** A person within sight: for those who see all Partners anybody, for others who belongs to none but theirs. */
async function lockTarget(tx: Transaction, scope: TenantScope, id: string): Promise<TargetRow | null> {
  const [row] = await tx.query<TargetRow>({
    text: `select u.id, u.name, u.email, u.state, u.role, r.name as role_name, r.audience, r.permissions,
             array(select p.partner_id from user_partners p where p.user_id = u.id order by p.partner_id) as partners
           from users u join roles r on r.id = u.role where u.id = $1
             and ($2::text[] is null or (r.audience = 'PARTNER'
               and exists (select 1 from user_partners p where p.user_id = u.id and p.partner_id = any($2))))
           for share of u`,
    values: [id, scope.partners === "all" ? null : scope.partners],
  });
  return row ?? null;
}

const denied = (detail: string): AppError => new AppError("permission_denied", { detail });

/**
 * Begins to see the screens as a Partner's person does: a new session with a new token, half an hour at most and never longer
 * than one's own, which stays and is gone back to. The person hears of it by mail.
 *
 * Errors: permission_denied (one of the acquirer's people, oneself, within another impersonation), not_found (also out of
 * sight), state_conflict (not active), validation_failed (reason), session_required. Case: S17.
 */
export async function startImpersonation(
  ctx: ServiceContext,
  session: WebSession,
  targetId: string,
  input: { reason: unknown; browser: Pick<Browser, "address" | "userAgent"> },
): Promise<Begun> {
  requirePermission(ctx, "users:impersonate");
  if (session.impersonation !== null || session.user.id !== ctx.actor.id)
    throw denied("Stop viewing as this person first.");
  const reason = ImpersonationReasonSchema.safeParse(input.reason);
  const begun = await ctx.db.transaction(async (tx) => {
    const target = await lockTarget(tx, ctx.scope, targetId);
    if (!target) throw new AppError("not_found");
    if (target.id === session.user.id) throw denied("This is you.");
    const role = resolveRole({ ...target, id: target.role, name: target.role_name });
    if (role.audience !== "PARTNER") throw denied("The acquirer's own people cannot be viewed as.");
    if (target.state !== "ACTIVE") throw new AppError("state_conflict", { detail: "This person is not active." });
    if (!reason.success) {
      const detail = reason.error.issues[0]?.message ?? "Is not valid";
      throw new AppError("validation_failed", { detail: `${detail}.`, errors: [{ pointer: "/reason", detail }] });
    }
    const now = ctx.clock.now();
    // One at a time: another that was begun from here ends. Being busy as somebody else does not make one's own session idle.
    const [own] = await tx.query<Row & { expires_at: Date }>({
      text: `update sessions set last_seen_at = $3 where id = $1 and user_id = $2 and ended_at is null and level = 'FULL'
             and expires_at > $3 and impersonator_id is null returning expires_at`,
      values: [session.id, session.user.id, now],
    });
    if (!own) throw new AppError("session_required");
    await tx.query({
      text: "update sessions set ended_at = $2, end_reason = 'REPLACED' where impersonator_session_id = $1 and ended_at is null",
      values: [session.id, now],
    });
    const latest = addMs(now, IMPERSONATION_LIFE_MS);
    const until = new Date(Math.min(own.expires_at.getTime(), latest.getTime()));
    const started = await startSession(tx, ctx, {
      userId: target.id,
      address: input.browser.address,
      userAgent: input.browser.userAgent,
      replaces: null,
      method: session.method,
      impersonation: {
        by: { id: session.user.id, name: session.user.name },
        reason: reason.data,
        ownSessionId: session.id,
        until,
      },
    });
    await appendAudit(tx, ctx, {
      action: "impersonation.started",
      subjectKind: "user",
      subjectId: target.id,
      partnerId: target.partners[0] ?? null,
      mode: null,
      after: { name: target.name, reason: reason.data, session: { id: started.id }, expires_at: until },
    });
    await queueMail(tx, ctx, {
      kind: "impersonation_started",
      to: target.email,
      partnerId: target.partners[0] ?? null,
      subject: "Support views Tillgate as you",
      text: mailText(ctx, target.name, reason.data, now, until),
    });
    return started;
  });
  ctx.nudge("mails");
  return { token: begun.token, expiresAt: begun.expiresAt };
}

/** To a Partner's people the acquirer's staff has no names; the audit has them. */
function mailText(ctx: Pick<Services, "env">, name: string, reason: string, from: Date, until: Date): string {
  const utc = (at: Date): string => at.toISOString().slice(0, 16).replace("T", " ");
  return [
    `Hello ${name},`,
    "One of the acquirer's support staff has begun to view Tillgate as you do, to help you.",
    `Reason: ${reason}\nFrom: ${utc(from)} UTC\nUntil: ${utc(until)} UTC at the latest`,
    "They cannot move money, change your password, second step, keys, webhooks, people or payout data, nor decide approvals. What they do change is in the audit, with both names' ids:",
    new URL("/audit", ctx.env.PUBLIC_URL).href,
    "If you did not ask for help, tell your administrator and the acquirer.",
  ]
    .join("\n\n")
    .concat("\n");
}

/**
 * Ends seeing the screens as another person. Answers a new token of one's own session, with the person that was seen; null
 * when the token is of no such session, or it is over already.
 */
export async function stopImpersonation(
  services: Pick<Services, "env" | "db" | "secrets" | "clock">,
  token: string,
  requestId: string = newId("request"),
): Promise<(Begun & { readonly seen: string }) | null> {
  const session = await findSession(services, token);
  if (!session?.impersonation) return null;
  const { ownSessionId } = session.impersonation;
  return services.db.transaction(async (tx) => {
    if (!(await endSessionRow(tx, services, session.id, "STOPPED"))) return null;
    const own = await renewToken(tx, services, ownSessionId);
    if (!own) return null;
    const account = await findAccount(tx, session.user.id);
    await appendAudit(
      tx,
      { actor: actorOf(session), way: "SCREEN", requestId, clock: services.clock, scope: null },
      {
        action: "impersonation.stopped",
        subjectKind: "user",
        subjectId: session.user.id,
        partnerId: account?.partnerId ?? null,
        mode: null,
        after: { reason: "STOPPED", session: { id: session.id } },
      },
    );
    return { ...own, seen: session.user.id };
  });
}
