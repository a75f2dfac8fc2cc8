"use client";

import { useRouter } from "next/navigation";
import { z } from "zod";
import type { ActionResult } from "@/components/action-result";
import { SelectField, TextareaField, TextField } from "@/components/forms/fields";
import { Form } from "@/components/forms/form";
import { useZodForm } from "@/components/forms/use-zod-form";
import { QrCode } from "@/components/qr-code";
import { toast } from "@/components/ui/toast";
import { LANGUAGES } from "@/server/core/languages";
import { AMOUNT_MAX, KLARNA_CURRENCIES, parseDecimal, toDecimalString } from "@/server/core/money";
import { timeZoneSchema } from "@/server/core/schema";
import { QR_LOGOS, type TerminalSettings } from "@/server/domain/partners/schema-settings";
import type { EffectiveSettings } from "@/server/domain/partners/service";
import { widensTillReturns } from "@/server/domain/partners/states";
import type { SettingName } from "@/server/domain/stores/states";
import {
  CAPTURE_WORDS,
  CORRECTION_WORDS,
  KIOSK_AMOUNT_WORDS,
  LEVEL_WORDS,
  LOGO_WORDS,
  languageText,
  RAIL_WORDS,
  RETURNS_WORDS,
  SETTING_WORDS,
  settingText,
} from "./setting-words";

const INHERIT = "inherit";
const whole = (min: number, max: number, message: string) =>
  z
    .string()
    .refine((text) => text === "" || (/^\d+$/.test(text) && Number(text) >= min && Number(text) <= max), message);
