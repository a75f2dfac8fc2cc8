import { randomBytes } from "node:crypto";
import type { Services } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import { addMs, HOUR_MS, MINUTE_MS } from "@/server/core/time";
import type { Row, Transaction } from "@/server/db/client";
import { findImpersonator, type Impersonator } from "./impersonator";
import {
  type Actor,
  type Audience,
  IMPERSONATION_PERMISSIONS,
  isRole,
  type Permission,
  resolveRole,
} from "./permissions";

export type SessionServices = Pick<Services, "env" | "db" | "secrets" | "clock">;
export type Queries = Pick<Transaction, "query">;

/** However busy, a session ends after a working day. */
export const SESSION_LIFE_MS = 12 * HOUR_MS;
/** Half a session waits for its second factor no longer than this. */
export const HALF_SESSION_LIFE_MS = 10 * MINUTE_MS;
/** What changes how a person signs in, or what money can do, wants a proof that is no older than this. */
export const CONFIRMED_FOR_MS = 10 * MINUTE_MS;
/** Seeing the screens as another person ends after this, however busy. */
export const IMPERSONATION_LIFE_MS = 30 * MINUTE_MS;
const IDLE_ACQUIRER_MS = 30 * MINUTE_MS;
const IDLE_PARTNER_MS = 60 * MINUTE_MS;
/** How exact "last seen" is; each request within it costs no write. */
const TOUCH_MS = MINUTE_MS;
const TOKEN_BYTES = 32;

/**
 * How far a session has come. With CODE_DUE the password was right and the second factor is due; with ENROLMENT_DUE the
 * person has none yet and must set one up first. Neither is a session for anything else.
 */
export type SessionLevel = "CODE_DUE" | "ENROLMENT_DUE" | "FULL";
/** How the person last proved who they are. */
export type SessionMethod = "PASSWORD" | "TOTP" | "RECOVERY_CODE" | "PASSKEY" | "SSO";

/** Half a session: who it will belong to once the second factor is proven. */
export type HalfSession = {
  readonly id: string;
  readonly level: Exclude<SessionLevel, "FULL">;
  readonly user: { readonly id: string; readonly email: string };
  readonly expiresAt: Date;
};

/** Who is signed in, as the rows say at this moment: a changed role or a disabled person counts at the next request. */
export type WebSession = {
  readonly id: string;
  readonly user: {
    readonly id: string;
    readonly email: string;
    readonly name: string;
    /** A built-in role or the id of one that people made. */
    readonly role: string;
    readonly roleName: string;
    readonly audience: Audience;
    readonly permissions: readonly Permission[];
  };
  /** Which Partners the person may see. */
  readonly partners: "all" | readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly method: SessionMethod;
  /** When the person last proved who they are; never where somebody else sees their screens. */
  readonly confirmedAt: Date | null;
  /** Who of the acquirer's people sees the screens as `user` does, and why; null where it is that person. */
  readonly impersonation: Impersonation | null;
};

export type Impersonation = {
  readonly by: { readonly id: string; readonly name: string };
  readonly reason: string;
  /** The session of their own that they go back to. */
  readonly ownSessionId: string;
};

export type EndReason =
  | "SIGNED_OUT"
  | "REPLACED"
  | "ENDED_BY_USER"
  | "ENDED_BY_ADMIN"
  | "IDLE"
  | "EXPIRED"
  | "USER_DISABLED"
  | "PASSWORD_CHANGED"
  | "GUESSED_TOO_OFTEN"
  | "STOPPED"
  | "IMPERSONATOR_GONE";

const hashOf = (services: Pick<Services, "secrets">, token: string): string => services.secrets.hash(token, "session");
/** After how long without a request a session of these people ends. */
export const idleMsOf = (audience: Audience): number => (audience === "PARTNER" ? IDLE_PARTNER_MS : IDLE_ACQUIRER_MS);

/** Who acts: where somebody sees the screens as another person, it is they who act, as that person. */
export function actorOf(session: WebSession): Extract<Actor, { kind: "USER" }> {
  const { user, impersonation } = session;
  const who = impersonation === null ? user : impersonation.by;
  return {
    kind: "USER",
    id: who.id,
    name: who.name,
    ...(impersonation === null ? {} : { as: { id: user.id, name: user.name } }),
    role: session.user.role,
    permissions: session.user.permissions,
    partners: session.partners,
  };
}

/**
 * Starts a session: a new random token each time, of which only a keyed hash is stored. The token that the browser
 * held before (`replaces`) is worth nothing from then on.
 */
