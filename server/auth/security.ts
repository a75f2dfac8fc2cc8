import { AppError } from "@/server/core/errors";
import type { Row } from "@/server/db/client";
import { type Account, findAccount } from "./accounts";
import { alertPerson } from "./alerts";
import type { Browser } from "./begin-session";
import { endSessionsOf } from "./own-sessions";
import { listPasskeys, type PasskeyItem, provePasskey } from "./passkeys";
import { hashPassword, PasswordSchema, verifyPassword } from "./password";
import { requiresTwoFactor } from "./permissions";
import { createLimit, type Limit } from "./rate-limit";
import { auditOwn, type FactorServices, proveByCode } from "./second-factor";
import { confirmSession, startSession, type WebSession } from "./sessions";

/*
 * How a person signs in, as they see and change it themselves.
 */

export type Security = {
  email: string;
  hasPassword: boolean;
  passwordChangedAt: Date;
  totpSince: Date | null;
  /** Codes that were not used yet. */
  recoveryCodesLeft: number;
  passkeys: PasskeyItem[];
  /** Whether the role wants a second factor, and whether signing in insists on it here. */
  isTwoFactorWanted: boolean;
  isTwoFactorRequired: boolean;
  /** Providers of single sign-on that know this person. */
  identities: { issuer: string; since: Date }[];
};

export async function getSecurity(services: FactorServices, session: WebSession): Promise<Security> {
  const userId = session.user.id;
  const [[row], passkeys, identities] = await Promise.all([
    services.db.query<
      Row & {
        hasPassword: boolean;
        passwordChangedAt: Date;
        totpSince: Date | null;
        recoveryCodesLeft: number;
      }
    >({
      text: `select u.password_hash is not null as "hasPassword", u.password_changed_at as "passwordChangedAt",
               (select t.confirmed_at from totp_factors t where t.user_id = u.id) as "totpSince",
               (select count(*)::int from recovery_codes c where c.user_id = u.id and c.used_at is null) as "recoveryCodesLeft"
             from users u where u.id = $1`,
      values: [userId],
    }),
    listPasskeys(services, userId),
    services.db.query<Row & { issuer: string; since: Date }>({
      text: "select issuer, created_at as since from user_identities where user_id = $1 order by created_at",
      values: [userId],
    }),
  ]);
  if (!row) throw new AppError("session_required");
  const isTwoFactorWanted = requiresTwoFactor(session.user.permissions);
  return {
    ...row,
    email: session.user.email,
    passkeys,
    identities,
    isTwoFactorWanted,
    isTwoFactorRequired: isTwoFactorWanted && services.env.TWO_FACTOR === "required",
  };
}

/** The account of whoever is signed in. Errors: session_required. */
export async function accountOf(services: FactorServices, session: WebSession): Promise<Account> {
  const account = await findAccount(services.db, session.user.id);
  if (account?.state !== "ACTIVE") throw new AppError("session_required");
  return account;
}

const TRIES_PER_PERSON = 10;
const WINDOW_SECONDS = 15 * 60;
const limits = new WeakMap<object, Limit>();
function limitOf(services: FactorServices): Limit {
  const known = limits.get(services.db);
  if (known) return known;
  const made = createLimit(services, {
    name: "own-password",
    points: TRIES_PER_PERSON,
    durationSeconds: WINDOW_SECONDS,
  });
  limits.set(services.db, made);
  return made;
}

async function checkOwnPassword(
  services: FactorServices,
  account: Account,
  password: unknown,
  pointer: string,
): Promise<void> {
  const verdict = await limitOf(services).consume(account.id);
  if (!verdict.isAllowed)
    throw new AppError("rate_limited", {
      detail: "Too many wrong passwords. Try again in 15 minutes.",
      retryAfterSeconds: verdict.retryAfterSeconds,
    });
  if (!(await verifyPassword(account.passwordHash, typeof password === "string" ? password : "")))
    throw new AppError("validation_failed", { errors: [{ pointer, detail: "is wrong" }] });
  await limitOf(services)
    .clear(account.id)
    .catch((error: unknown) => services.log.warn({ error }, "a counter was not cleared"));
}

