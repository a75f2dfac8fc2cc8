import { randomBytes } from "node:crypto";
import type { Services } from "@/server/context";
import { AppError } from "@/server/core/errors";
import type { Row, Transaction } from "@/server/db/client";
import { type AuditInput, appendAudit } from "@/server/domain/audit/service";
import { type Account, hasSecondFactor } from "./accounts";
import { alertPerson } from "./alerts";
import { endSessionsOf } from "./own-sessions";
import { createLimit, type Limit } from "./rate-limit";
import { base32, findTotpStep, newTotpSecret, totpUri } from "./totp";

/*
 * The second factor: codes of an authenticator app, each good once, and ten recovery codes for the day when the phone is
 * lost. Guessing is counted per person, whichever way the code comes.
 */

export type FactorServices = Pick<Services, "env" | "db" | "secrets" | "clock" | "log" | "nudge">;
type Queries = Pick<Transaction, "query">;

export const TRIES_PER_PERSON = 5;
const WINDOW_SECONDS = 15 * 60;
export const RECOVERY_CODES = 10;
const RECOVERY_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz";
const ISSUER = "Tillgate";

const limits = new WeakMap<object, Limit>();
function limitOf(services: Pick<Services, "db">): Limit {
  const known = limits.get(services.db);
  if (known) return known;
  const made = createLimit(services, {
    name: "second-factor",
    points: TRIES_PER_PERSON,
    durationSeconds: WINDOW_SECONDS,
  });
  limits.set(services.db, made);
  return made;
}

const placeOf = (userId: string): string => `totp_factors|secret|${userId}|-`;

/** Audits what a person did to their own account. */
export function auditOwn(
  tx: Queries,
  services: Pick<Services, "clock">,
  userId: string,
  requestId: string,
  input: Pick<AuditInput, "action" | "before" | "after">,
): Promise<void> {
  return appendAudit(
    tx,
    { actor: { kind: "USER", id: userId }, way: "SCREEN", requestId, clock: services.clock, scope: null },
    { ...input, subjectKind: "user", subjectId: userId, mode: null },
  );
}

/** Recovery codes as they are compared: what people add or mistype around the letters does not count. */
function plainRecoveryCode(typed: string): string | null {
  const plain = typed.toLowerCase().replace(/[^a-z0-9]/g, "");
  return plain.length === 10 ? plain : null;
}

const hashRecoveryCode = (services: Pick<Services, "secrets">, userId: string, plain: string): string =>
  services.secrets.hash(`${userId}:${plain}`, "recovery_code");

function newRecoveryCode(): string {
  let code = "";
  while (code.length < 10) {
    for (const byte of randomBytes(16)) {
      // 248 is the largest multiple of 31 below 256: bytes from there on would make some letters likelier.
      if (byte < 248 && code.length < 10) code += RECOVERY_ALPHABET[byte % RECOVERY_ALPHABET.length];
    }
  }
  return `${code.slice(0, 5)}-${code.slice(5)}`;
}

/** Ten new codes in place of all others. They are in the answer and nowhere else. */
export async function replaceRecoveryCodes(tx: Queries, services: FactorServices, userId: string): Promise<string[]> {
  const codes = Array.from({ length: RECOVERY_CODES }, newRecoveryCode);
  const hashes = codes.map((code) => hashRecoveryCode(services, userId, plainRecoveryCode(code) ?? ""));
  await tx.query({ text: "delete from recovery_codes where user_id = $1", values: [userId] });
  await tx.query({
    text: "insert into recovery_codes (code_hash, user_id, created_at) select hash, $2, $3 from unnest($1::text[]) as hash",
    values: [hashes, userId, services.clock.now()],
  });
  return codes;
}

/**
 * Begins to set up an authenticator app: a new secret that counts for nothing until a code of it was shown. Beginning
 * again before that replaces it.
 * Errors: state_conflict (an app is set up already).
 */
export async function startTotp(
  services: FactorServices,
  user: { id: string; email: string },
): Promise<{ secret: string; uri: string }> {
  const secret = newTotpSecret();
  const rows = await services.db.query({
    text: `insert into totp_factors (user_id, secret, created_at) values ($1, $2, $3)
           on conflict (user_id) do update set secret = $2, created_at = $3 where totp_factors.confirmed_at is null
           returning user_id`,
    values: [user.id, services.secrets.seal(secret, placeOf(user.id)), services.clock.now()],
  });
  if (rows.length === 0) throw new AppError("state_conflict", { detail: "An authenticator app is set up already." });
  return { secret: base32(secret), uri: totpUri(secret, user.email, ISSUER) };
}