export async function startSession(
  tx: Queries,
  services: SessionServices,
  input: {
    userId: string;
    address: string | null;
    userAgent: string | null;
    replaces: string | null;
    level?: SessionLevel;
    method?: SessionMethod;
    /** When the person last proved who they are; now unless said otherwise. */
    confirmedAt?: Date | null;
    /** Begins a short session in which somebody else sees the person's screens. */
    impersonation?: Impersonation & { until: Date };
  },
): Promise<{ id: string; token: string; expiresAt: Date }> {
  const level = input.level ?? "FULL";
  const now = services.clock.now();
  const id = newId("session");
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  const { impersonation } = input;
  const expiresAt = impersonation?.until ?? addMs(now, level === "FULL" ? SESSION_LIFE_MS : HALF_SESSION_LIFE_MS);
  if (input.replaces !== null) await endSession(tx, services, input.replaces, "REPLACED");
  await tx.query({
    name: "session_start",
    text: `insert into sessions (id, token_hash, user_id, created_at, last_seen_at, expires_at, address, user_agent, level, method, confirmed_at,
             impersonator_id, impersonator_session_id, impersonation_reason)
           values ($1, $2, $3, $4, $4, $5, $6, $7, $8, $9, case when $8 = 'FULL' and $10::text is null then $13::timestamptz end, $10, $11, $12)`,
    values: [
      id,
      hashOf(services, token),
      input.userId,
      now,
      expiresAt,
      input.address,
      input.userAgent?.slice(0, 300) ?? null,
      level,
      input.method ?? "PASSWORD",
      impersonation?.by.id ?? null,
      impersonation?.ownSessionId ?? null,
      impersonation?.reason ?? null,
      input.confirmedAt === undefined ? now : input.confirmedAt,
    ],
  });
  return { id, token, expiresAt };
}

type SessionRow = Row & {
  id: string;
  created_at: Date;
  last_seen_at: Date;
  expires_at: Date;
  user_id: string;
  email: string;
  name: string;
  role: string;
  role_name: string;
  audience: Audience;
  permissions: string[];
  role_partner_id: string | null;
  state: string;
  password_changed_at: Date;
  partners: string[];
  level: SessionLevel;
  method: SessionMethod;
  confirmed_at: Date | null;
  impersonator_id: string | null;
  impersonator_session_id: string | null;
  impersonation_reason: string | null;
};

function endReasonOf(row: SessionRow, audience: Audience, now: Date): EndReason | null {
  if (row.state !== "ACTIVE") return "USER_DISABLED";
  if (row.password_changed_at > row.created_at) return "PASSWORD_CHANGED";
  if (row.expires_at <= now) return "EXPIRED";
  if (now.getTime() - row.last_seen_at.getTime() > idleMsOf(audience)) return "IDLE";
  return null;
}

type LiveRow = { row: SessionRow; role: ReturnType<typeof resolveRole>; impersonator: Impersonator | null };

async function findLive(services: SessionServices, token: string): Promise<LiveRow | null> {
  const [row] = await services.db.query<SessionRow>({
    name: "session_find",
    text: `select s.id, s.created_at, s.last_seen_at, s.expires_at, s.level, s.method, s.confirmed_at,
                  s.impersonator_id, s.impersonator_session_id, s.impersonation_reason,
                  u.id as user_id, u.email, u.name, u.role, u.state,
                  r.name as role_name, r.audience, r.permissions, r.partner_id as role_partner_id, u.password_changed_at,
                  array(select p.partner_id from user_partners p where p.user_id = u.id order by p.partner_id) as partners
           from sessions s join users u on u.id = s.user_id join roles r on r.id = u.role
           where s.token_hash = $1 and s.ended_at is null`,
    values: [hashOf(services, token)],
  });
  if (!row) return null;
  const role = resolveRole({ id: row.role, name: row.role_name, audience: row.audience, permissions: row.permissions });
  const now = services.clock.now();
  const impersonator = row.impersonator_id === null ? null : await findImpersonator(services.db, row.id, now);
  // Whoever belongs to the acquirer now is nobody's to impersonate any more.
  const isOver = row.impersonator_id !== null && (impersonator === null || role.audience !== "PARTNER");
  const reason = endReasonOf(row, role.audience, now) ?? (isOver ? "IMPERSONATOR_GONE" : null);
  if (reason !== null) {
    await endSessionRow(services.db, services, row.id, reason);
    return null;
  }
  if (now.getTime() - row.last_seen_at.getTime() > TOUCH_MS) await touchSession(services, row.id, now);
  return { row, role, impersonator };
}

/**
 * The session that a token stands for, or null: unknown, ended, too old, idle for too long, person disabled, or only half
 * a session. Everything that asks who is signed in asks this.
 */
export async function findSession(services: SessionServices, token: string): Promise<WebSession | null> {
  const live = await findLive(services, token);
  if (live?.row.level !== "FULL") return null;
  const { row, role, impersonator } = live;
  const partners = partnersOf(row, role.audience);
  return {
    id: row.id,
    user: {
      id: row.user_id,
      email: row.email,
      name: row.name,
      role: role.id,
      roleName: role.name,
      audience: role.audience,
      permissions:
        impersonator === null
          ? role.permissions
          : role.permissions.filter(
              (name) => IMPERSONATION_PERMISSIONS.includes(name) && impersonator.role.permissions.includes(name),
            ),
    },
    partners: impersonator === null ? partners : seenByBoth(partners, impersonator),
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    method: row.method,
    confirmedAt: row.confirmed_at,
    impersonation:
      impersonator === null || row.impersonator_session_id === null
        ? null
        : {
            by: { id: impersonator.id, name: impersonator.name },
            reason: row.impersonation_reason ?? "",
            ownSessionId: row.impersonator_session_id,
          },
  };
}

