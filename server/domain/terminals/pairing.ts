import { randomBytes, randomInt } from "node:crypto";
import { DEVICE_PERMISSIONS } from "@/server/auth/permissions";
import { createContext, requirePermission, type ServiceContext, type Services, systemContext } from "@/server/context";
import { AppError } from "@/server/core/errors";
import { newId } from "@/server/core/ids";
import type { Mode } from "@/server/core/schema";
import { addMs, MINUTE_MS } from "@/server/core/time";
import type { Row } from "@/server/db/client";
import { nameFor } from "@/server/db/names";
import { appendAudit } from "@/server/domain/audit/service";
import { StoredSettingsSchema } from "@/server/domain/partners/schema-settings";
import { inheritSettings, requireMayRefund } from "@/server/domain/partners/service";

import { noteSeen } from "./change";
import { loadTerminalRows, scopeValues, type TerminalRow } from "./rows";
import { type CounterPlace, DevicePurposeSchema, type PairedDeviceItem, type PairedView } from "./schema";
import type { DevicePurpose } from "./states";

/*
 * A browser becomes the kiosk or till of one terminal: somebody asks for a code on the terminal's page and types it at the
 * device within ten minutes. The device then holds a random token in a cookie; both are kept as keyed hashes only.
 */

export const CODE_VALID_MS = 10 * MINUTE_MS;
/** Without vowels and what is taken for one another: 27 signs, ten of them are 47 bits. */
const ALPHABET = "BCDFGHJKMNPQRSTVWXZ23456789";
const CODE_LENGTH = 10;
const CODE_FORM = new RegExp(`^[${ALPHABET}]{${CODE_LENGTH}}$`);
const FAMILY_LENGTH = 2;
/** Written about once a minute. */
const SEEN_STEP_S = 55;

/** A code as it is typed: case, spaces and dashes do not matter. */
export function normalCode(typed: string): string {
  return typed.toUpperCase().replace(/[\s-]/g, "");
}

/** The first signs of what is typed, by which tries are counted; null when no code looks so, and so none is guessed. */
export function codeFamily(typed: string): string | null {
  const code = normalCode(typed);
  return CODE_FORM.test(code) ? code.slice(0, FAMILY_LENGTH) : null;
}

/** Whether a till that is paired with the terminal takes returns. */
const takesReturns = (row: Pick<TerminalRow, "partnerSettings" | "storeSettings" | "settings">): boolean =>
  inheritSettings({ partner: row.partnerSettings, store: row.storeSettings, terminal: row.settings }).values
    .till_returns;

function newCode(): string {
  return Array.from({ length: CODE_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)] ?? "").join("");
}

/**
 * A code for one terminal, shown once, `XXXXX-XXXXX`. An earlier unused code of the terminal ends. A till that takes returns
 * gives money back by itself: only who may refund makes one.
 * Errors: permission_denied, terminal_not_found, state_conflict (archived).
 */
export async function createPairingCode(
  ctx: ServiceContext,
  terminalId: string,
  purpose: DevicePurpose,
): Promise<{ code: string; expiresAt: Date }> {
  requirePermission(ctx, "terminals:write");
  const code = newCode();
  const now = ctx.clock.now();
  const expiresAt = addMs(now, CODE_VALID_MS);
  await ctx.db.transaction(async (tx) => {
    const [row] = await loadTerminalRows(tx, ctx.scope, [terminalId], { isLocked: true });
    if (!row) throw new AppError("terminal_not_found");
    if (row.status === "ARCHIVED")
      throw new AppError("state_conflict", { detail: "An archived terminal cannot be paired." });
    if (purpose === "TILL" && takesReturns(row))
      requireMayRefund(ctx, "This terminal takes returns: only who may refund can pair a till with it.");
    await tx.query<Row>({
      text: "delete from pairing_codes where used_at is null and ((partner_id = $1 and mode = $2 and terminal_id = $3) or expires_at < $4)",
      values: [row.partnerId, row.mode, terminalId, now],
    });
    await tx.query<Row>({
      text: `insert into pairing_codes (id, partner_id, mode, terminal_id, code_hash, purpose, created_by, created_at, expires_at)
        values ($1,$2,$3,$4,$5,$6,$7,$8,$9)`,
      values: [
        newId("pairingCode", now.getTime()),
        row.partnerId,
        row.mode,
        terminalId,
        ctx.secrets.hash(code, "pairing_code"),
        purpose,
        ctx.actor.id,
        now,
        expiresAt,
      ],
    });
    await appendAudit(tx, ctx, {
      action: "terminal.pairing_started",
      subjectKind: "terminal",
      subjectId: terminalId,
      partnerId: row.partnerId,
      after: { kind: purpose, expires_at: expiresAt.toISOString() },
    });
  });
  return { code: `${code.slice(0, CODE_LENGTH / 2)}-${code.slice(CODE_LENGTH / 2)}`, expiresAt };
}

