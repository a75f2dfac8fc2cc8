import type { TerminalSettings } from "@/server/domain/partners/schema";
import type { SettingName } from "@/server/domain/stores/states";

export const SETTING_WORDS: Readonly<Record<SettingName, string>> = {
  capture: "Capture",
  expires_in: "Waits for the customer",
  receipt_header: "Receipt, above",
  receipt_footer: "Receipt, below",
  qr_dark: "QR code, dark",
  qr_light: "QR code, light",
  qr_margin: "QR code, margin",
  qr_error_correction: "QR code, error correction",
};

export const CORRECTION_WORDS = { L: "Low, 7 %", M: "Medium, 15 %", Q: "High, 25 %", H: "Highest, 30 %" } as const;
export const CAPTURE_WORDS = { AUTOMATIC: "At once", MANUAL: "Later, by hand" } as const;

/** 900 as "15 min". */
export function durationWords(seconds: number): string {
  if (seconds % 3_600 === 0) return `${seconds / 3_600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

export function settingText(name: SettingName, values: Required<TerminalSettings>): string {
  switch (name) {
    case "capture":
      return CAPTURE_WORDS[values.capture];
    case "expires_in":
      return durationWords(values.expires_in);
    case "qr_margin":
      return `${values.qr_margin} modules`;
    case "qr_error_correction":
      return CORRECTION_WORDS[values.qr_error_correction];
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
