import type { SubNavItem } from "@/components/sub-nav";
import type { Holder } from "@/server/auth/permissions";
import { type NavPart, permittedNav } from "../permitted-nav";

const PARTS: readonly NavPart[] = [
  { label: "Status", href: "/system", permission: "system:read" },
  { label: "Events from Klarna", href: "/system/received", permission: "klarna_events:read" },
  { label: "Subscription and keys", href: "/system/subscription", permission: "system:read" },
  { label: "Credentials", href: "/system/credentials", permission: "credentials:read" },
  { label: "Background", href: "/system/runs", permission: "system:read" },
  { label: "Calls to Klarna", href: "/system/operations", permission: "system:read" },
  { label: "Alarms", href: "/system/alarms", permission: "system:read" },
  { label: "Mails", href: "/system/mails", permission: "mails:read" },
];

export function systemNav(who: Holder): SubNavItem[] {
  return permittedNav(PARTS, who);
}
