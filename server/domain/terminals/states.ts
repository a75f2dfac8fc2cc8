/* Kinds and states of terminals, apart from the schemas, so that screens can name them without a parser. */

export const TERMINAL_DEVICES = ["CARD_TERMINAL", "TABLET", "KIOSK", "SELF_CHECKOUT", "MOBILE_CHECKOUT"] as const;
export type TerminalDevice = (typeof TERMINAL_DEVICES)[number];
export const TERMINAL_STATUSES = ["DRAFT", "ACTIVE", "ARCHIVED"] as const;
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];

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
