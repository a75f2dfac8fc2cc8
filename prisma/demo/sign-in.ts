import { randomInt } from "node:crypto";
import { hashPassword } from "@/server/auth/password";
import { ROLE_LABELS, ROLES, type Role } from "@/server/auth/permissions";
import type { ServiceContext, Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import type { Transaction } from "@/server/db/client";
import { appendAudit } from "@/server/domain/audit/service";

/* The people whose passwords are told: one of every role. */

export const PEOPLE: Readonly<Record<Role, { email: string; name: string }>> = {
  ACQUIRER_ADMIN: { email: "admin@acquirer.example", name: "Astrid Holm" },
  ACQUIRER_OPERATIONS: { email: "operations@acquirer.example", name: "Omar Haddad" },
  ACQUIRER_FINANCE: { email: "finance@acquirer.example", name: "Felicia Brandt" },
  READ_ONLY: { email: "reader@acquirer.example", name: "Ruben Keller" },
  PARTNER_ADMIN: { email: "admin@lindqvist-interior.example", name: "Petra Lindqvist" },
  PARTNER_STAFF: { email: "staff@lindqvist-interior.example", name: "Sam Åkesson" },
};
const PARTNER_ROLES: readonly Role[] = ["PARTNER_ADMIN", "PARTNER_STAFF"];

function newPassword(): string {
  const alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
  const part = (): string => Array.from({ length: 4 }, () => alphabet.charAt(randomInt(alphabet.length))).join("");
  return [part(), part(), part(), part()].join("-");
}

/** Passwords that were asked for (`TILLGATE_DEMO_PASSWORDS`, by role or address), else kept, else new. */
export function choosePasswords(
  kept: ReadonlyMap<string, string>,
  asked: Readonly<Record<string, string>>,
): Map<string, string> {
  return new Map(
    ROLES.map((role) => {
      const { email } = PEOPLE[role];
      return [email, asked[email] ?? asked[role] ?? kept.get(email) ?? newPassword()];
    }),
  );
}

export async function addPeople(
  tx: Transaction,
  ctx: ServiceContext,
  demoPartnerId: string,
  hashes: ReadonlyMap<string, string>,
): Promise<void> {
  const now = ctx.clock.now();
  for (const role of ROLES) {
    const { email, name } = PEOPLE[role];
    const id = newId("user");
    await tx.query({
      text: `insert into users (id, email, name, role, state, password_hash, password_changed_at, created_at, updated_at)
             values ($1,$2,$3,$4,'ACTIVE',$5,$6,$6,$6)`,
      values: [id, email, name, role, hashes.get(email), now],
    });
    const isPartner = PARTNER_ROLES.includes(role);
    if (isPartner)
      await tx.query({
        text: "insert into user_partners (user_id, partner_id) values ($1,$2)",
        values: [id, demoPartnerId],
      });
    const partnerId = isPartner ? demoPartnerId : null;
    await appendAudit(tx, ctx, {
      action: "user.created",
      subjectKind: "user",
      subjectId: id,
      partnerId,
      mode: null,
      after: { name, type: ROLE_LABELS[role] },
    });
  }
}

/** Gives people a new password where it differs from what demo.json said, and ends their sessions. */
export async function changePasswords(
  services: Services,
  passwords: ReadonlyMap<string, string>,
  kept: ReadonlyMap<string, string>,
): Promise<void> {
  for (const [email, password] of passwords) {
    if (kept.get(email) === password) continue;
    const now = services.clock.now();
    const passwordHash = await hashPassword(password);
    await services.db.transaction(async (tx) => {
      await tx.query({
        text: "update users set password_hash = $2, password_changed_at = $3, updated_at = $3 where email = $1",
        values: [email, passwordHash, now],
      });
      await tx.query({
        text: `update sessions set ended_at = $2, end_reason = 'PASSWORD_CHANGED' where ended_at is null and user_id = (select id from users where email = $1)`,
        values: [email, now],
      });
    });
  }
}
