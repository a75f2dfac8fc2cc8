import type { Mode } from "@/server/core/schema";
import type { Clock } from "@/server/core/time";
import type { Database, Row } from "@/server/db/client";
import type { SecretBox } from "@/server/db/secrets";
import type { Log } from "@/server/observability/log";
import type { ClientCertificate } from "./client";

/*
 * What we show to Klarna: the API key and client certificate in use. They stand in the database, sealed, and are read again every
 * two seconds while calls are made, so that a rotation reaches every process without a restart. Where the database has no
 * key in use, the one of the settings counts: the first key comes by a secure link and is a setting.
 */

export type Access = {
  apiKey: string | null;
  /** Null when the key is that of the settings. */
  credentialId: string | null;
  certificate: (ClientCertificate & { id?: string }) | null;
};
/** What the headers of an answer said of our address and certificate; null where they said nothing. */
export type AccessVerdicts = { ip: string | null; mtls: string | null };

export type Keyring = {
  /** Reads the database first when nothing is known yet; afterwards in the background. */
  accessOf(mode: Mode): Promise<Access>;
  /** Reads now: after Klarna refused the key, another may be in use already. */
  reread(mode: Mode): Promise<Access>;
  /** False only when it is known that there is no key. */
  hasKey(mode: Mode): boolean;
  /** A call was answered. Kept to the minute. */
  noteUse(mode: Mode, verdicts: AccessVerdicts): void;
  close(): void;
};

export const credentialPlace = (credential: { id: string; mode: string }): string =>
  `klarna_credentials|secret|${credential.id}|${credential.mode}`;

const REREAD_MS = 2_000;
const NOTED_MS = 60_000;
const MODES: readonly Mode[] = ["test", "live"];

type CredentialRow = Row & {
  id: string;
  mode: string;
  kind: string;
  secret: string | null;
  certificate: string | null;
  fingerprint: string | null;
};
type Use = { at: Date; credentialId: string | null; certificateId: string | null; verdicts: AccessVerdicts };

export function createKeyring(options: {
  db: Pick<Database, "query">;
  secrets: Pick<SecretBox, "open">;
  log: Log;
  clock: Clock;
  settings: Readonly<Record<Mode, string | null>>;
}): Keyring {
  const { db, secrets, log, clock, settings } = options;
  const known = new Map<Mode, Access>();
  const unnoted = new Map<Mode, Use>();
  const notedAt = new Map<string, number>();
  const told = new Set<string>();
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | null = null;
  let isClosed = false;

  function open(row: CredentialRow | undefined): string | null {
    if (!row?.secret) return null;
    try {
      return secrets.open(row.secret, credentialPlace(row));
    } catch (error) {
      // Changed from outside, or sealed with a key that is gone: as good as not there, and said once.
      if (!told.has(row.id)) log.error({ error, credential_id: row.id }, "a credential cannot be opened");
      told.add(row.id);
      return null;
    }
  }

  async function read(): Promise<void> {
    try {
      const rows = await db.query<CredentialRow>({
        name: "klarna_credentials_in_use",
        text: `select distinct on (mode, kind) id, mode, kind, secret, certificate, fingerprint from klarna_credentials
          where state = 'ACTIVE' and kind in ('API_KEY','CLIENT_CERTIFICATE') and (expires_at is null or expires_at > now())
          order by mode, kind, activated_at desc, id desc`,
        values: [],
      });
      for (const mode of MODES) {
        const of = (kind: string) => rows.find((row) => row.mode === mode && row.kind === kind);
        const key = of("API_KEY");
        const apiKey = open(key);
        const certificate = of("CLIENT_CERTIFICATE");
        const privateKey = open(certificate);
        known.set(mode, {
          apiKey: apiKey ?? settings[mode],
          credentialId: apiKey === null ? null : (key?.id ?? null),
          certificate:
            certificate && privateKey !== null && certificate.certificate && certificate.fingerprint
              ? {
                  id: certificate.id,
                  privateKey,
                  certificate: certificate.certificate,
                  fingerprint: certificate.fingerprint,
                }
              : null,
        });
      }
    } catch (error) {
      if (!isClosed) log.warn({ error }, "the credentials could not be read: those known are used");
    }
    readAt = performance.now();
    await writeUses();
  }

  async function writeUses(): Promise<void> {
    for (const [mode, use] of unnoted) {
      const { ip, mtls } = use.verdicts;
      const facts = JSON.stringify([mode, use.credentialId, use.certificateId, ip, mtls]);
      if (performance.now() - (notedAt.get(facts) ?? Number.NEGATIVE_INFINITY) < NOTED_MS) continue;
      unnoted.delete(mode);
      try {
        await db.query({
          name: "klarna_key_used",
          text: `with used as (update klarna_credentials set last_used_at = $1 where id = any($2::text[]) and (last_used_at is null or last_used_at < $1))
            insert into klarna_access (mode, last_ip_status, last_ip_status_at, last_mtls_status, last_mtls_status_at, updated_at)
            values ($3, $4, case when $4::text is not null then $1::timestamptz end, $5, case when $5::text is not null then $1::timestamptz end, $1)
            on conflict (mode) do update set last_ip_status = coalesce($4, klarna_access.last_ip_status),
              last_ip_status_at = case when $4::text is not null then $1 else klarna_access.last_ip_status_at end,
              last_mtls_status = coalesce($5, klarna_access.last_mtls_status),
              last_mtls_status_at = case when $5::text is not null then $1 else klarna_access.last_mtls_status_at end`,
          values: [use.at, [use.credentialId, use.certificateId].filter((id) => id !== null), mode, ip, mtls],
        });
        notedAt.set(facts, performance.now());
      } catch (error) {
        if (!isClosed) log.warn({ error }, "the last use of a credential could not be written");
      }
    }
  }

  const reread = (): Promise<void> => {
    reading ??= read().finally(() => {
      reading = null;
    });
    return reading;
  };
  const ofSettings = (mode: Mode): Access => ({ apiKey: settings[mode], credentialId: null, certificate: null });

  return {
    accessOf: async (mode) => {
      if (!known.has(mode)) await reread();
      else if (performance.now() - readAt > REREAD_MS && !isClosed) void reread();
      return known.get(mode) ?? ofSettings(mode);
    },
    reread: async (mode) => {
      // What is being read now may have been asked before the change.
      await reading;
      await reread();
      return known.get(mode) ?? ofSettings(mode);
    },
    hasKey: (mode) => {
      const access = known.get(mode);
      if (access === undefined && !isClosed) void reread();
      return access === undefined || access.apiKey !== null;
    },
    noteUse: (mode, verdicts) => {
      const access = known.get(mode);
      const before = unnoted.get(mode)?.verdicts;
      unnoted.set(mode, {
        at: clock.now(),
        credentialId: access?.credentialId ?? null,
        certificateId: access?.certificate?.id ?? null,
        verdicts: { ip: verdicts.ip ?? before?.ip ?? null, mtls: verdicts.mtls ?? before?.mtls ?? null },
      });
    },
    close: () => {
      isClosed = true;
    },
  };
}
