import { z } from "zod";
import { AUDIENCES, type Audience, PERMISSIONS, type Permission } from "@/server/auth/permissions";
import { idSchema } from "@/server/core/ids";
import { emailSchema, lineSchema, nameSchema } from "@/server/core/schema";
import { USER_STATES, type UserState } from "./states";

/** A built-in role or one that people made. */
export const RoleIdSchema = z.union([
  z.enum(["ACQUIRER_ADMIN", "ACQUIRER_OPERATIONS", "ACQUIRER_FINANCE", "READ_ONLY", "PARTNER_ADMIN", "PARTNER_STAFF"]),
  idSchema("role"),
]);

const partnersSchema = z
  .array(idSchema("partner"))
  .max(200)
  .transform((ids) => [...new Set(ids)].sort());

export const InviteSchema = z.strictObject({
  email: z.string().trim().toLowerCase().pipe(emailSchema),
  name: z.string().trim().pipe(nameSchema),
  role: RoleIdSchema,
  /** Which Partners the person may see; none for the acquirer's people. */
  partners: partnersSchema.default([]),
});
export type InviteInput = z.infer<typeof InviteSchema>;

export const ChangeAccessSchema = z.strictObject({ role: RoleIdSchema, partners: partnersSchema.default([]) });
export type ChangeAccessInput = z.infer<typeof ChangeAccessSchema>;

export const PersonFilterSchema = z.strictObject({
  /** Part of a name or an address, or an id. */
  search: lineSchema(1, 255).optional(),
  state: z.array(z.enum(USER_STATES)).max(10).optional(),
  role: z.array(RoleIdSchema).max(50).optional(),
  partner: lineSchema(1, 60).optional(),
});
export type PersonFilter = z.infer<typeof PersonFilterSchema>;

export type PersonItem = {
  id: string;
  email: string;
  name: string;
  state: UserState;
  role: { id: string; name: string; audience: Audience };
  /** Within the reader's sight. */
  partners: { id: string; name: string }[];
  hasTwoFactor: boolean;
  lastSeenAt: Date | null;
  invitedAt: Date | null;
  createdAt: Date;
};

export type PersonSession = {
  id: string;
  createdAt: Date;
  lastSeenAt: Date;
  address: string | null;
  userAgent: string | null;
};

/** `permissions` is what the role grants now. `may` is what the reader can do to this person, with the reason if not. */
export type PersonRecord = PersonItem & {
  permissions: readonly Permission[];
  invitedBy: string | null;
  sessions: PersonSession[];
  may: { change: true } | { change: false; why: string };
};

export const RoleInputSchema = z.strictObject({
  name: z.string().trim().pipe(lineSchema(2, 60)),
  description: z.string().trim().pipe(lineSchema(0, 200)).default(""),
  audience: z.enum(AUDIENCES),
  /** The Partner whose own role it is; null for one that the acquirer's people make for all. */
  partnerId: idSchema("partner").nullable().default(null),
  permissions: z.array(z.enum(PERMISSIONS)).min(1).max(PERMISSIONS.length),
});
export type RoleInput = z.infer<typeof RoleInputSchema>;

export type RoleItem = {
  id: string;
  name: string;
  description: string;
  audience: Audience;
  partnerId: string | null;
  partnerName: string | null;
  permissions: readonly Permission[];
  isBuiltIn: boolean;
  needsTwoFactor: boolean;
  /** How many people within the reader's sight have it. */
  people: number;
  /** Whether the reader may give it to somebody, and change it. */
  canGrant: boolean;
  canChange: boolean;
};