/** The Partners of a person that their impersonator may see as well. */
function seenByBoth(partners: "all" | readonly string[], impersonator: Impersonator): readonly string[] {
  const { id: role, audience } = impersonator.role;
  const row = { role, partners: [...impersonator.partners], role_partner_id: impersonator.rolePartnerId };
  const theirs = partnersOf(row, audience);
  if (partners === "all") return [];
  return theirs === "all" ? partners : partners.filter((id) => theirs.includes(id));
}

/** Half a session, for the pages that ask for the second factor or set it up; null for everything else. */
export async function findHalfSession(services: SessionServices, token: string): Promise<HalfSession | null> {
  const live = await findLive(services, token);
  if (!live) return null;
  const { level, ...row } = live.row;
  return level === "FULL"
    ? null
    : { id: row.id, level, user: { id: row.user_id, email: row.email }, expiresAt: row.expires_at };
}

/**
 * The person behind a session has just proven again who they are: notes when and how, and gives the session a new token.
 */
export async function confirmSession(
  tx: Queries,
  services: SessionServices,
  sessionId: string,
  method: SessionMethod,
): Promise<{ token: string; expiresAt: Date } | null> {
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  const [row] = await tx.query<{ expires_at: Date }>({
    text: `update sessions set token_hash = $2, confirmed_at = $3, method = $4
           where id = $1 and ended_at is null and level = 'FULL' and impersonator_id is null returning expires_at`,
    values: [sessionId, hashOf(services, token), services.clock.now(), method],
  });
  return row ? { token, expiresAt: row.expires_at } : null;
}

/**
 * First line of what changes how a person signs in: they must have proven lately who they are.
 * Errors: confirmation_required.
 */
export function requireConfirmed(services: Pick<Services, "clock">, session: Pick<WebSession, "confirmedAt">): void {
  const at = session.confirmedAt?.getTime() ?? Number.NEGATIVE_INFINITY;
  if (services.clock.now().getTime() - at > CONFIRMED_FOR_MS) throw new AppError("confirmation_required");
}

/**
 * A Partner's people see exactly their Partners, were it none; a role that one Partner made counts at that Partner only.
 * The acquirer's see all, but for readers and people with a role made here who are tied to some.
 */
function partnersOf(
  row: Pick<SessionRow, "role" | "partners" | "role_partner_id">,
  audience: Audience,
): "all" | readonly string[] {
  const { partners, role_partner_id: own } = row;
  if (audience === "PARTNER") return own === null ? partners : partners.filter((id) => id === own);
  const canBeTied = row.role === "READ_ONLY" || !isRole(row.role);
  return canBeTied && partners.length > 0 ? partners : "all";
}

async function touchSession(services: SessionServices, id: string, now: Date): Promise<void> {
  await services.db.query({
    name: "session_touch",
    text: "update sessions set last_seen_at = $2 where id = $1 and ended_at is null and last_seen_at < $2",
    values: [id, now],
  });
}

/**
 * Ends the session of a token; where somebody saw another person's screens, their own session with it. Answers the id
 * of that, who had the browser and whose screens they saw, or null when there was nothing to end.
 */
export async function endSession(
  tx: Queries,
  services: SessionServices,
  token: string,
  reason: EndReason,
): Promise<{ id: string; userId: string; viewedAs: string | null } | null> {
  const [row] = await tx.query<{ id: string; user_id: string; seen: string; own: string | null }>({
    name: "session_end",
    text: `update sessions set ended_at = $2, end_reason = $3 where token_hash = $1 and ended_at is null
           returning id, coalesce(impersonator_id, user_id) as user_id, user_id as seen, impersonator_session_id as own`,
    values: [hashOf(services, token), services.clock.now(), reason],
  });
  if (!row) return null;
  if (row.own !== null) await endSessionRow(tx, services, row.own, reason);
  return { id: row.own ?? row.id, userId: row.user_id, viewedAs: row.own === null ? null : row.seen };
}

/** Ends one session, and nothing with it. Answers whether there was something to end. */
export async function endSessionRow(
  tx: Queries,
  services: SessionServices,
  id: string,
  reason: EndReason,
): Promise<boolean> {
  const ended = await tx.query<Row & { id: string }>({
    name: "session_end_by_id",
    text: "update sessions set ended_at = $2, end_reason = $3 where id = $1 and ended_at is null returning id",
    values: [id, services.clock.now(), reason],
  });
  return ended.length > 0;
}

/** Gives a session that is still good a new token; the one it had is worth nothing from then on. */
export async function renewToken(
  tx: Queries,
  services: SessionServices,
  id: string,
): Promise<{ token: string; expiresAt: Date } | null> {
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  const now = services.clock.now();
  const [row] = await tx.query<{ expires_at: Date }>({
    text: `update sessions set token_hash = $2, last_seen_at = $3
           where id = $1 and ended_at is null and level = 'FULL' and expires_at > $3 returning expires_at`,
    values: [id, hashOf(services, token), now],
  });
  return row ? { token, expiresAt: row.expires_at } : null;
}