/**
 * Uses a code, once, at the device that it was typed at. The token is for the device's cookie and told this once; whoever
 * calls limits the tries. Errors: link_invalid (wrong, used or too old: all alike).
 */
export async function pairDevice(
  services: Services,
  input: { code: string; address: string | null; userAgent: string | null },
): Promise<{ token: string; deviceId: string }> {
  const refused = (): AppError =>
    new AppError("link_invalid", { detail: "The code is wrong, was used, or is too old." });
  const code = normalCode(input.code);
  if (!CODE_FORM.test(code)) throw refused();
  const token = randomBytes(32).toString("base64url");
  const now = services.clock.now();
  const deviceId = newId("pairedDevice", now.getTime());
  await services.db.transaction(async (tx) => {
    const [used] = await tx.query<
      Row & { partnerId: string; mode: Mode; terminalId: string; purpose: string; createdBy: string }
    >({
      text: `update pairing_codes set used_at = $2 where code_hash = $1 and used_at is null and expires_at > $2
        returning partner_id as "partnerId", mode, terminal_id as "terminalId", purpose, created_by as "createdBy"`,
      values: [services.secrets.hash(code, "pairing_code"), now],
    });
    if (!used) throw refused();
    const ctx = systemContext(services, "pairing", used.mode, "SCREEN");
    const [terminal] = await loadTerminalRows(tx, ctx.scope, [used.terminalId], { isLocked: true });
    if (!terminal || terminal.status === "ARCHIVED") throw refused();
    await tx.query<Row>({
      text: `insert into paired_devices (id, partner_id, mode, terminal_id, token_hash, purpose, user_agent, address, paired_by, created_at, last_seen_at)
        values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$10)`,
      values: [
        deviceId,
        used.partnerId,
        used.mode,
        used.terminalId,
        services.secrets.hash(token, "paired_device"),
        used.purpose,
        input.userAgent?.slice(0, 255) ?? null,
        input.address,
        used.createdBy,
        now,
      ],
    });
    await noteSeen(tx, terminal, now);
    await appendAudit(tx, ctx, {
      action: "terminal.device_paired",
      subjectKind: "terminal",
      subjectId: used.terminalId,
      partnerId: used.partnerId,
      after: { id: deviceId, kind: used.purpose },
    });
  });
  return { token, deviceId };
}

type PlaceRow = Row & {
  partnerId: string;
  mode: Mode;
  partnerName: string;
  currency: string;
  country: string;
  storeId: string;
  storeName: string;
  storeStatus: string;
  terminalId: string;
  terminalLabel: string;
  terminalReference: string;
  terminalStatus: string;
  partnerSettings: unknown;
  storeSettings: unknown;
  terminalSettings: unknown;
};
type DeviceRow = PlaceRow & { id: string; purpose: string };

const PLACE = `t.partner_id as "partnerId", t.mode, p.name as "partnerName", p.currency, coalesce(s.country, p.country) as country, s.id as "storeId",
    s.name as "storeName", s.status as "storeStatus", t.id as "terminalId", t.label as "terminalLabel", t.reference as "terminalReference",
    t.status as "terminalStatus", a.settings as "partnerSettings", s.settings as "storeSettings", t.settings as "terminalSettings"`;
const PLACE_JOINS = `join stores s on s.id = t.store_id join partners p on p.id = t.partner_id
      join partner_accounts a on a.partner_id = t.partner_id and a.mode = t.mode`;

function placeOf(row: PlaceRow): CounterPlace {
  const { values } = inheritSettings({
    partner: StoredSettingsSchema.parse(row.partnerSettings),
    store: StoredSettingsSchema.parse(row.storeSettings),
    terminal: StoredSettingsSchema.parse(row.terminalSettings),
  });
  return {
    mode: row.mode,
    partnerId: row.partnerId,
    partnerName: row.partnerName,
    currency: row.currency,
    country: row.country,
    storeId: row.storeId,
    storeName: row.storeName,
    terminalId: row.terminalId,
    terminalLabel: row.terminalLabel,
    terminalReference: row.terminalReference,
    isUsable: row.terminalStatus === "ACTIVE" && row.storeStatus === "ACTIVE",
    settings: values,
  };
}

/** The device that holds this token, or null: unknown, revoked. Noting that it is there counts for its terminal too. */
export async function findPairedDevice(services: Services, token: string): Promise<PairedView | null> {
  if (!/^[A-Za-z0-9_-]{43}$/.test(token)) return null;
  const [row] = await services.db.query<DeviceRow>({
    name: "paired_device",
    text: `select d.id, d.purpose, ${PLACE}
      from paired_devices d join terminals t on t.id = d.terminal_id ${PLACE_JOINS}
      where d.token_hash = $1 and d.revoked_at is null`,
    values: [services.secrets.hash(token, "paired_device")],
  });
  if (!row) return null;
  const now = services.clock.now();
  await services.db.query<Row>({
    name: "paired_device_seen",
    text: `update paired_devices set last_seen_at = $2 where id = $1
      and (last_seen_at is null or last_seen_at < $2::timestamptz - interval '${SEEN_STEP_S} seconds')`,
    values: [row.id, now],
  });
  await noteSeen(services.db, { partnerId: row.partnerId, mode: row.mode, id: row.terminalId }, now);
  return { ...placeOf(row), deviceId: row.id, purpose: DevicePurposeSchema.parse(row.purpose) };
}

