export const WEBHOOKS_NAV = [
  { label: "Endpoints", href: "/webhooks" },
  { label: "Deliveries", href: "/webhooks/deliveries" },
];
