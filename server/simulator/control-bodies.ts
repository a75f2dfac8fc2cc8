import { z } from "zod";
import { FaultKindSchema, FaultSchema, SettingsSchema, StoreSchema, SwitchesSchema } from "./model";

/* What the control API is asked with. */

export const StoreInputSchema = z.object({
  store_id: z.string().min(1).max(255).optional(),
  store_reference: z.string().min(1).max(255).nullish(),
  name: z.string().max(255).nullish(),
  type: StoreSchema.shape.type.optional(),
  address: z.record(z.string(), z.unknown()).nullish(),
});

export const AccountInputSchema = z.object({
  account_id: z
    .string()
    .regex(/^krn:[\w:.-]+$/)
    .max(255)
    .optional(),
  name: z.string().max(255).optional(),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .optional(),
  stores: z.array(StoreInputSchema).optional(),
  switches: SwitchesSchema.partial().optional(),
});

export const FaultInputSchema = z.object({
  operation: z.string().min(1),
  account: z.string().optional(),
  match: FaultSchema.shape.match.optional(),
  kind: FaultKindSchema,
  delay_ms: z.int().min(0).optional(),
  times: z.int().min(1).nullable().optional(),
});

export const CustomerTokenInputSchema = z.strictObject({
  status: z.enum(["ACTIVE", "SUSPENDED", "REVOKED"]).optional(),
  persona: z.enum(["approved", "denied"]).optional(),
  revoked_by: z.enum(["PARTNER", "CUSTOMER", "KLARNA"]).optional(),
});

export const PlaySchema = z.object({
  action: z.enum(["open", "complete", "decline", "leave", "expire"]),
  force: z.boolean().default(false),
});

/** What time would do to a transaction: the authorization ends, or the grace after it. */
export const PlayTransactionSchema = z.strictObject({ action: z.enum(["expire", "close"]) });

export const SettingsInputSchema = SettingsSchema.omit({
  id: true,
  api_key: true,
  acquirer_account_id: true,
  clock_offset_ms: true,
  clock_speed: true,
  clock_speed_since: true,
})
  .partial()
  .strict();

export const ClockInputSchema = z.strictObject({
  advance_ms: z.int().optional(),
  account: z.string().optional(),
  /** How far the account's own clock is to be ahead, whatever it was. */
  account_ahead_ms: z.int().optional(),
  speed: SettingsSchema.shape.clock_speed.optional(),
});
