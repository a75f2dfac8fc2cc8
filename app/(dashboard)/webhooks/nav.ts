export const WEBHOOKS_NAV = [
  { label: "Endpoints", href: "/webhooks" },
  { label: "Deliveries", href: "/webhooks/deliveries" },
  { label: "Events", href: "/webhooks/events" },
  { label: "Replays", href: "/webhooks/replays" },
];
