"use client";

import { useState } from "react";
import { type Control, Controller, type FieldPath, type FieldValues } from "react-hook-form";
import { cn } from "@/components/cn";
import { moneyText } from "@/components/display/money";
import { Field, type FieldControlProps } from "@/components/ui/field";
import { inputStyles } from "@/components/ui/input";
import { AMOUNT_MAX, currencyDecimals, parseDecimal, toDecimalString } from "@/server/core/money";

export type MoneyInputProps = Partial<FieldControlProps> & {
  /** Minor units; null while what is written is not an amount. */
  value: number | null;
  currency: string;
  onChange: (amount: number | null) => void;
  onBlur?: () => void;
  max?: number;
  isLarge?: boolean;
  className?: string;
};

/** The only place on screens where text becomes an amount, by the decimals of the currency. */
export function MoneyInput({
  value,
  currency,
  onChange,
  onBlur,
  max = AMOUNT_MAX,
  isLarge = false,
  className,
  ...control
}: MoneyInputProps) {
  const shown = value === null ? "" : toDecimalString({ amount: value, currency });
  const [draft, setDraft] = useState<string | null>(null);
  const isBad = draft !== null && draft.trim() !== "" && readAmount(draft, currency, max) === null;
  return (
    <div className={cn("relative", className)}>
      <span
        aria-hidden
        className={cn(
          "pointer-events-none absolute inset-y-0 left-2.5 flex items-center text-ink-3",
          isLarge ? "text-base" : "text-sm",
        )}
      >
        {currency}
      </span>
      <input
        {...control}
        inputMode={currencyDecimals(currency) === 0 ? "numeric" : "decimal"}
        autoComplete="off"
        aria-invalid={isBad || control["aria-invalid"] === true || undefined}
        value={draft ?? shown}
        onChange={(event) => {
          setDraft(event.target.value);
          onChange(readAmount(event.target.value, currency, max));
        }}
        onBlur={() => {
          if (!isBad) setDraft(null);
          onBlur?.();
        }}
        className={cn(
          inputStyles,
          "pl-12 text-right tabular-nums",
          isLarge && "h-14 font-semibold text-3xl max-md:text-[28px]",
        )}
      />
    </div>
  );
}

function readAmount(text: string, currency: string, max: number): number | null {
  const parsed = parseDecimal(text.trim(), currency);
  return parsed === null || parsed.amount > max ? null : parsed.amount;
}

export type MoneyFieldProps<Input extends FieldValues, Output> = {
  control: Control<Input, unknown, Output>;
  name: FieldPath<Input>;
  label: string;
  currency: string;
  hint?: string;
  max?: number;
  isLarge?: boolean;
  className?: string;
};

export function MoneyField<Input extends FieldValues, Output>({
  control,
  name,
  label,
  currency,
  hint,
  max,
  isLarge = false,
  className,
}: MoneyFieldProps<Input, Output>) {
  return (
    <Controller
      control={control}
      name={name}
      render={({ field, fieldState }) => (
        <Field
          label={label}
          isRequired
          hint={hint ?? (max === undefined ? undefined : `At most ${moneyText(max, currency)}`)}
          error={fieldState.error === undefined ? undefined : (fieldState.error.message ?? "Enter an amount.")}
          {...(className === undefined ? {} : { className })}
        >
          {(attributes) => (
            <MoneyInput
              {...attributes}
              value={typeof field.value === "number" ? field.value : null}
              currency={currency}
              onChange={field.onChange}
              onBlur={field.onBlur}
              isLarge={isLarge}
              {...(max === undefined ? {} : { max })}
            />
          )}
        </Field>
      )}
    />
  );
}
