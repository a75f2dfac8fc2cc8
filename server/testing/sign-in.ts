import { randomBytes } from "node:crypto";
import { type Account, findAccount } from "@/server/auth/accounts";
import { hashPassword } from "@/server/auth/password";
import type { Role } from "@/server/auth/permissions";
import type { Services } from "@/server/context";
import { newId } from "@/server/core/ids";
import type { Row } from "@/server/db/client";

export const TEST_PASSWORD = "a password for tests";
let hashed: Promise<string> | undefined;

/** A person of their own for a test, with TEST_PASSWORD. An invited one has no password yet. */
export async function makePerson(
  services: Services,
  options: {
    role?: Role;
    partners?: readonly string[];
    state?: "ACTIVE" | "INVITED" | "DISABLED";
    email?: string;
  } = {},
): Promise<{ id: string; email: string }> {
  hashed ??= hashPassword(TEST_PASSWORD);
  const id = newId("user");
  const email = options.email ?? `person-${randomBytes(6).toString("hex")}@tillgate.example`;
  const state = options.state ?? "ACTIVE";
  const now = services.clock.now();
  await services.db.query({
    text: `insert into users (id, email, name, role, state, password_hash, password_changed_at, invited_at, created_at, updated_at)
           values ($1, $2, 'Test Person', $3, $4, $5, $6, case when $4 = 'INVITED' then $6::timestamptz end, $6, $6)`,
    values: [id, email, options.role ?? "ACQUIRER_OPERATIONS", state, state === "INVITED" ? null : await hashed, now],
  });
  for (const partner of options.partners ?? []) {
    await services.db.query({
      text: "insert into user_partners (user_id, partner_id) values ($1, $2)",
      values: [id, partner],
    });
  }
  return { id, email };
}

export async function accountById(services: Services, id: string): Promise<Account> {
  const account = await findAccount(services.db, id);
  if (!account) throw new Error(`there is no person ${id}`);
  return account;
}

/** Kinds of the mails to an address, oldest first. */
export async function mailsTo(services: Services, email: string): Promise<string[]> {
  const rows = await services.db.query<Row & { kind: string }>({
    text: "select kind from mails where to_address = $1 order by created_at, id",
    values: [email],
  });
  return rows.map((row) => row.kind);
}

/** The token of the link in the newest mail to an address; null when no mail holds one. */
export async function linkTokenTo(services: Services, email: string): Promise<string | null> {
  const [row] = await services.db.query<Row & { id: string; partner_id: string | null; body_secret: string }>({
    text: "select id, partner_id, body_secret from mails where to_address = $1 and holds_link order by created_at desc, id desc limit 1",
    values: [email],
  });
  if (!row) return null;
  const text = services.secrets.open(row.body_secret, `mails|body_secret|${row.id}|${row.partner_id ?? "-"}`);
  return /#([A-Za-z0-9_-]{43})\b/.exec(text)?.[1] ?? null;
}

/** Actions that the audit has about a thing, oldest first. */
export async function auditOf(services: Services, subjectId: string): Promise<string[]> {
  const rows = await services.db.query<Row & { action: string }>({
    text: "select action from audit_entries where subject_id = $1 order by position",
    values: [subjectId],
  });
  return rows.map((row) => row.action);
}
