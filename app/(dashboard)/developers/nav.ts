import type { SubNavItem } from "@/components/sub-nav";
import { can, type Holder } from "@/server/auth/permissions";

export function developersNav(who: Holder): SubNavItem[] {
  return [
    { label: "API keys", href: "/developers" },
    ...(can(who, "request_log:read") ? [{ label: "Requests", href: "/developers/requests" }] : []),
  ];
}
