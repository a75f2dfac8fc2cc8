import { randomBytes } from "node:crypto";
import { z } from "zod";
import { startSession } from "@/server/auth/sessions";
import type { Services } from "@/server/context";
import { type IdKind, newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import { type BuiltPartner, makePartner } from "./builders";
import { makePerson } from "./people";
import { callRest, makeKey } from "./rest";

/* One row of everything that has an id and an owner, for two Partners alike: what the tests of tenancy ask for. */

/** What `$name` stands for in the table of access, and the kind of its id. Null: an id that is not ours. */
const KINDS = {
  partner: "partner",
  store: "store",
  terminal: "terminal",
  payment: "payment",
  refund: "refund",
  endpoint: "webhookEndpoint",
  delivery: "webhookDelivery",
  event: "event",
  replay: "webhookReplay",
  import: "import",
  bulk: "bulkRun",
  bulkRefund: "bulkRun",
  approval: "approval",
  person: "user",
  session: "session",
  role: "role",
  key: "apiKey",
  view: "savedView",
  brand: "brand",
  storeGroup: "storeGroup",
  entity: "businessEntity",
  drift: "driftFinding",
  decision: "complianceDecision",
  device: "pairedDevice",
  passkey: "passkey",
  alarm: "alarm",
  mail: "mail",
  credential: "klarnaCredential",
  systemKey: "acquirerKey",
  grant: "portalGrant",
  audit: "audit",
  inbox: "inboxEvent",
  run: null,
} as const satisfies Readonly<Record<string, IdKind | null>>;
export type IdName = keyof typeof KINDS;
export const ID_NAMES = Object.keys(KINDS);

/** Belong to the installation, not to a Partner: nobody of a Partner gets near them, and there is no other one's. */
export const INSTALLATION: readonly string[] = ["inbox", "run", "credential", "systemKey", "passkey"];

export type Tenant = BuiltPartner & {
  mode: Mode;
  apiKey: string;
  ids: Readonly<Record<IdName, string>>;
  /** Words that are in this Partner's rows alone: nobody of another Partner may read one of them. */
  marks: readonly string[];
};

/** Ids of every kind that no row has. */
export function unknownIds(): Record<IdName, string> {
  const made: Partial<Record<IdName, string>> = {};
  for (const [name, kind] of Object.entries(KINDS) as [IdName, IdKind | null][])
    made[name] = kind === null ? `none-${randomBytes(6).toString("hex")}` : newId(kind);
  return made as Record<IdName, string>;
}

async function insert(services: Services, table: string, row: Readonly<Record<string, unknown>>): Promise<void> {
  const columns = Object.keys(row);
  await services.db.query({
    text: `insert into ${table} (${columns.join(", ")}) values (${columns.map((_, at) => `$${at + 1}`).join(", ")})`,
    values: Object.values(row),
  });
}

const SentSchema = z.looseObject({ id: z.string(), event: z.looseObject({ id: z.string() }) });

type Rest = Parameters<typeof callRest>[0];

async function made(rest: Rest, key: string, path: string, body: unknown): Promise<Record<string, unknown>> {
  const answer = await callRest(rest, "POST", `/api/v1/${path}`, { key, body });
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return answer.json as Record<string, unknown>;
}

/**
 * A Partner with a row of everything that belongs to one. `rest` must run on the same services, with the simulator.
 */
export async function makeTenant(services: Services, rest: Rest, options: { mode?: Mode } = {}): Promise<Tenant> {
  const mode = options.mode ?? "test";
  const mark = `mark${randomBytes(6).toString("hex")}`;
  const built = await makePartner(services, { mode, name: `Partner ${mark}` });
  const partnerId = built.partner.id;
  const scope = { partner_id: partnerId, mode };
  const key = await makeKey(services, partnerId, { mode });
  const payment = await made(rest, key.key, "payments", {
    // Approved at once, captured: it can be refunded.
    amount: 10_002,
    currency: built.partner.currency,
    reference: `payment-${mark}`,
    store: { id: built.store.id },
    terminal: { id: built.terminal.id },
  });
  const refund = await made(rest, key.key, `payments/${String(payment["id"])}/refunds`, { amount: 100, reason: mark });
  // In live mode a receiver must be a public address, which no test has.
  const endpoint =
    mode === "live"
      ? null
      : await made(rest, key.key, "webhook-endpoints", {
          url: "http://127.0.0.1:9/",
          events: ["*"],
          description: mark,
        });
  const sent =
    endpoint && SentSchema.parse(await made(rest, key.key, `webhook-endpoints/${String(endpoint["id"])}/test`, {}));
  const person = await makePerson(services, { role: "PARTNER_STAFF", partners: [partnerId] });
  const session = await startSession(services.db, services, {
    userId: person.id,
    address: "192.0.2.7",
    userAgent: mark,
    replaces: null,
  });
  const ids: Record<IdName, string> = {
    ...unknownIds(),
    partner: partnerId,
    store: built.store.id,
    terminal: built.terminal.id,
    payment: String(payment["id"]),
    refund: String(refund["id"]),
    ...(endpoint && sent ? { endpoint: String(endpoint["id"]), delivery: sent.id, event: sent.event.id } : {}),
    key: key.id,
    person: person.id,
    session: session.id,
  };
  const row = (name: IdName, more: Readonly<Record<string, unknown>>) => ({ id: ids[name], ...scope, ...more });
  await insert(services, "brands", row("brand", { reference: "brand-1", name: `Brand ${mark}` }));
  await insert(services, "onboardings", {
    id: newId("onboarding"),
    ...scope,
    state: "DRAFT",
    partner_may_edit: true,
    created_by: mark,
  });
  await insert(
    services,
    "store_groups",
    row("storeGroup", { brand_id: ids.brand, reference: "group-1", name: `Group ${mark}` }),
  );
  await insert(
    services,
    "business_entities",
    row("entity", { reference: "entity-1", legal_name: `Entity ${mark}`, country: "SE" }),
  );
  await insert(
    services,
    "webhook_replays",
    row("replay", {
      endpoint_id: endpoint ? ids.endpoint : null,
      statuses: ["FAILED"],
      event_types: [],
      expected: 1,
      requested_by: mark,
    }),
  );
  await insert(
    services,
    "imports",
    row("import", {
      kind: "STORES",
      file_name: `${mark}.csv`,
      file_bytes: 10,
      head: JSON.stringify(["reference"]),
      created_by: person.id,
    }),
  );
  await insert(
    services,
    "bulk_runs",
    row("bulk", { kind: "CAPTURE", source: "FILE", file_name: `${mark}.csv`, row_count: 1, created_by: person.id }),
  );
  await insert(
    services,
    "bulk_runs",
    row("bulkRefund", {
      kind: "REFUND",
      source: "FILE",
      file_name: `${mark}.csv`,
      row_count: 1,
      created_by: person.id,
    }),
  );
  await insert(services, "bulk_rows", {
    ...scope,
    run_id: ids.bulk,
    row_number: 1,
    given: mark,
    payment_id: ids.payment,
    intent_key: mark,
    state: "READY",
    amount: 1,
    currency: built.partner.currency,
  });
  await insert(
    services,
    "drift_findings",
    row("drift", {
      subject_kind: "store",
      subject_id: ids.store,
      field: "name",
      values_secret: services.secrets.seal(
        JSON.stringify({ ours: mark, theirs: "x" }),
        `drift_findings|values_secret|${ids.drift}`,
      ),
    }),
  );
  await insert(
    services,
    "compliance_decisions",
    row("decision", {
      klarna_decision_id: `decision-${mark}`,
      reason: mark,
      outcome: "DISABLED",
      decided_at: services.clock.now(),
    }),
  );
  await insert(
    services,
    "approvals",
    row("approval", {
      kind: "API_KEY",
      state: "PENDING",
      subject_kind: "partner",
      subject_id: partnerId,
      payload: JSON.stringify({ name: mark }),
      payload_hash: "none",
      summary: `Key ${mark}`,
      requested_by: person.id,
      expires_at: new Date(services.clock.now().getTime() + 3_600_000),
    }),
  );
  await insert(
    services,
    "paired_devices",
    row("device", {
      terminal_id: ids.terminal,
      token_hash: mark,
      purpose: "KIOSK",
      user_agent: mark,
      paired_by: person.id,
    }),
  );
  await insert(services, "roles", {
    id: ids.role,
    name: `Role ${mark}`,
    audience: "PARTNER",
    partner_id: partnerId,
    permissions: ["payments:read"],
  });
  await insert(services, "saved_views", {
    id: ids.view,
    owner_id: person.id,
    screen: "stores",
    name: `View ${mark}`,
    query: "",
    is_shared: true,
    partner_id: partnerId,
  });
  await insert(services, "mails", {
    id: ids.mail,
    kind: "test",
    partner_id: partnerId,
    to_address: person.email,
    subject: `Mail ${mark}`,
    state: "KEPT",
  });
  await insert(services, "alarms", {
    id: ids.alarm,
    kind: "test",
    ...scope,
    subject_kind: "payment",
    subject_id: ids.payment,
    message: `Alarm ${mark}`,
  });
  await insert(
    services,
    "portal_grants",
    row("grant", {
      kind: "INVITATION",
      user_id: person.id,
      email: person.email,
      roles: [],
      state: "INVITED",
      granted_by: mark,
    }),
  );
  const [audit] = await services.db.query<{ id: string }>({
    text: "select id from audit_entries where partner_id = $1 order by position limit 1",
    values: [partnerId],
  });
  if (audit) ids.audit = audit.id;
  return {
    ...built,
    mode,
    apiKey: key.key,
    ids,
    marks: [mark, partnerId, ids.store, ids.terminal, ids.payment, ids.person],
  };
}

/** What every row of a Partner amounts to: changes when any of them does. */
export async function digestOf(services: Services, partnerId: string): Promise<Record<string, string>> {
  const tables = await services.db.query<{ name: string }>({
    text: `select c.table_name as name from information_schema.columns c join information_schema.tables t
             on t.table_name = c.table_name and t.table_schema = c.table_schema
           where c.column_name = 'partner_id' and c.table_schema = current_schema() and t.table_type = 'BASE TABLE' order by 1`,
    values: [],
  });
  const digest: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await services.db.query<{ sum: string }>({
      text: `select coalesce(md5(string_agg(t::text, '' order by t::text)), '') as sum from ${name} t where partner_id = $1`,
      values: [partnerId],
    });
    digest[name] = row?.sum ?? "";
  }
  return digest;
}
