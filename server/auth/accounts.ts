import type { Services } from "@/server/context";
import { emailSchema } from "@/server/core/schema";
import type { Row, Transaction } from "@/server/db/client";
import { type Audience, type Permission, requiresTwoFactor, resolveRole } from "./permissions";
import type { SessionLevel } from "./sessions";

/** A person as the sign-in sees them. */
export type Account = {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly state: string;
  readonly passwordHash: string | null;
  readonly invitedAt: Date | null;
  readonly permissions: readonly Permission[];
  /** Whose mails theirs are: the first of their Partners, null for the acquirer's people. */
  readonly partnerId: string | null;
  readonly hasTotp: boolean;
  readonly passkeys: number;
};

type AccountRow = Row & {
  id: string;
  email: string;
  name: string;
  state: string;
  password_hash: string | null;
  invited_at: Date | null;
  role: string;
  role_name: string;
  audience: Audience;
  permissions: string[];
  partner_id: string | null;
  has_totp: boolean;
  passkeys: number;
};

const SELECT = `select u.id, u.email, u.name, u.state, u.password_hash, u.invited_at, u.role, r.name as role_name, r.audience, r.permissions,
    (select min(p.partner_id) from user_partners p where p.user_id = u.id) as partner_id,
    exists (select 1 from totp_factors t where t.user_id = u.id and t.confirmed_at is not null) as has_totp,
    (select count(*)::int from passkeys k where k.user_id = u.id) as passkeys
  from users u join roles r on r.id = u.role`;

function toAccount(row: AccountRow): Account {
  const role = { id: row.role, name: row.role_name, audience: row.audience, permissions: row.permissions };
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    state: row.state,
    passwordHash: row.password_hash,
    invitedAt: row.invited_at,
    permissions: resolveRole(role).permissions,
    partnerId: row.partner_id,
    hasTotp: row.has_totp,
    passkeys: row.passkeys,
  };
}

/**
 * Who has this address, compared in lower case. One that is not plain ASCII belongs to nobody: look-alikes of `@` and of
 * letters never reach the comparison.
 */
export async function findAccountByEmail(tx: Pick<Transaction, "query">, typed: string): Promise<Account | null> {
  const email = emailSchema.safeParse(typed.trim().toLowerCase());
  const [row] = await tx.query<AccountRow>({
    name: "account_by_email",
    text: `${SELECT} where u.email = $1`,
    values: [email.success ? email.data : ""],
  });
  return row ? toAccount(row) : null;
}

export async function findAccount(tx: Pick<Transaction, "query">, userId: string): Promise<Account | null> {
  const [row] = await tx.query<AccountRow>({
    name: "account_by_id",
    text: `${SELECT} where u.id = $1`,
    values: [userId],
  });
  return row ? toAccount(row) : null;
}

export const hasSecondFactor = (account: Pick<Account, "hasTotp" | "passkeys">): boolean =>
  account.hasTotp || account.passkeys > 0;

/**
 * How far one factor alone leads: who has a second one shows it, were it required or not; who must have one and has none
 * sets it up first. `TWO_FACTOR=offered` (never in production) lets the latter in.
 */
export function levelAfterOneFactor(services: Pick<Services, "env">, account: Account): SessionLevel {
  if (hasSecondFactor(account)) return "CODE_DUE";
  return services.env.TWO_FACTOR === "required" && requiresTwoFactor(account.permissions) ? "ENROLMENT_DUE" : "FULL";
}
