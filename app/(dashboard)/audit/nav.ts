import type { SubNavItem } from "@/components/sub-nav";
import type { Holder } from "@/server/auth/permissions";
import { type NavPart, permittedNav } from "../permitted-nav";

/** The chain belongs to the whole installation: the acquirer's people see it. */
const PARTS: readonly NavPart[] = [
  { label: "Entries", href: "/audit" },
  { label: "Chain", href: "/audit/chain", permission: "system:read" },
];

export function auditNav(who: Holder): SubNavItem[] {
  return permittedNav(PARTS, who);
}
