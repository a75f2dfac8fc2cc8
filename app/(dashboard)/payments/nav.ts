export const PAYMENTS_NAV = [
  { label: "Payments", href: "/payments" },
  { label: "Analysis", href: "/payments/analysis" },
  { label: "Many at once", href: "/payments/bulk" },
];
