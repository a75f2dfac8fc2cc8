import { z } from "zod";
import { lineSchema, nameSchema, referenceSchema } from "@/server/core/schema";

export const TERMINAL_DEVICES = ["CARD_TERMINAL", "TABLET", "KIOSK", "SELF_CHECKOUT", "MOBILE_CHECKOUT"] as const;
export const TerminalDeviceSchema = z.enum(TERMINAL_DEVICES);
export type TerminalDevice = z.infer<typeof TerminalDeviceSchema>;
export const TERMINAL_STATUSES = ["ACTIVE", "ARCHIVED"] as const;
export const TerminalStatusSchema = z.enum(TERMINAL_STATUSES);
export type TerminalStatus = z.infer<typeof TerminalStatusSchema>;

/** Plain words for people. */
export const TERMINAL_DEVICE_WORDS: Readonly<Record<TerminalDevice, string>> = {
  CARD_TERMINAL: "Card terminal",
  TABLET: "Tablet",
  KIOSK: "Kiosk",
  SELF_CHECKOUT: "Self-checkout",
  MOBILE_CHECKOUT: "Mobile checkout",
};
export const TERMINAL_STATUS_WORDS: Readonly<Record<TerminalStatus, string>> = {
  ACTIVE: "Active",
  ARCHIVED: "Archived",
};

export const TerminalFilterSchema = z.strictObject({
  /** Part of the label or reference, or a whole id. */
  search: lineSchema(1, 255).optional(),
  partner: lineSchema(1, 60).optional(),
  /** Id of a store. */
  store: lineSchema(1, 60).optional(),
  device: z.array(TerminalDeviceSchema).optional(),
  status: z.array(TerminalStatusSchema).optional(),
});
export type TerminalFilter = z.infer<typeof TerminalFilterSchema>;

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
  createdAt: Date;
};
export type TerminalRecord = TerminalItem & {
  mode: "test" | "live";
  partnerCurrency: string;
  updatedAt: Date;
  /** Counts stop at 10,000. */
  paymentCount: number;
  lastPaymentAt: Date | null;
};
