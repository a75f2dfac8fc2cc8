import type { SubNavItem } from "@/components/sub-nav";
import { can, type Role } from "@/server/auth/permissions";

export function developersNav(role: Role): SubNavItem[] {
  return [
    { label: "API keys", href: "/developers" },
    ...(can(role, "request_log:read") ? [{ label: "Requests", href: "/developers/requests" }] : []),
  ];
}
