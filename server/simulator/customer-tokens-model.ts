import { z } from "zod";

/** What the simulator remembers of saved customers and of shopping sessions. */

export const ScopeSchema = z.enum(["payment:customer_present", "payment:customer_not_present", "customer:login"]);
export type Scope = z.infer<typeof ScopeSchema>;

export const TokenRequestSchema = z.object({
  scopes: z.array(ScopeSchema),
  customer_token_reference: z.string().nullable(),
});
export type TokenRequest = z.infer<typeof TokenRequestSchema>;

export const CustomerTokenSchema = z.object({
  customer_token: z.string(),
  customer_token_reference: z.string().nullable(),
  account_id: z.string(),
  scopes: z.array(ScopeSchema),
  status: z.enum(["ACTIVE", "SUSPENDED", "REVOKED"]),
  /** A denied customer's unattended charges are declined. */
  persona: z.enum(["approved", "denied"]),
  country: z.string(),
  phone: z.string(),
  payment_request_id: z.string().nullable(),
  issued_at: z.number(),
  revoked_at: z.number().nullable(),
  revoked_by: z.enum(["PARTNER", "CUSTOMER", "KLARNA"]).nullable(),
});
export type CustomerToken = z.infer<typeof CustomerTokenSchema>;

/** A shopping session that is not a finished payment: the customer signed in, or was recognised. */
export const ShoppingSessionSchema = z.object({
  session_token: z.string(),
  shopping_session_id: z.string(),
  account_id: z.string(),
  customer_journey: z.string(),
  customer_token: z.string().nullable(),
  created_at: z.number(),
});
export type ShoppingSession = z.infer<typeof ShoppingSessionSchema>;
