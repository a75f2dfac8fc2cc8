import type { TenantScope } from "@/server/auth/permissions";
import type { Mode } from "@/server/core/schema";
import { lowerCase } from "@/server/core/text";
import type { Row, Transaction } from "@/server/db/client";
import { StoredSettingsSchema, type TerminalSettings } from "@/server/domain/partners/schema-settings";
import { inheritSettings } from "@/server/domain/partners/service";
import { type Known, toPublicSettings } from "@/server/domain/stores/schema";
import { type PublicTerminal, PublicTerminalSchema } from "./schema";
import { connectionOf, type TerminalDevice, type TerminalStatus } from "./states";

/* Terminals as code changes and shows them: whole rows with their store and the settings above them. */

export type Queries = Pick<Transaction, "query">;
export type TerminalRow = {
  id: string;
  partnerId: string;
  mode: Mode;
  reference: string;
  label: string;
  device: TerminalDevice;
  canShowQr: boolean;
  status: TerminalStatus;
  lastSeenAt: Date | null;
  settings: TerminalSettings;
  version: number;
  archivedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
  storeId: string;
  storeReference: string;
  storeName: string;
  storeStatus: string;
  storeSettings: TerminalSettings;
  partnerSettings: TerminalSettings;
};
type StoredRow = Omit<TerminalRow, "settings" | "storeSettings" | "partnerSettings"> & {
  settings: unknown;
  storeSettings: unknown;
  partnerSettings: unknown;
};

const SELECT = `select t.id, t.partner_id as "partnerId", t.mode, t.reference, t.label, t.device, t.can_show_qr as "canShowQr", t.status,
    t.last_seen_at as "lastSeenAt", t.settings, t.version, t.archived_at as "archivedAt", t.created_at as "createdAt", t.updated_at as "updatedAt",
    s.id as "storeId", s.reference as "storeReference", s.name as "storeName", s.status as "storeStatus", s.settings as "storeSettings",
    a.settings as "partnerSettings"
  from terminals t join stores s on s.id = t.store_id join partner_accounts a on a.partner_id = t.partner_id and a.mode = t.mode`;
const IN_SCOPE = "t.mode = $1 and ($2::text[] is null or t.partner_id = any($2))";

export const scopeValues = (scope: TenantScope): [Mode, readonly string[] | null] => [
  scope.mode,
  scope.partners === "all" ? null : scope.partners,
];

const read = (row: StoredRow): TerminalRow => ({
  ...row,
  settings: StoredSettingsSchema.parse(row.settings),
  storeSettings: StoredSettingsSchema.parse(row.storeSettings),
  partnerSettings: StoredSettingsSchema.parse(row.partnerSettings),
});

/** The named terminals of the scope; with `isLocked` nobody else changes them until the transaction ends. */
export async function loadTerminalRows(
  tx: Queries,
  scope: TenantScope,
  ids: readonly string[],
  options: { isLocked?: boolean } = {},
): Promise<TerminalRow[]> {
  const rows = await tx.query<StoredRow>({
    text: `${SELECT} where ${IN_SCOPE} and t.id = any($3) order by t.id${options.isLocked ? " for no key update of t" : ""}`,
    values: [...scopeValues(scope), ids],
  });
  return rows.map(read);
}

/** A page of terminals, newest first, one more than `limit`. */
export async function findTerminalRows(
  tx: Queries,
  scope: TenantScope,
  filter: {
    /** Id or reference. */
    store: string | null;
    statuses: readonly string[] | null;
    devices: readonly string[] | null;
    reference: string | null;
    from: Date | null;
    to: Date | null;
  },
  page: { limit: number; cursor: { createdAt: Date; id: string } | null },
): Promise<TerminalRow[]> {
  const rows = await tx.query<StoredRow>({
    text: `${SELECT} where ${IN_SCOPE} and ($3::text is null or s.id = $3 or s.reference = $3) and ($4::text[] is null or t.status = any($4))
        and ($5::text[] is null or t.device = any($5)) and ($6::text is null or t.reference = $6)
        and ($7::timestamptz is null or t.created_at >= $7) and ($8::timestamptz is null or t.created_at <= $8)
        and ($9::timestamptz is null or (t.created_at, t.id) < ($9, $10))
      order by t.created_at desc, t.id desc limit $11`,
    values: [
      ...scopeValues(scope),
      filter.store,
      filter.statuses,
      filter.devices,
      filter.reference,
      filter.from,
      filter.to,
      page.cursor?.createdAt ?? null,
      page.cursor?.id ?? null,
      page.limit + 1,
    ],
  });
  return rows.map(read);
}