/**
 * The context in which a paired browser acts: its own terminal's payments, of its own Partner, and nothing else. A till
 * may refund where its terminal's setting says so.
 */
export function deviceContext(services: Services, device: PairedView, requestId?: string): ServiceContext {
  const mayRefund = device.purpose === "TILL" && device.settings.till_returns;
  return createContext(services, {
    actor: {
      kind: "DEVICE",
      id: device.deviceId,
      name: device.terminalLabel,
      partnerId: device.partnerId,
      terminalId: device.terminalId,
      permissions: mayRefund ? [...DEVICE_PERMISSIONS, "payments:refund"] : DEVICE_PERMISSIONS,
    },
    scope: { partners: [device.partnerId], mode: device.mode, terminal: device.terminalId },
    way: "SCREEN",
    ...(requestId === undefined ? {} : { requestId }),
  });
}

/** The same of a terminal whose till somebody opens who is signed in. Errors: permission_denied, terminal_not_found. */
export async function getCounterPlace(ctx: ServiceContext, terminalId: string): Promise<CounterPlace> {
  requirePermission(ctx, "payments:create");
  const [row] = await ctx.db.query<PlaceRow>({
    name: "counter_place",
    text: `select ${PLACE} from terminals t ${PLACE_JOINS}
      where t.mode = $1 and ($2::text[] is null or t.partner_id = any($2)) and t.id = $3`,
    values: [...scopeValues(ctx.scope), terminalId],
  });
  if (!row) throw new AppError("terminal_not_found");
  return placeOf(row);
}

/** Browsers that are or were paired with a terminal, newest first. Errors: permission_denied, terminal_not_found. */
export async function listPairedDevices(ctx: ServiceContext, terminalId: string): Promise<PairedDeviceItem[]> {
  requirePermission(ctx, "terminals:read");
  const rows = await ctx.db.query<Row & Omit<PairedDeviceItem, "purpose"> & { purpose: string }>({
    text: `select d.id, d.purpose, d.user_agent as "userAgent", d.address, coalesce(${nameFor("u", "$2")}, d.paired_by) as "pairedBy", d.created_at as "createdAt",
        d.last_seen_at as "lastSeenAt", d.revoked_at as "revokedAt"
      from paired_devices d left join users u on u.id = d.paired_by
      where d.mode = $1 and ($2::text[] is null or d.partner_id = any($2)) and d.terminal_id = $3 order by d.created_at desc, d.id desc limit 50`,
    values: [...scopeValues(ctx.scope), terminalId],
  });
  return rows.map((row) => ({ ...row, purpose: DevicePurposeSchema.parse(row.purpose) }));
}

/** Lets a paired browser go: its cookie is worth nothing from now on. Errors: permission_denied, not_found. */
export async function revokeDevice(ctx: ServiceContext, deviceId: string): Promise<void> {
  requirePermission(ctx, "terminals:write");
  const now = ctx.clock.now();
  await ctx.db.transaction(async (tx) => {
    const [row] = await tx.query<Row & { partnerId: string; terminalId: string; isRevoked: boolean }>({
      text: `select d.partner_id as "partnerId", d.terminal_id as "terminalId", d.revoked_at is not null as "isRevoked" from paired_devices d
        where d.mode = $1 and ($2::text[] is null or d.partner_id = any($2)) and d.id = $3 for no key update`,
      values: [...scopeValues(ctx.scope), deviceId],
    });
    if (!row) throw new AppError("not_found");
    if (row.isRevoked) return;
    await tx.query<Row>({
      text: "update paired_devices set revoked_at = $2, revoked_by = $3 where id = $1",
      values: [deviceId, now, ctx.actor.id],
    });
    await appendAudit(tx, ctx, {
      action: "terminal.device_revoked",
      subjectKind: "terminal",
      subjectId: row.terminalId,
      partnerId: row.partnerId,
      after: { id: deviceId },
    });
  });
}

/** A device that leaves by itself. Wrong tokens change nothing. */
export async function leaveDevice(services: Services, token: string): Promise<void> {
  const [row] = await services.db.query<Row & { id: string; mode: Mode }>({
    text: "select id, mode from paired_devices where token_hash = $1 and revoked_at is null",
    values: [services.secrets.hash(token, "paired_device")],
  });
  if (row) await revokeDevice(systemContext(services, "pairing", row.mode, "SCREEN"), row.id);
}
