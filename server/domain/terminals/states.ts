/* Kinds and states of terminals, apart from the schemas, so that screens can name them without a parser. */

export const TERMINAL_DEVICES = ["CARD_TERMINAL", "TABLET", "KIOSK", "SELF_CHECKOUT", "MOBILE_CHECKOUT"] as const;
export type TerminalDevice = (typeof TERMINAL_DEVICES)[number];
export const TERMINAL_STATUSES = ["DRAFT", "ACTIVE", "ARCHIVED"] as const;
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];
/** By its last sign of life: `online` within five minutes. */
export const CONNECTIONS = ["online", "offline", "never"] as const;
export type Connection = (typeof CONNECTIONS)[number];
/** What a paired browser is. */
export const DEVICE_PURPOSES = ["KIOSK", "TILL"] as const;
export type DevicePurpose = (typeof DEVICE_PURPOSES)[number];

/** What a browser at such a terminal is, as long as nobody says otherwise. */
export function purposeOf(device: TerminalDevice): DevicePurpose {
  return device === "KIOSK" || device === "SELF_CHECKOUT" ? "KIOSK" : "TILL";
}

export const ONLINE_FOR_MS = 5 * 60_000;

export function connectionOf(lastSeenAt: Date | null, now: Date): Connection {
  if (lastSeenAt === null) return "never";
  return now.getTime() - lastSeenAt.getTime() <= ONLINE_FOR_MS ? "online" : "offline";
}

/** Plain words for people. */
export const TERMINAL_DEVICE_WORDS: Readonly<Record<TerminalDevice, string>> = {
  CARD_TERMINAL: "Card terminal",
  TABLET: "Tablet",
  KIOSK: "Kiosk",
  SELF_CHECKOUT: "Self-checkout",
  MOBILE_CHECKOUT: "Mobile checkout",
};
export const TERMINAL_STATUS_WORDS: Readonly<Record<TerminalStatus, string>> = {
  DRAFT: "Draft",
  ACTIVE: "Active",
  ARCHIVED: "Archived",
};
export const CONNECTION_WORDS: Readonly<Record<Connection, string>> = {
  online: "Online",
  offline: "Offline",
  never: "Never seen",
};
export const PURPOSE_WORDS: Readonly<Record<DevicePurpose, string>> = { KIOSK: "Kiosk", TILL: "Till" };