async function countTry(services: FactorServices, account: Account, requestId: string): Promise<void> {
  const verdict = await limitOf(services).consume(account.id);
  if (verdict.isAllowed) return;
  if (verdict.isFirst) {
    services.log.warn({ requestId, userId: account.id }, "second factor throttled");
    await services.db.transaction(async (tx) => {
      // Whoever guesses knows the password: half sessions end, so that the next try needs it again.
      await tx.query({
        text: `update sessions set ended_at = $2, end_reason = 'GUESSED_TOO_OFTEN'
               where user_id = $1 and ended_at is null and level <> 'FULL'`,
        values: [account.id, services.clock.now()],
      });
      await auditOwn(tx, services, account.id, requestId, { action: "user.second_factor_throttled" });
      await alertPerson(tx, services, account, { kind: "sign_in_locked" });
    });
    services.nudge("mails");
  }
  throw new AppError("rate_limited", {
    detail: "Too many wrong codes. Try again in 15 minutes.",
    retryAfterSeconds: verdict.retryAfterSeconds,
  });
}

/** Uses up a code of the app that is set up, or being set up (`isConfirmed: false`). A code works once. */
async function takeTotp(
  tx: Queries,
  services: FactorServices,
  userId: string,
  code: string,
  isConfirmed: boolean,
): Promise<boolean> {
  const [row] = await tx.query<Row & { secret: string }>({
    text: "select secret from totp_factors where user_id = $1 and (confirmed_at is not null) = $2",
    values: [userId, isConfirmed],
  });
  if (!row) return false;
  const now = services.clock.now();
  const step = findTotpStep(services.secrets.openBytes(row.secret, placeOf(userId)), code, now);
  if (step === null) return false;
  const used = await tx.query({
    text: `update totp_factors set last_step = $2, confirmed_at = coalesce(confirmed_at, $3)
           where user_id = $1 and (last_step is null or last_step < $2) returning user_id`,
    values: [userId, step, now],
  });
  return used.length > 0;
}

async function takeRecoveryCode(
  tx: Queries,
  services: FactorServices,
  userId: string,
  typed: string,
): Promise<{ left: number } | null> {
  const plain = plainRecoveryCode(typed);
  if (plain === null) return null;
  const [row] = await tx.query<Row & { left: number }>({
    text: `with used as (
             update recovery_codes set used_at = $3 where code_hash = $1 and user_id = $2 and used_at is null returning code_hash
           )
           select (select count(*)::int from recovery_codes where user_id = $2 and used_at is null) - 1 as left from used`,
    values: [hashRecoveryCode(services, userId, plain), userId, services.clock.now()],
  });
  return row ? { left: row.left } : null;
}

/**
 * Proves the second factor with a code of the app or a recovery code, and uses it up. `also` happens with it.
 * Errors: code_wrong, rate_limited, unavailable.
 */
export async function proveByCode<T>(
  services: FactorServices,
  account: Account,
  code: unknown,
  requestId: string,
  also: (tx: Transaction, method: "TOTP" | "RECOVERY_CODE") => Promise<T>,
): Promise<T> {
  await countTry(services, account, requestId);
  const typed = typeof code === "string" ? code.slice(0, 40) : "";
  const digits = typed.replace(/\s/g, "");
  const proven = await services.db.transaction(async (tx) => {
    if (/^\d{6}$/.test(digits)) {
      if (!(await takeTotp(tx, services, account.id, digits, true))) return null;
      return { result: await also(tx, "TOTP"), isRecovery: false };
    }
    const taken = hasSecondFactor(account) ? await takeRecoveryCode(tx, services, account.id, typed) : null;
    if (taken === null) return null;
    await auditOwn(tx, services, account.id, requestId, {
      action: "user.recovery_code_used",
      after: { left: taken.left },
    });
    await alertPerson(tx, services, account, { kind: "recovery_code_used", left: taken.left });
    return { result: await also(tx, "RECOVERY_CODE"), isRecovery: true };
  });
  if (proven === null) {
    await auditOwn(services.db, services, account.id, requestId, { action: "user.second_factor_refused" });
    throw new AppError("code_wrong");
  }
  if (proven.isRecovery) services.nudge("mails");
  await limitOf(services)
    .clear(account.id)
    .catch((error: unknown) => services.log.warn({ error }, "a counter was not cleared"));
  return proven.result;
}

