import type { TerminalSettings } from "./schema-settings";

/** What holds where nobody said anything else. */
export const DEFAULT_TERMINAL_SETTINGS: Required<TerminalSettings> = {
  capture: "AUTOMATIC",
  rail: "NETWORK",
  expires_in: 900,
  receipt_header: "",
  receipt_footer: "",
  qr_dark: "#0b051d",
  qr_light: "#ffffff",
  qr_margin: 4,
  qr_error_correction: "M",
  qr_logo: "none",
  language: "auto",
  time_zone: "auto",
  till_returns: false,
  till_return_limit: 0,
  till_return_currency: "auto",
  kiosk_amount: false,
};

export type SettingsLevel = "default" | "partner" | "store" | "terminal";
export type EffectiveSettings = {
  values: Required<TerminalSettings>;
  /** Where each value comes from. */
  from: Record<keyof TerminalSettings, SettingsLevel>;
};

const KEYS = Object.keys(DEFAULT_TERMINAL_SETTINGS) as (keyof TerminalSettings)[];

/** Partner, store, terminal: the nearest that says something wins, field by field; a limit always with its own currency. */
export function inheritSettings(levels: {
  partner?: TerminalSettings;
  store?: TerminalSettings;
  terminal?: TerminalSettings;
}): EffectiveSettings {
  const values: Required<TerminalSettings> = { ...DEFAULT_TERMINAL_SETTINGS };
  const from = Object.fromEntries(KEYS.map((key) => [key, "default"])) as EffectiveSettings["from"];
  for (const level of ["partner", "store", "terminal"] as const) {
    const { till_return_currency, ...rest } = levels[level] ?? {};
    const given: TerminalSettings =
      rest.till_return_limit === undefined ? rest : { ...rest, till_return_currency: till_return_currency ?? "auto" };
    for (const key of KEYS) {
      if (given[key] === undefined) continue;
      Object.assign(values, { [key]: given[key] });
      from[key] = level;
    }
  }
  return { values, from };
}
