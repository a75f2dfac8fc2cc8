import type { SubNavItem } from "@/components/sub-nav";
import { can, type Holder, type Permission } from "@/server/auth/permissions";

const ITEMS: ReadonlyArray<SubNavItem & { permission: Permission }> = [
  { label: "Status", href: "/system", permission: "system:read" },
  { label: "Events from Klarna", href: "/system/received", permission: "klarna_events:read" },
  { label: "Subscription and keys", href: "/system/subscription", permission: "system:read" },
  { label: "Credentials", href: "/system/credentials", permission: "credentials:read" },
  { label: "Background", href: "/system/runs", permission: "system:read" },
  { label: "Calls to Klarna", href: "/system/operations", permission: "system:read" },
  { label: "Alarms", href: "/system/alarms", permission: "system:read" },
  { label: "Mails", href: "/system/mails", permission: "mails:read" },
];

/** The parts of the area that this person may open. */
export function systemNav(who: Holder): SubNavItem[] {
  return ITEMS.filter((item) => can(who, item.permission)).map(({ label, href }) => ({ label, href }));
}
