import { z } from "zod";
import { idSchema } from "@/server/core/ids";
import { type GrantState, PORTAL_ROLES } from "./states";

export const InviteSchema = z.strictObject({
  partner: idSchema("partner"),
  email: z.email("This is not an e-mail address.").max(254),
  role: z.enum(PORTAL_ROLES),
});
export type InviteInput = z.infer<typeof InviteSchema>;

export type PortalGrantItem = {
  id: string;
  partnerId: string;
  partnerName: string;
  kind: "DEEP_LINK" | "INVITATION";
  email: string;
  roles: string[];
  state: GrantState;
  grantedBy: string;
  grantedByName: string;
  createdAt: Date;
  revokedAt: Date | null;
};
