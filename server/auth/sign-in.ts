import type { Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import { emailSchema } from "@/server/core/schema";
import type { Row } from "@/server/db/client";
import { type AuditContext, appendAudit } from "@/server/domain/audit/service";
import { addressGroup } from "./client-address";
import { prepareDummyHash, verifyPassword } from "./password";
import { createLimit, type Limit } from "./rate-limit";
import { endSession, startSession } from "./sessions";

type SignInServices = Pick<Services, "env" | "db" | "secrets" | "clock" | "log">;

export type SignInAttempt = {
  readonly email: unknown;
  readonly password: unknown;
  readonly address: string | null;
  readonly userAgent: string | null;
  /** The token that the browser holds already; it ends with the sign-in. */
  readonly replaces: string | null;
  readonly requestId?: string;
};

export type SignInOutcome =
  | {
      readonly kind: "signed_in";
      readonly userId: string;
      readonly sessionId: string;
      readonly token: string;
      readonly expiresAt: Date;
    }
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
  const { account, address } = limitsOf(services);
  const audit: AuditContext = {
    actor: { kind: "SYSTEM", id: "sign-in" },
    way: "SCREEN",
    requestId: attempt.requestId ?? newId("request"),
    clock: services.clock,
    scope: null,
  };

  const verdicts = await Promise.all([account.consume(accountKey), address.consume(addressKey)]);
  const refusals = verdicts.filter((verdict) => !verdict.isAllowed);
  if (refusals.length > 0) {
    if (refusals.some((refusal) => refusal.isFirst)) {
      services.log.warn(
        { requestId: audit.requestId, kind: verdicts[0].isAllowed ? "address" : "account" },
        "sign-in throttled",
      );
      await appendAudit(services.db, audit, {
        action: "session.throttled",
        subjectKind: "user",
        subjectId: (await findPerson(services, typed))?.id ?? "unknown",
        mode: null,
        after: { kind: verdicts[0].isAllowed ? "address" : "account" },
      });
    }
    return { kind: "throttled", retryAfterSeconds: Math.max(...refusals.map((refusal) => refusal.retryAfterSeconds)) };
  }

  const person = await findPerson(services, typed);
  const isRight = await verifyPassword(person?.password_hash ?? null, password);
  if (!person || !isRight || person.state !== "ACTIVE") {
    await appendAudit(services.db, audit, {
      action: "session.refused",
      subjectKind: "user",
      subjectId: person?.id ?? "unknown",
      mode: null,
    });
    return { kind: "refused" };
  }

  const userId = person.id;
  const started = await services.db.transaction(async (tx) => {
    const session = await startSession(tx, services, { ...attempt, userId });
    await appendAudit(
      tx,
      { ...audit, actor: { kind: "USER", id: userId } },
      {
        action: "session.started",
        subjectKind: "session",
        subjectId: session.id,
        mode: null,
        after: { method: "password" },
      },
    );
    return session;
  });
  // The counters have done their duty; a failure to forget them must not undo a sign-in that is already written.
  await Promise.allSettled([account.clear(accountKey), address.giveBack(addressKey)]);
  return { kind: "signed_in", userId, sessionId: started.id, token: started.token, expiresAt: started.expiresAt };
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
    await appendAudit(
      tx,
      {
        actor: { kind: "USER", id: ended.userId },
        way: "SCREEN",
        requestId,
        clock: services.clock,
        scope: null,
      },
      {
        action: "session.ended",
        subjectKind: "session",
        subjectId: ended.id,
        mode: null,
        after: { reason: "SIGNED_OUT" },
      },
    );
  });
}

type Person = Row & {
  id: string;
  state: string;
  password_hash: string;
};

/** An address that is not plain ASCII belongs to nobody: look-alikes of `@` and letters never reach the comparison. */
async function findPerson(services: SignInServices, typed: string): Promise<Person | null> {
  const email = emailSchema.safeParse(typed);
  const [person] = await services.db.query<Person>({
    name: "person_by_email",
    text: "select id, state, password_hash from users where email = $1",
    values: [email.success ? email.data : ""],
  });
  return person ?? null;
}
