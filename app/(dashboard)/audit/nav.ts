import type { SubNavItem } from "@/components/sub-nav";
import { can, type Holder } from "@/server/auth/permissions";

/** The chain belongs to the whole installation: the acquirer's people see it. */
export function auditNav(who: Holder): SubNavItem[] {
  return [
    { label: "Entries", href: "/audit" },
    ...(can(who, "system:read") ? [{ label: "Chain", href: "/audit/chain" }] : []),
  ];
}