const colour = z.string().regex(/^(#[0-9a-fA-F]{6})?$/, "Enter a colour such as #0b051d.");

const FormSchema = z.object({
  capture: z.enum([INHERIT, "AUTOMATIC", "MANUAL"]),
  rail: z.enum([INHERIT, "NETWORK", "CLASSIC"]),
  expires_in: whole(60, 172_800, "Enter 60 to 172800 seconds."),
  receipt_header: z.string().max(400),
  receipt_footer: z.string().max(400),
  qr_dark: colour,
  qr_light: colour,
  qr_margin: whole(4, 16, "Enter 4 to 16."),
  qr_error_correction: z.enum([INHERIT, "L", "M", "Q", "H"]),
  qr_logo: z.enum([INHERIT, ...QR_LOGOS]),
  language: z.enum([INHERIT, "auto", ...LANGUAGES]),
  time_zone: z.union([z.literal(["", "auto"]), timeZoneSchema]),
  till_returns: z.enum([INHERIT, "yes", "no"]),
  /** As it is written, in the currency. */
  till_return_limit: z.string(),
  till_return_currency: z.string(),
  kiosk_amount: z.enum([INHERIT, "yes", "no"]),
});
type Values = z.infer<typeof FormSchema>;

const NUMBER = { inputMode: "numeric", autoComplete: "off" } as const;
const CODE = { autoComplete: "off", spellCheck: false } as const;

const orNull = (text: string): string | null => (text === "" ? null : text);
const switchOrNull = (choice: typeof INHERIT | "yes" | "no"): boolean | null =>
  choice === INHERIT ? null : choice === "yes";
const choiceOf = (own: boolean | undefined): typeof INHERIT | "yes" | "no" =>
  own === undefined ? INHERIT : own ? "yes" : "no";
const numberOrNull = (text: string): number | null => (text === "" ? null : Number(text));
/** The limit in minor units; null when it is inherited, undefined when it is no amount of the currency. */
function limitOf({ till_return_limit, till_return_currency }: Limit): number | null | undefined {
  if (till_return_limit.trim() === "") return null;
  const amount = parseDecimal(till_return_limit.trim(), till_return_currency)?.amount;
  return amount === undefined || amount < 0 || amount > AMOUNT_MAX ? undefined : amount;
}
type Limit = Pick<Values, "till_return_limit" | "till_return_currency">;

/** Left empty, a value is inherited: null takes what was set back. */
function toChange(values: Values) {
  return {
    capture: values.capture === INHERIT ? null : values.capture === "MANUAL" ? "manual" : "automatic",
    rail: values.rail === INHERIT ? null : values.rail === "CLASSIC" ? "classic" : "network",
    expires_in: numberOrNull(values.expires_in),
    receipt_header: orNull(values.receipt_header),
    receipt_footer: orNull(values.receipt_footer),
    qr_dark: orNull(values.qr_dark.toLowerCase()),
    qr_light: orNull(values.qr_light.toLowerCase()),
    qr_margin: numberOrNull(values.qr_margin),
    qr_error_correction: values.qr_error_correction === INHERIT ? null : values.qr_error_correction,
    qr_logo: values.qr_logo === INHERIT ? null : values.qr_logo,
    language: values.language === INHERIT ? null : values.language,
    time_zone: orNull(values.time_zone),
    till_returns: switchOrNull(values.till_returns),
    till_return_limit: limitOf(values) ?? null,
    till_return_currency: limitOf(values) === null ? null : values.till_return_currency,
    kiosk_amount: switchOrNull(values.kiosk_amount),
  };
}

/** What the tills would do with these values. */
function returnsOf(values: Limit & Pick<Values, "till_returns">, above: EffectiveSettings["values"]) {
  const limit = limitOf(values);
  return {
    till_returns: switchOrNull(values.till_returns) ?? above.till_returns,
    ...(typeof limit === "number"
      ? { till_return_limit: limit, till_return_currency: values.till_return_currency }
      : { till_return_limit: above.till_return_limit, till_return_currency: above.till_return_currency }),
  };
}

/** The settings of a store or a terminal, each with what holds when it is left empty. */
export function SettingsForm({
  subject,
  version,
  own,
  above,
  currency,
  mayRefund,
  save,
}: {
  subject: string;
  version: number;
  own: TerminalSettings;
  /** What is inherited. */
  above: EffectiveSettings;
  /** The Partner's own. */
  currency: string;
  /** Who may not cannot let tills give back more than they do. */
  mayRefund: boolean;
  save: (id: string, version: number, input: unknown) => Promise<ActionResult>;
}) {
  const router = useRouter();
  const inheritedCurrency = above.values.till_return_limit === 0 ? "auto" : above.values.till_return_currency;
  const stated = own.till_return_currency ?? inheritedCurrency;
  const limitCurrency = stated === "auto" ? currency : stated;
  const stored = {
    till_returns: choiceOf(own.till_returns),
    till_return_limit:
      own.till_return_limit === undefined
        ? ""
        : toDecimalString({ amount: own.till_return_limit, currency: limitCurrency }),
    till_return_currency: limitCurrency,
  };
  const now = returnsOf(stored, above.values);
  /** Whether it may be chosen: all but what needs the permission to refund. */
  const isAllowed = (change: Partial<typeof stored>): boolean =>
    mayRefund || !widensTillReturns(now, returnsOf({ ...stored, ...change }, above.values));
  const schema = FormSchema.refine((values) => limitOf(values) !== undefined, {
    path: ["till_return_limit"],
    message: "Enter an amount of this currency; 0 is no limit.",
  }).refine(({ till_return_limit, till_return_currency }) => isAllowed({ till_return_limit, till_return_currency }), {
    path: ["till_return_limit"],
    message: "Only who may refund can raise or remove the limit.",
  });
  const form = useZodForm(schema, {
    capture: own.capture ?? INHERIT,
    rail: own.rail ?? INHERIT,
    expires_in: own.expires_in?.toString() ?? "",
    receipt_header: own.receipt_header ?? "",
    receipt_footer: own.receipt_footer ?? "",
    qr_dark: own.qr_dark ?? "",
    qr_light: own.qr_light ?? "",
    qr_margin: own.qr_margin?.toString() ?? "",
    qr_error_correction: own.qr_error_correction ?? INHERIT,
    qr_logo: own.qr_logo ?? INHERIT,
    language: own.language ?? INHERIT,
    time_zone: own.time_zone ?? "",
    ...stored,
    kiosk_amount: choiceOf(own.kiosk_amount),
  });
  const inherited = (name: SettingName): string => {
    const value = settingText(name, above.values);
    return `${value === "" ? "Nothing" : value}, ${LEVEL_WORDS[above.from[name]]}`;
  };
  /** A text that is inherited where it is left empty. */
  const text = (name: SettingName, unit?: string) => ({
    control: form.control,
    name,
    label: unit === undefined ? SETTING_WORDS[name] : `${SETTING_WORDS[name]}, ${unit}`,
    isRequired: false,
    hint: `Empty: ${inherited(name)}`,
  });
  /** One of these values, or what is inherited. */
  const choice = <const Value extends string>(
    name: SettingName,
    values: readonly Value[],
    wordsOf: (value: Value) => string,
    mayChoose: (value: Value | typeof INHERIT) => boolean = () => true,
  ) => ({
    control: form.control,
    name,
    label: SETTING_WORDS[name],
    options: [
      { value: INHERIT, label: "Inherited", hint: inherited(name), isDisabled: !mayChoose(INHERIT) },
      ...values.map((value) => ({ value, label: wordsOf(value), isDisabled: !mayChoose(value) })),
    ],
  });
  const [dark, light, chosenCurrency] = form.watch(["qr_dark", "qr_light", "till_return_currency"]);
  const shown = (typed: string, otherwise: string): string => (/^#[0-9a-fA-F]{6}$/.test(typed) ? typed : otherwise);
  return (
    <Form
      form={form}
      submitWord="Save settings"
      onSubmit={async (values) => {
        const result = await save(subject, version, toChange(values));
        if (!result.ok)
          return {
            ...result,
            fields: Object.fromEntries(
              Object.entries(result.fields ?? {}).map(([name, detail]) => [name.replace(/^settings\./, ""), detail]),
            ),
          };
        toast.success("Settings saved");
        router.refresh();
        return result;
      }}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <SelectField {...choice("capture", ["AUTOMATIC", "MANUAL"], (value) => CAPTURE_WORDS[value])} />
        <SelectField
          {...choice("rail", ["NETWORK", "CLASSIC"], (value) => RAIL_WORDS[value])}
          hint="Classic sessions need the Partner's own credentials at Klarna."
        />
        <TextField {...text("expires_in", "seconds")} {...NUMBER} />
        <TextareaField {...text("receipt_header")} rows={2} maxLength={400} />
        <TextareaField {...text("receipt_footer")} rows={2} maxLength={400} />
        <TextField {...text("qr_dark")} {...CODE} maxLength={7} />
        <TextField {...text("qr_light")} {...CODE} maxLength={7} />
        <TextField {...text("qr_margin", "modules")} {...NUMBER} />
        <SelectField {...choice("qr_error_correction", ["L", "M", "Q", "H"], (value) => CORRECTION_WORDS[value])} />
        <SelectField {...choice("qr_logo", QR_LOGOS, (value) => LOGO_WORDS[value])} />
        <SelectField {...choice("language", ["auto", ...LANGUAGES], languageText)} />
        <TextField
          {...text("time_zone")}
          {...CODE}
          maxLength={64}
          hint={`Such as Europe/Stockholm, or auto. Empty: ${inherited("time_zone")}`}
        />
        <SelectField
          {...choice(
            "till_returns",
            ["yes", "no"],
            (value) => RETURNS_WORDS[value],
            (value) => isAllowed({ till_returns: value }),
          )}
          hint={isAllowed({ till_returns: "yes" }) ? undefined : "Only who may refund can turn them on."}
        />
        <TextField
          {...text("till_return_limit", chosenCurrency)}
          inputMode="decimal"
          autoComplete="off"
          {...(isAllowed({ till_return_limit: "0" })
            ? {}
            : { hint: `Empty: ${inherited("till_return_limit")}. Only who may refund can raise or remove it.` })}
        />
        <SelectField
          control={form.control}
          name="till_return_currency"
          label="That limit is in"
          hint="A sale in another currency is given back in the dashboard."
          options={[...new Set([limitCurrency, currency, ...KLARNA_CURRENCIES])].map((code) => ({
            value: code,
            label: code,
            isDisabled: own.till_return_limit !== undefined && !isAllowed({ till_return_currency: code }),
          }))}
        />
        <SelectField {...choice("kiosk_amount", ["yes", "no"], (value) => KIOSK_AMOUNT_WORDS[value])} />
      </div>
      <figure className="flex items-center gap-4">
        <div
          className="w-28 shrink-0 rounded-md border border-line"
          style={{ color: shown(dark, above.values.qr_dark), background: shown(light, above.values.qr_light) }}
        >
          <QrCode
            value="https://tillgate.example/look"
            label="How the code will look"
            className="bg-transparent text-current"
          />
        </div>
        <figcaption className="text-ink-3 text-xs">How the code will look. This one leads nowhere.</figcaption>
      </figure>
    </Form>
  );
}
