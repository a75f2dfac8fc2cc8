import type { SubNavItem } from "@/components/sub-nav";
import { can, type Holder, type Permission } from "@/server/auth/permissions";

const ITEMS: readonly (SubNavItem & { permission: Permission })[] = [
  { label: "Users", href: "/settings/users", permission: "users:read" },
  { label: "Roles", href: "/settings/roles", permission: "users:read" },
  { label: "Approvals", href: "/settings/approvals", permission: "approvals:read" },
  { label: "API keys", href: "/settings/api-keys", permission: "credentials:read" },
  { label: "Klarna's portal", href: "/settings/portal", permission: "portal:open" },
  { label: "Your security", href: "/settings/security", permission: "sessions:own" },
  { label: "Your sessions", href: "/settings/sessions", permission: "sessions:own" },
];

/** The parts of the settings that a person may open. */
export function settingsNav(who: Holder): SubNavItem[] {
  return ITEMS.filter((item) => can(who, item.permission)).map(({ label, href }) => ({ label, href }));
}