/**
 * Finishes setting up an authenticator app with its first code, and makes the recovery codes when there were none
 * before. They are shown now or never.
 * Errors: state_conflict (nothing was begun), code_wrong, rate_limited, unavailable.
 */
export async function confirmTotp(
  services: FactorServices,
  account: Account,
  code: unknown,
  requestId: string,
): Promise<{ recoveryCodes: string[] | null }> {
  if (account.hasTotp) throw new AppError("state_conflict", { detail: "An authenticator app is set up already." });
  await countTry(services, account, requestId);
  const digits = typeof code === "string" ? code.replace(/\s/g, "").slice(0, 6) : "";
  const confirmed = await services.db.transaction(async (tx) => {
    if (!(await takeTotp(tx, services, account.id, digits, false))) return null;
    const recoveryCodes = hasSecondFactor(account) ? null : await replaceRecoveryCodes(tx, services, account.id);
    await auditOwn(tx, services, account.id, requestId, { action: "user.two_factor_enabled", after: { kind: "totp" } });
    await alertPerson(tx, services, account, { kind: "two_factor_on" });
    return { recoveryCodes };
  });
  if (confirmed === null) throw new AppError("code_wrong");
  services.nudge("mails");
  await limitOf(services)
    .clear(account.id)
    .catch((error: unknown) => services.log.warn({ error }, "a counter was not cleared"));
  return confirmed;
}

/** Refuses to leave a person without the second factor that their role wants. Errors: state_conflict. */
export function requireAnotherFactor(services: Pick<Services, "env">, isRequired: boolean, left: number): void {
  if (isRequired && left === 0 && services.env.TWO_FACTOR === "required")
    throw new AppError("state_conflict", { detail: "Your role needs a second factor. Add another one first." });
}

/** How many second factors a person has left; the person's row is held, so that two removals do not pass each other. */
export async function countFactors(tx: Queries, userId: string): Promise<number> {
  await tx.query({ text: "select 1 from users where id = $1 for update", values: [userId] });
  const [row] = await tx.query<Row & { count: number }>({
    text: `select (select count(*)::int from passkeys where user_id = $1)
             + (select count(*)::int from totp_factors where user_id = $1 and confirmed_at is not null) as count`,
    values: [userId],
  });
  return row?.count ?? 0;
}

/** Removes the authenticator app. Errors: not_found, state_conflict (the role wants a second factor and this is the last). */
export async function removeTotp(
  services: FactorServices,
  account: Account,
  isRequired: boolean,
  requestId: string,
): Promise<void> {
  await services.db.transaction(async (tx) => {
    const rows = await tx.query({
      text: "delete from totp_factors where user_id = $1 returning user_id",
      values: [account.id],
    });
    if (rows.length === 0) throw new AppError("not_found");
    requireAnotherFactor(services, isRequired, await countFactors(tx, account.id));
    await auditOwn(tx, services, account.id, requestId, {
      action: "user.two_factor_disabled",
      before: { kind: "totp" },
    });
    await alertPerson(tx, services, account, { kind: "two_factor_off" });
  });
  services.nudge("mails");
}

/** Ten new recovery codes in place of the old. Errors: state_conflict (there is no second factor to recover). */
export async function renewRecoveryCodes(
  services: FactorServices,
  account: Account,
  requestId: string,
): Promise<string[]> {
  if (!hasSecondFactor(account)) throw new AppError("state_conflict", { detail: "There is no second factor yet." });
  const codes = await services.db.transaction(async (tx) => {
    const made = await replaceRecoveryCodes(tx, services, account.id);
    await auditOwn(tx, services, account.id, requestId, { action: "user.recovery_codes_made" });
    await alertPerson(tx, services, account, { kind: "recovery_codes_made" });
    return made;
  });
  services.nudge("mails");
  return codes;
}

/** Removes every second factor of a person, for an administrator whose colleague lost them. Their sessions end. */
export async function removeSecondFactors(
  tx: Transaction,
  services: Pick<FactorServices, "env" | "db" | "secrets" | "clock">,
  account: Account,
): Promise<void> {
  for (const table of ["totp_factors", "recovery_codes", "passkeys"]) {
    await tx.query({ text: `delete from ${table} where user_id = $1`, values: [account.id] });
  }
  await endSessionsOf(tx, services, account.id, "ENDED_BY_ADMIN");
  await alertPerson(tx, services, account, { kind: "second_step_reset" });
}
