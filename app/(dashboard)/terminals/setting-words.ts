import { moneyText } from "@/components/display/money";
import type { TerminalSettings } from "@/server/domain/partners/schema-settings";
import type { SettingName } from "@/server/domain/stores/states";

export const SETTING_WORDS: Readonly<Record<SettingName, string>> = {
  capture: "Capture",
  rail: "Payments go through",
  expires_in: "Waits for the customer",
  receipt_header: "Receipt, above",
  receipt_footer: "Receipt, below",
  qr_dark: "QR code, dark",
  qr_light: "QR code, light",
  qr_margin: "QR code, margin",
  qr_error_correction: "QR code, error correction",
  qr_logo: "QR code, logo",
  language: "Language",
  time_zone: "Time zone of receipts",
  till_returns: "Returns at the till",
  till_return_limit: "Returns of one sale, at most",
  kiosk_amount: "Amount at the kiosk",
};

export const CORRECTION_WORDS = { L: "Low, 7 %", M: "Medium, 15 %", Q: "High, 25 %", H: "Highest, 30 %" } as const;
export const RETURNS_WORDS = { yes: "Taken by the paired till", no: "Not at a paired till" } as const;
export const KIOSK_AMOUNT_WORDS = { yes: "The customer types it", no: "Comes with the address" } as const;
export const LOGO_WORDS = { none: "None", brand: "The brand\u2019s" } as const;
/** "Deutsch" for "de"; each language by its own name. */
export function languageText(language: Required<TerminalSettings>["language"]): string {
  if (language === "auto") return "By the store\u2019s country";
  const name = new Intl.DisplayNames([language], { type: "language" }).of(language) ?? language;
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
export const RAIL_WORDS = { NETWORK: "Klarna Network", CLASSIC: "Classic in-store sessions" } as const;
export const CAPTURE_WORDS = { AUTOMATIC: "At once", MANUAL: "Later, by hand" } as const;

/** 900 as "15 min". */
export function durationWords(seconds: number): string {
  if (seconds % 3_600 === 0) return `${seconds / 3_600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

function limitText({ till_return_limit: limit, till_return_currency: currency }: Required<TerminalSettings>): string {
  if (limit === 0) return "No limit";
  return currency === "auto" ? `${limit} minor units of the Partner\u2019s currency` : moneyText(limit, currency);
}

export function settingText(name: SettingName, values: Required<TerminalSettings>): string {
  switch (name) {
    case "capture":
      return CAPTURE_WORDS[values.capture];
    case "rail":
      return RAIL_WORDS[values.rail];
    case "expires_in":
      return durationWords(values.expires_in);
    case "qr_margin":
      return `${values.qr_margin} modules`;
    case "qr_error_correction":
      return CORRECTION_WORDS[values.qr_error_correction];
    case "qr_logo":
      return LOGO_WORDS[values.qr_logo];
    case "language":
      return languageText(values.language);
    case "time_zone":
      return values.time_zone === "auto" ? "By the store\u2019s address" : values.time_zone;
    case "till_returns":
      return RETURNS_WORDS[values.till_returns ? "yes" : "no"];
    case "till_return_limit":
      return limitText(values);
    case "kiosk_amount":
      return KIOSK_AMOUNT_WORDS[values.kiosk_amount ? "yes" : "no"];
    default:
      return values[name];
  }
}

export const LEVEL_WORDS = {
  default: "as delivered",
  partner: "from the Partner",
  store: "from the store",
  terminal: "its own",
} as const;
