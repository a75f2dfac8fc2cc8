import type { SubNavItem } from "@/components/sub-nav";
import type { Holder } from "@/server/auth/permissions";
import { type NavPart, permittedNav } from "../permitted-nav";

const PARTS: readonly NavPart[] = [
  { label: "Users", href: "/settings/users", permission: "users:read" },
  { label: "Roles", href: "/settings/roles", permission: "users:read" },
  { label: "Approvals", href: "/settings/approvals", permission: "approvals:read" },
  { label: "API keys", href: "/settings/api-keys", permission: "credentials:read" },
  { label: "Klarna's portal", href: "/settings/portal", permission: "portal:open" },
  { label: "Your security", href: "/settings/security", permission: "sessions:own" },
  { label: "Your sessions", href: "/settings/sessions", permission: "sessions:own" },
];

export function settingsNav(who: Holder): SubNavItem[] {
  return permittedNav(PARTS, who);
}
