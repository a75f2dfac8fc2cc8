import { cookieName } from "@/server/auth/cookies";
import { ROLES } from "@/server/auth/permissions";
import { sealToken } from "@/server/auth/session-token";
import { type SessionLevel, startSession } from "@/server/auth/sessions";
import { newId } from "@/server/core/ids";
import { makePartner } from "./builders";
import type { InstanceServices } from "./instance-services";
import { makePerson } from "./people";

/* What the walk over all pages of an instance needs: people of every role with a session, and records to open. */

export type { Role } from "@/server/auth/permissions";
export { cookieName, ROLES };

async function sessionOf(setUp: InstanceServices, userId: string, level?: SessionLevel): Promise<string> {
  const { token } = await startSession(setUp.db, setUp, {
    userId,
    address: null,
    userAgent: null,
    replaces: null,
    ...(level ? { level } : {}),
  });
  return `${cookieName(setUp.env, "session")}=${await sealToken(setUp, token)}`;
}

/** The session cookie of a new person of this role. */
export async function cookieOf(
  setUp: InstanceServices,
  role: string,
  partners: readonly string[] = [],
  level?: SessionLevel,
): Promise<string> {
  return sessionOf(setUp, (await makePerson(setUp, { role, partners })).id, level);
}

/** Rows that the ids of the table stand for, in the demo Partner or one made for this. */
export async function recordsFor(setUp: InstanceServices, payment: string): Promise<Record<string, string>> {
  const partner = await makePartner(setUp);
  const ids: Record<string, string> = {
    partner: partner.partner.id,
    store: partner.store.id,
    terminal: partner.terminal.id,
  };
  const mine = { partner_id: ids["partner"], mode: "test" };
  const put = async (name: string, table: string, kind: Parameters<typeof newId>[0], row: Record<string, unknown>) => {
    const whole: Record<string, unknown> = { id: newId(kind), ...row };
    const columns = Object.keys(whole);
    await setUp.db.query({
      text: `insert into ${table} (${columns.join(", ")}) values (${columns.map((_, at) => `$${at + 1}`).join(", ")})`,
      values: Object.values(whole),
    });
    ids[name] = String(whole["id"]);
  };
  const person = await makePerson(setUp, { role: "PARTNER_STAFF", partners: [partner.partner.id] });
  ids["person"] = person.id;
  await put("role", "roles", "role", {
    name: `Role ${person.name}`,
    audience: "PARTNER",
    partner_id: ids["partner"],
    permissions: ["payments:read"],
  });
  await put("import", "imports", "import", {
    ...mine,
    kind: "STORES",
    file_name: "stores.csv",
    file_bytes: 1,
    head: "[]",
    created_by: person.id,
  });
  await put("approval", "approvals", "approval", {
    ...mine,
    kind: "API_KEY",
    state: "PENDING",
    subject_kind: "partner",
    subject_id: ids["partner"],
    payload: "{}",
    payload_hash: "none",
    summary: "A key",
    requested_by: person.id,
    expires_at: new Date(Date.now() + 3_600_000),
  });
  await put("bulk", "bulk_runs", "bulkRun", {
    ...mine,
    kind: "CAPTURE",
    source: "SELECTION",
    row_count: 0,
    created_by: person.id,
  });
  await put("mail", "mails", "mail", {
    kind: "test",
    partner_id: ids["partner"],
    to_address: person.email,
    subject: "Mail",
    state: "KEPT",
  });
  await put("onboarding", "onboardings", "onboarding", {
    ...mine,
    state: "DRAFT",
    partner_may_edit: true,
    created_by: person.id,
  });
  // Of the payment's Partner: other tests make records of theirs meanwhile.
  const owner = await partnerOf(setUp, payment);
  const newest = async (name: string, from: string, values: readonly string[] = [owner]) => {
    const [row] = await setUp.db.query<{ id: string }>({ text: `select id from ${from} limit 1`, values: [...values] });
    if (row) ids[name] = row.id;
  };
  await newest("audit", "audit_entries where partner_id = $1 order by position desc");
  await newest("inbox", "inbox_events order by received_at desc", []);
  await newest("event", "outbox_events where partner_id = $1 order by position desc");
  await newest("endpoint", "webhook_endpoints where partner_id = $1 and deleted_at is null order by created_at desc");
  await newest("delivery", "webhook_deliveries where partner_id = $1 order by created_at desc");
  ids["payment"] = payment;
  return ids;
}

/** A role that people made, for the acquirer's people; with other permissions from now on when it exists. */
export async function setRole(
  setUp: InstanceServices,
  id: string | null,
  permissions: readonly string[],
): Promise<string> {
  const role = id ?? newId("role");
  await setUp.db.query({
    text: `insert into roles (id, name, audience, permissions) values ($1, $1, 'ACQUIRER', $2)
      on conflict (id) do update set permissions = excluded.permissions`,
    values: [role, permissions],
  });
  return role;
}

/** Whose payment it is. */
export async function partnerOf(setUp: InstanceServices, payment: string): Promise<string> {
  const [row] = await setUp.db.query<{ id: string }>({
    text: "select partner_id as id from payments where id = $1",
    values: [payment],
  });
  return row?.id ?? "";
}
