export const SYSTEM_NAV = [
  { label: "Status", href: "/system" },
  { label: "Events from Klarna", href: "/system/received" },
];
