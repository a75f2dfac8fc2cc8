import { z } from "zod";
import { lineSchema, nameSchema, referenceSchema } from "@/server/core/schema";
import { TERMINAL_DEVICES, TERMINAL_STATUSES, type TerminalDevice, type TerminalStatus } from "./states";

export const TerminalDeviceSchema = z.enum(TERMINAL_DEVICES);
export const TerminalStatusSchema = z.enum(TERMINAL_STATUSES);

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
