import type { Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import { type AuditContext, appendAudit } from "@/server/domain/audit/service";
import { findAccount, findAccountByEmail, levelAfterOneFactor } from "./accounts";
import { alertPerson } from "./alerts";
import { type BegunSession, type Browser, beginSession } from "./begin-session";
import { addressGroup } from "./client-address";
import { prepareDummyHash, verifyPassword } from "./password";
import { createLimit, type Limit } from "./rate-limit";
import { endSession } from "./sessions";

export type SignInServices = Pick<Services, "env" | "db" | "secrets" | "clock" | "log" | "nudge">;

export type SignInAttempt = Browser & {
  readonly email: unknown;
  readonly password: unknown;
  readonly requestId?: string;
};

/** `level` says whether that is all: with another than FULL the token opens the pages of the second factor only. */
export type SignInOutcome =
  | BegunSession
  | { readonly kind: "refused" }
  | { readonly kind: "throttled"; readonly retryAfterSeconds: number };

export const TRIES_PER_ACCOUNT = 10;
export const TRIES_PER_ADDRESS = 50;
const WINDOW_SECONDS = 15 * 60;

const limits = new WeakMap<object, { account: Limit; address: Limit }>();

function limitsOf(services: SignInServices): { account: Limit; address: Limit } {
  const known = limits.get(services.db);
  if (known) return known;
  const made = {
    account: createLimit(services, {
      name: "sign-in-account",
      points: TRIES_PER_ACCOUNT,
      durationSeconds: WINDOW_SECONDS,
    }),
    address: createLimit(services, {
      name: "sign-in-address",
      points: TRIES_PER_ADDRESS,
      durationSeconds: WINDOW_SECONDS,
    }),
  };
  limits.set(services.db, made);
  return made;
}

/**
 * Signs a person in with e-mail and password.
 *
 * Every try is counted before anything is looked up, by account and by address, whether the account exists or not. A
 * wrong password, an unknown address and a disabled person get the same answer after the same work. Audited:
 * session.started, session.refused, session.throttled (once per window).
 * Errors: unavailable (the counters cannot be reached).
 */
export async function signIn(services: SignInServices, attempt: SignInAttempt): Promise<SignInOutcome> {
  await prepareDummyHash();
  const typed = typeof attempt.email === "string" ? attempt.email.trim().toLowerCase().slice(0, 300) : "";
  const password = typeof attempt.password === "string" ? attempt.password : "";
  const accountKey = services.secrets.hash(typed, "sign-in");
  const addressKey = addressGroup(attempt.address);
  const { account: accountLimit, address } = limitsOf(services);
  const audit: AuditContext = {
    actor: { kind: "SYSTEM", id: "sign-in" },
    way: "SCREEN",
    requestId: attempt.requestId ?? newId("request"),
    clock: services.clock,
    scope: null,
  };

  const verdicts = await Promise.all([accountLimit.consume(accountKey), address.consume(addressKey)]);
  const refusals = verdicts.filter((verdict) => !verdict.isAllowed);
  if (refusals.length > 0) {
    if (refusals.some((refusal) => refusal.isFirst)) {
      services.log.warn(
        { requestId: audit.requestId, kind: verdicts[0].isAllowed ? "address" : "account" },
        "sign-in throttled",
      );
      const kind = verdicts[0].isAllowed ? "address" : "account";
      const account = await findAccountByEmail(services.db, typed);
      await services.db.transaction(async (tx) => {
        await appendAudit(tx, audit, {
          action: "session.throttled",
          subjectKind: "user",
          subjectId: account?.id ?? "unknown",
          mode: null,
          after: { kind },
        });
        if (kind === "account" && account?.state === "ACTIVE")
          await alertPerson(tx, services, account, { kind: "sign_in_locked" });
      });
      services.nudge("mails");
    }
    return { kind: "throttled", retryAfterSeconds: Math.max(...refusals.map((refusal) => refusal.retryAfterSeconds)) };
  }

  const person = await findAccountByEmail(services.db, typed);
  const isRight = await verifyPassword(person?.passwordHash ?? null, password);
  if (!person || !isRight || person.state !== "ACTIVE") {
    await appendAudit(services.db, audit, {
      action: "session.refused",
      subjectKind: "user",
      subjectId: person?.id ?? "unknown",
      mode: null,
    });
    return { kind: "refused" };
  }

  const begun = await beginSession(services, {
    account: person,
    level: levelAfterOneFactor(services, person),
    method: "PASSWORD",
    browser: attempt,
    requestId: audit.requestId,
  });
  // The counters have done their duty; a failure to forget them must not undo a sign-in that is already written.
  await Promise.allSettled([accountLimit.clear(accountKey), address.giveBack(addressKey)]);
  return begun;
}

/** Ends the session of a token, with its audit entry. Nothing happens when it has ended before. */
export async function signOut(
  services: SignInServices,
  token: string,
  requestId: string = newId("request"),
): Promise<void> {
  await services.db.transaction(async (tx) => {
    const ended = await endSession(tx, services, token, "SIGNED_OUT");
    if (!ended) return;
    const audit: AuditContext = {
      actor: { kind: "USER", id: ended.userId },
      way: "SCREEN",
      requestId,
      clock: services.clock,
      scope: null,
    };
    const after = { reason: "SIGNED_OUT" };
    if (ended.viewedAs !== null) {
      const seen = await findAccount(tx, ended.viewedAs);
      await appendAudit(tx, audit, {
        action: "impersonation.stopped",
        subjectKind: "user",
        subjectId: ended.viewedAs,
        partnerId: seen?.partnerId ?? null,
        mode: null,
        after,
      });
    }
    await appendAudit(tx, audit, {
      action: "session.ended",
      subjectKind: "session",
      subjectId: ended.id,
      mode: null,
      after,
    });
  });
}
