import type { SubNavItem } from "@/components/sub-nav";
import { can, type Holder, type Permission } from "@/server/auth/permissions";

/** A part of an area; without a permission, all who see the area may open it. */
export type NavPart = SubNavItem & { permission?: Permission };

/** The parts of an area that this person may open. */
export function permittedNav(parts: readonly NavPart[], who: Holder): SubNavItem[] {
  return parts
    .filter(({ permission }) => permission === undefined || can(who, permission))
    .map(({ label, href }) => ({ label, href }));
}