export type Proof =
  | { kind: "password"; password: unknown }
  | { kind: "code"; code: unknown }
  | { kind: "passkey"; response: unknown };

/** What this person can prove with. A password alone is enough only for whoever has no second factor. */
export function proofsOf(account: Account): Proof["kind"][] {
  const proofs: Proof["kind"][] = [];
  if (account.passkeys > 0) proofs.push("passkey");
  if (account.hasTotp || account.passkeys > 0) proofs.push("code");
  else if (account.passwordHash !== null) proofs.push("password");
  return proofs;
}

/**
 * Proves again who one is, before something is changed that a stolen session must not change. The session gets a new token.
 * Errors: validation_failed (password), code_wrong, passkey_refused, rate_limited, session_required.
 */
export async function confirmIdentity(
  services: FactorServices,
  session: WebSession,
  proof: Proof,
  requestId: string,
): Promise<{ token: string; expiresAt: Date }> {
  const account = await accountOf(services, session);
  if (!proofsOf(account).includes(proof.kind)) throw new AppError("permission_denied");
  const renewed = await prove(services, session, account, proof, requestId);
  if (!renewed) throw new AppError("session_required");
  return renewed;
}

async function prove(
  services: FactorServices,
  session: WebSession,
  account: Account,
  proof: Proof,
  requestId: string,
): Promise<{ token: string; expiresAt: Date } | null> {
  if (proof.kind === "code")
    return proveByCode(services, account, proof.code, requestId, (tx, method) =>
      confirmSession(tx, services, session.id, method),
    );
  if (proof.kind === "passkey") {
    const proven = await provePasskey(services, proof.response, requestId);
    if (proven.account.id !== account.id) throw new AppError("passkey_refused");
    return confirmSession(services.db, services, session.id, "PASSKEY");
  }
  await checkOwnPassword(services, account, proof.password, "/password");
  return confirmSession(services.db, services, session.id, "PASSWORD");
}

/**
 * Changes one's own password, the old one in hand. Every other session ends, and this one gets a new token. The old password
 * proves who one is as far as it does elsewhere: not for whoever has a second factor.
 * Errors: validation_failed (old password wrong, new one too short), rate_limited.
 */
export async function changePassword(
  services: FactorServices,
  session: WebSession,
  input: { current: unknown; next: unknown; browser: Browser },
  requestId: string,
): Promise<{ token: string; expiresAt: Date }> {
  const account = await accountOf(services, session);
  const next = PasswordSchema.safeParse(input.next);
  if (!next.success)
    throw new AppError("validation_failed", {
      errors: [{ pointer: "/next", detail: next.error.issues[0]?.message ?? "is not a password" }],
    });
  await checkOwnPassword(services, account, input.current, "/current");
  if (await verifyPassword(account.passwordHash, next.data))
    throw new AppError("validation_failed", { errors: [{ pointer: "/next", detail: "is the one you have" }] });
  const hash = await hashPassword(next.data);
  const renewed = await services.db.transaction(async (tx) => {
    await tx.query({
      text: "update users set password_hash = $2, password_changed_at = $3, updated_at = $3 where id = $1",
      values: [account.id, hash, services.clock.now()],
    });
    await endSessionsOf(tx, services, account.id, "PASSWORD_CHANGED");
    await auditOwn(tx, services, account.id, requestId, { action: "user.password_changed" });
    await alertPerson(tx, services, account, { kind: "password_changed" });
    return startSession(tx, services, {
      userId: account.id,
      address: input.browser.address,
      userAgent: input.browser.userAgent,
      replaces: null,
      method: session.method,
      ...(proofsOf(account).includes("password") ? {} : { confirmedAt: session.confirmedAt }),
    });
  });
  services.nudge("mails");
  return renewed;
}
