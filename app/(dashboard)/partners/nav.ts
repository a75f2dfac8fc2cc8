import type { SubNavItem } from "@/components/sub-nav";

export const PARTNERS_NAV: readonly SubNavItem[] = [
  { label: "Partners", href: "/partners" },
  { label: "Onboarding", href: "/partners/onboarding" },
];
