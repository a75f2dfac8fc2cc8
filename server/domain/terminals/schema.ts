import { z } from "zod";
import { lineSchema, modeSchema, nameSchema, referenceSchema } from "@/server/core/schema";
import type { TerminalSettings } from "@/server/domain/partners/schema-settings";
import { BULK_MAX, KnownSchema, PublicSettingsSchema, SettingsChangeSchema } from "@/server/domain/stores/schema";
import {
  CONNECTIONS,
  type Connection,
  DEVICE_PURPOSES,
  type DevicePurpose,
  TERMINAL_DEVICES,
  TERMINAL_STATUSES,
  type TerminalDevice,
  type TerminalStatus,
} from "./states";

export const TerminalDeviceSchema = z.enum(TERMINAL_DEVICES);
export const TerminalStatusSchema = z.enum(TERMINAL_STATUSES);
export const DevicePurposeSchema = z.enum(DEVICE_PURPOSES);

export const TERMINAL_SORTS = ["created_at", "label"] as const;
export const TerminalFilterSchema = z.strictObject({
  /** Part of the label, the reference or the id. */
  search: lineSchema(1, 255).optional(),
  partner: lineSchema(1, 60).optional(),
  /** Id of a store. */
  store: lineSchema(1, 60).optional(),
  device: z.array(TerminalDeviceSchema).optional(),
  status: z.array(TerminalStatusSchema).optional(),
  connection: z.array(z.enum(CONNECTIONS)).optional(),
  canShowQr: z.boolean().optional(),
});
export type TerminalFilter = z.infer<typeof TerminalFilterSchema>;

// --- What our own code registers: the seed and tests --------------------------------------------------------------------

export const CreateTerminalSchema = z.strictObject({
  partnerId: z.string(),
  storeId: z.string(),
  reference: referenceSchema,
  label: nameSchema,
  device: TerminalDeviceSchema.default("CARD_TERMINAL"),
  canShowQr: z.boolean().default(true),
  lastSeenAt: z.date().nullable().default(null),
});
export type CreateTerminalInput = z.input<typeof CreateTerminalSchema>;

// --- What people and Partners' systems write ------------------------------------------------------------------------------

const lower = <const T extends readonly string[]>(words: T) =>
  words.map((word) => word.toLowerCase()) as { [K in keyof T]: Lowercase<T[K] & string> };
export const PUBLIC_DEVICES = lower(TERMINAL_DEVICES);
export const PUBLIC_TERMINAL_STATUSES = lower(TERMINAL_STATUSES);

export const RegisterTerminalSchema = z.strictObject({
  /** As the till names itself in payments; once in each store. */
  reference: referenceSchema,
  label: nameSchema.optional(),
  store: KnownSchema,
  device: z.enum(PUBLIC_DEVICES).default("card_terminal"),
  can_show_qr: z.boolean().default(true),
  settings: SettingsChangeSchema.optional(),
});
export type RegisterTerminalInput = z.input<typeof RegisterTerminalSchema>;

export const ChangeTerminalSchema = z.strictObject({
  label: nameSchema.optional(),
  device: z.enum(PUBLIC_DEVICES).optional(),
  can_show_qr: z.boolean().optional(),
  settings: SettingsChangeSchema.optional(),
});
export type ChangeTerminalInput = z.infer<typeof ChangeTerminalSchema>;

export const MoveTerminalSchema = z.strictObject({
  /** Where it stands from now on. */
  store: KnownSchema,
  reason: lineSchema(1, 255).optional(),
});
export type MoveTerminalInput = z.infer<typeof MoveTerminalSchema>;

export const ChangeTerminalsSchema = z.strictObject({
  ids: z.array(lineSchema(1, 40)).min(1).max(BULK_MAX),
  change: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("archive") }),
    z.strictObject({ kind: z.literal("restore") }),
    z.strictObject({ kind: z.literal("move"), store: KnownSchema, reason: lineSchema(1, 255).optional() }),
    z.strictObject({ kind: z.literal("settings"), settings: SettingsChangeSchema }),
  ]),
});
export type ChangeTerminalsInput = z.infer<typeof ChangeTerminalsSchema>;

const moment = z.iso.datetime({ offset: true });

/** The terminal as Partners see it. */
export const PublicTerminalSchema = z.object({
  id: z.string(),
  object: z.literal("terminal"),
  mode: modeSchema,
  reference: z.string(),
  label: z.string(),
  store: z.object({ id: z.string(), reference: z.string() }),
  device: z.enum(PUBLIC_DEVICES),
  can_show_qr: z.boolean(),
  status: z.enum(PUBLIC_TERMINAL_STATUSES),
  connection: z.enum(CONNECTIONS),
  last_seen_at: moment.nullable(),
  /** Its own: only what differs from the store's and the Partner's. */
  settings: PublicSettingsSchema,
  /** What holds at it, inherited values included. */
  effective_settings: PublicSettingsSchema.required(),
  archived_at: moment.nullable(),
  created_at: moment,
  updated_at: moment,
});
export type PublicTerminal = z.infer<typeof PublicTerminalSchema>;

export type TerminalItem = {
  id: string;
  partnerId: string;
  partnerName: string;
  store: { id: string; name: string; reference: string };
  reference: string;
  label: string;
  device: TerminalDevice;
  canShowQr: boolean;
  status: TerminalStatus;
  lastSeenAt: Date | null;
  connection: Connection;
  createdAt: Date;
};
export type TerminalRecord = TerminalItem & {
  mode: "test" | "live";
  version: number;
  partnerCurrency: string;
  archivedAt: Date | null;
  updatedAt: Date;
  /** What each level says, for showing where a value comes from. */
  settings: { partner: TerminalSettings; store: TerminalSettings; terminal: TerminalSettings };
  /** Counts stop at 10,000. */
  paymentCount: number;
  lastPaymentAt: Date | null;
};

export type TerminalMoveItem = {
  id: string;
  from: { id: string; name: string };
  to: { id: string; name: string };
  reason: string | null;
  movedBy: string;
  movedAt: Date;
};

export type PairedDeviceItem = {
  id: string;
  purpose: DevicePurpose;
  userAgent: string | null;
  address: string | null;
  pairedBy: string;
  createdAt: Date;
  lastSeenAt: Date | null;
  revokedAt: Date | null;
};

/** A browser that was paired, as its own page shows it. */
/** Where a till or kiosk stands, and what it may do there. */
export type CounterPlace = {
  mode: "test" | "live";
  partnerId: string;
  partnerName: string;
  currency: string;
  /** Of the store, else of the Partner. */
  country: string;
  storeId: string;
  storeName: string;
  terminalId: string;
  terminalLabel: string;
  terminalReference: string;
  /** Whether payments can be taken at it now. */
  isUsable: boolean;
  settings: Required<TerminalSettings>;
};
export type PairedView = CounterPlace & { deviceId: string; purpose: DevicePurpose };