const EffectiveSchema = PublicTerminalSchema.shape.effective_settings;

export function toPublicTerminal(row: TerminalRow, now: Date): PublicTerminal {
  const { values } = inheritSettings({
    partner: row.partnerSettings,
    store: row.storeSettings,
    terminal: row.settings,
  });
  return {
    id: row.id,
    object: "terminal",
    mode: row.mode,
    reference: row.reference,
    label: row.label,
    store: { id: row.storeId, reference: row.storeReference },
    device: lowerCase(row.device),
    can_show_qr: row.canShowQr,
    status: lowerCase(row.status),
    connection: connectionOf(row.lastSeenAt, now),
    last_seen_at: row.lastSeenAt?.toISOString() ?? null,
    settings: toPublicSettings(row.settings),
    effective_settings: EffectiveSchema.parse(toPublicSettings(values)),
    archived_at: row.archivedAt?.toISOString() ?? null,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}

/** Writes everything of a row that may change; the version goes up. */
export async function updateTerminalRow(tx: Queries, scope: TenantScope, row: TerminalRow, now: Date): Promise<void> {
  await tx.query<Row>({
    text: `update terminals t set label = $4, device = $5, can_show_qr = $6, settings = $7::jsonb, store_id = $8, status = $9, archived_at = $10,
        version = t.version + 1, updated_at = $11
      where ${IN_SCOPE} and t.id = $3`,
    values: [
      ...scopeValues(scope),
      row.id,
      row.label,
      row.device,
      row.canShowQr,
      JSON.stringify(row.settings),
      row.storeId,
      row.status,
      row.archivedAt,
      now,
    ],
  });
}

export type NewTerminalRow = Pick<
  TerminalRow,
  "id" | "storeId" | "reference" | "label" | "device" | "canShowQr" | "status" | "settings"
>;

export async function insertTerminalRow(
  tx: Queries,
  account: { partnerId: string; mode: Mode },
  row: NewTerminalRow,
  now: Date,
): Promise<void> {
  await tx.query<Row>({
    text: `insert into terminals (id, partner_id, mode, store_id, reference, label, device, can_show_qr, status, settings, created_at, updated_at)
      values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10::jsonb,$11,$11)`,
    values: [
      row.id,
      account.partnerId,
      account.mode,
      row.storeId,
      row.reference,
      row.label,
      row.device,
      row.canShowQr,
      row.status,
      JSON.stringify(row.settings),
      now,
    ],
  });
}

export type StoreOfTerminal = { id: string; name: string; type: string; status: string; settings: TerminalSettings };

/** Stores of one account by id or reference, kept as they are until the transaction ends. */
export async function holdStores(
  tx: Queries,
  account: { partnerId: string; mode: Mode },
  wanted: readonly Known[],
): Promise<Map<string, StoreOfTerminal>> {
  const rows = await tx.query<
    Row & { id: string; reference: string; name: string; type: string; status: string; settings: unknown }
  >({
    text: `select id, reference, name, type, status, settings from stores
      where partner_id = $1 and mode = $2 and (id = any($3) or reference = any($4)) order by id for share`,
    values: [
      account.partnerId,
      account.mode,
      wanted.flatMap((one) => ("id" in one ? [one.id] : [])),
      wanted.flatMap((one) => ("reference" in one ? [one.reference] : [])),
    ],
  });
  const found = new Map<string, StoreOfTerminal>();
  for (const { reference, ...row } of rows) {
    const store = { ...row, settings: StoredSettingsSchema.parse(row.settings) };
    found.set(storeKey({ id: row.id }), store);
    found.set(storeKey({ reference }), store);
  }
  return found;
}
export const storeKey = (store: Known): string => ("id" in store ? `id ${store.id}` : `reference ${store.reference}`);

export async function insertMove(
  tx: Queries,
  move: {
    id: string;
    partnerId: string;
    mode: Mode;
    terminalId: string;
    from: string;
    to: string;
    reason: string | null;
    by: string;
    at: Date;
  },
): Promise<void> {
  await tx.query<Row>({
    text: `insert into terminal_moves (id, partner_id, mode, terminal_id, from_store_id, to_store_id, reason, moved_by, moved_at)
      values ($1,$2,$3,$4,$5,$6,$7,$8,$9)`,
    values: [move.id, move.partnerId, move.mode, move.terminalId, move.from, move.to, move.reason, move.by, move.at],
  });
}
