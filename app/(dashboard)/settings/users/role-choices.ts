import type { RoleItem } from "@/server/domain/people/schema";

/** What the forms need of a role. */
export type RoleChoice = {
  id: string;
  name: string;
  description: string;
  isForPartners: boolean;
  /** The one Partner whose own role it is. */
  partnerId: string | null;
  /** Whether somebody with it may be tied to some Partners: always for a Partner's people, sometimes for the acquirer's. */
  canBeTied: boolean;
  needsTwoFactor: boolean;
};

/** The roles that the reader may give. */
export function roleChoices(roles: readonly RoleItem[]): RoleChoice[] {
  return roles
    .filter((role) => role.canGrant)
    .map((role) => ({
      id: role.id,
      name: role.partnerName === null ? role.name : `${role.name} (${role.partnerName})`,
      description: role.description,
      isForPartners: role.audience === "PARTNER",
      partnerId: role.partnerId,
      canBeTied: role.audience === "PARTNER" || !role.isBuiltIn || role.id === "READ_ONLY",
      needsTwoFactor: role.needsTwoFactor,
    }));
}
