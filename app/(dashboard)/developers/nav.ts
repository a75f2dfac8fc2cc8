import type { SubNavItem } from "@/components/sub-nav";
import type { Holder } from "@/server/auth/permissions";
import { type NavPart, permittedNav } from "../permitted-nav";

const PARTS: readonly NavPart[] = [
  { label: "API keys", href: "/developers" },
  { label: "Requests", href: "/developers/requests", permission: "request_log:read" },
];

export function developersNav(who: Holder): SubNavItem[] {
  return permittedNav(PARTS, who);
}
