import type { Mode } from "@/server/core/schema";
import type { Row, Transaction } from "@/server/db/client";
import type { CredentialKind, CredentialNeed, CredentialState } from "./states";

type Queries = Pick<Transaction, "query">;

export type CredentialRow = Row & {
  id: string;
  mode: Mode;
  kind: CredentialKind;
  purpose: string;
  klarnaCredentialId: string | null;
  secret: string | null;
  hint: string | null;
  domains: string[];
  certificate: string | null;
  certificateRequest: string | null;
  fingerprint: string | null;
  state: CredentialState;
  replacesId: string | null;
  expiresAt: Date | null;
  lastUsedAt: Date | null;
  createdBy: string;
  createdByName: string | null;
  createdAt: Date;
  activatedAt: Date | null;
  disabledAt: Date | null;
};

const COLUMNS = `c.id, c.mode, c.kind, c.purpose, c.klarna_credential_id as "klarnaCredentialId", c.secret, c.hint, c.domains, c.certificate,
  c.certificate_request as "certificateRequest", c.fingerprint, c.state, c.replaces_id as "replacesId", c.expires_at as "expiresAt",
  c.last_used_at as "lastUsedAt", c.created_by as "createdBy", u.name as "createdByName", c.created_at as "createdAt", c.activated_at as "activatedAt",
  c.disabled_at as "disabledAt"`;

export const findCredentials = (tx: Queries, mode: Mode): Promise<CredentialRow[]> =>
  tx.query<CredentialRow>({
    text: `select ${COLUMNS} from klarna_credentials c left join users u on u.id = c.created_by
      where c.mode = $1 and c.kind <> 'SFTP_USER' order by c.activated_at desc nulls first, c.created_at desc, c.id desc limit 500`,
    values: [mode],
  });

export async function findCredential(tx: Queries, mode: Mode, id: string): Promise<CredentialRow | null> {
  const [row] = await tx.query<CredentialRow>({
    text: `select ${COLUMNS} from klarna_credentials c left join users u on u.id = c.created_by where c.mode = $1 and c.id = $2`,
    values: [mode, id],
  });
  return row ?? null;
}

export type NeedRow = { need: CredentialNeed; count: number; at: Date | null };

/** What is accepted by Klarna or waits to be used, and was not used, was made, or ends before these moments. */
export async function countNeeds(
  tx: Queries,
  mode: Mode,
  before: Readonly<Record<CredentialNeed, Date>>,
): Promise<NeedRow[]> {
  return tx.query<Row & NeedRow>({
    name: "klarna_credential_needs",
    text: `with c as (select kind, created_at, coalesce(last_used_at, created_at) as used_at, expires_at from klarna_credentials
        where mode = $1 and kind <> 'SFTP_USER' and state in ('ACTIVE','READY'))
      select 'idle' as need, count(*)::int as count, min(used_at) as at from c where kind = 'API_KEY' and used_at <= $2
      union all select 'old', count(*)::int, min(created_at) from c where kind = 'API_KEY' and created_at <= $3
      union all select 'ending', count(*)::int, min(expires_at) from c where expires_at <= $4`,
    values: [mode, before.idle, before.old, before.ending],
  });
}

export async function insertCredential(
  tx: Queries,
  row: Pick<
    CredentialRow,
    | "id"
    | "mode"
    | "kind"
    | "purpose"
    | "secret"
    | "domains"
    | "certificateRequest"
    | "replacesId"
    | "createdBy"
    | "createdAt"
  >,
): Promise<void> {
  await tx.query({
    text: `insert into klarna_credentials (id, mode, kind, purpose, secret, domains, certificate_request, replaces_id, state, created_by, created_at)
      values ($1,$2,$3,$4,$5,$6,$7,$8,'REQUESTED',$9,$10)`,
    values: [
      ...[row.id, row.mode, row.kind, row.purpose, row.secret, row.domains],
      ...[row.certificateRequest, row.replacesId, row.createdBy, row.createdAt],
    ],
  });
}

const SETTABLE = {
  klarnaCredentialId: "klarna_credential_id",
  secret: "secret",
  hint: "hint",
  domains: "domains",
  certificate: "certificate",
  fingerprint: "fingerprint",
  state: "state",
  expiresAt: "expires_at",
  activatedAt: "activated_at",
  disabledAt: "disabled_at",
} as const;
export type CredentialPatch = Partial<Pick<CredentialRow, keyof typeof SETTABLE>> & { disabledBy?: string };

/** Changes a row that is in one of these states still; false when it is not any more. */
export async function updateCredential(
  tx: Queries,
  id: string,
  from: readonly CredentialState[],
  patch: CredentialPatch,
): Promise<boolean> {
  const values: unknown[] = [id, from];
  const columns: Record<string, string> = { ...SETTABLE, disabledBy: "disabled_by" };
  const parts = Object.entries(patch).map(([key, value]) => `${columns[key]} = $${values.push(value)}`);
  const rows = await tx.query({
    text: `update klarna_credentials set ${parts.join(", ")} where id = $1 and state = any($2::text[]) returning id`,
    values,
  });
  return rows.length === 1;
}

export type AccessNote = Row & {
  lastIpStatus: string | null;
  lastIpStatusAt: Date | null;
  lastMtlsStatus: string | null;
  lastMtlsStatusAt: Date | null;
};

export async function findAccess(tx: Queries, mode: Mode): Promise<AccessNote | null> {
  const [row] = await tx.query<AccessNote>({
    text: `select last_ip_status as "lastIpStatus", last_ip_status_at as "lastIpStatusAt", last_mtls_status as "lastMtlsStatus",
      last_mtls_status_at as "lastMtlsStatusAt" from klarna_access where mode = $1`,
    values: [mode],
  });
  return row ?? null;
}

export async function noteAccess(
  tx: Queries,
  mode: Mode,
  facts: { ipMode: string; ipAddresses: readonly string[]; enforcedFrom: Date | null },
  at: Date,
): Promise<void> {
  await tx.query({
    text: `insert into klarna_access (mode, ip_mode, ip_addresses, ip_read_at, mtls_enforced_from, updated_at) values ($1,$2,$3,$4,$5,$4)
      on conflict (mode) do update set ip_mode = $2, ip_addresses = $3, ip_read_at = $4, mtls_enforced_from = $5, updated_at = $4`,
    values: [mode, facts.ipMode, facts.ipAddresses, at, facts.enforcedFrom],
  });
}
