"use client";

import { createContext, type ReactNode, useContext } from "react";
import { countryName } from "@/components/display/country";
import { Checkbox } from "@/components/ui/checkbox";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select, type SelectOption } from "@/components/ui/select";
import { COUNTRY_OPTIONS } from "../../countries";
import type { AddressForm } from "./values";

/** What the fields of a form share: what is wrong with each, and that one was left. Paths are dotted, as the schema has them. */
export type FieldsState = {
  errorOf: (path: string) => string | undefined;
  onLeave: (path: string) => void;
  isReadOnly: boolean;
};
const FieldsContext = createContext<FieldsState>({
  errorOf: () => undefined,
  onLeave: () => undefined,
  isReadOnly: false,
});

export function Fields({ state, children }: { state: FieldsState; children: ReactNode }) {
  return <FieldsContext value={state}>{children}</FieldsContext>;
}

export const useFields = (): FieldsState => useContext(FieldsContext);

export type FieldsProps<T> = { path: string; value: T; onChange: (value: T) => void };

/** `at("city")` is what an input needs to show and change that part of a form; `set` changes several parts at once. */
export function partsOf<T extends object>({ path, value, onChange }: FieldsProps<T>) {
  return {
    set: (change: Partial<T>): void => onChange({ ...value, ...change }),
    at: <K extends keyof T & string>(name: K): FieldsProps<T[K]> => ({
      path: `${path}.${name}`,
      value: value[name],
      onChange: (next) => onChange({ ...value, [name]: next }),
    }),
  };
}

export type TextInputProps = FieldsProps<string> & {
  label: string;
  hint?: ReactNode;
  isRequired?: boolean;
  isFixed?: boolean;
  type?: "text" | "email" | "tel" | "url" | "date";
  maxLength?: number;
  className?: string;
  autoComplete?: string;
  placeholder?: string;
};

export function TextInput({
  path,
  label,
  value,
  onChange,
  hint,
  isRequired = false,
  isFixed = false,
  type = "text",
  maxLength = 255,
  className,
  autoComplete = "off",
  placeholder,
}: TextInputProps) {
  const { errorOf, onLeave, isReadOnly } = useFields();
  return (
    <Field
      label={label}
      hint={hint}
      isRequired={isRequired}
      error={errorOf(path)}
      {...(className === undefined ? {} : { className })}
    >
      {(control) => (
        <Input
          {...control}
          data-path={path}
          type={type}
          value={value}
          maxLength={maxLength}
          autoComplete={autoComplete}
          spellCheck={false}
          readOnly={isReadOnly || isFixed}
          {...(placeholder === undefined ? {} : { placeholder })}
          {...(type === "date" ? { min: "1900-01-01", max: "9999-12-31" } : {})}
          onChange={(event) => onChange(event.target.value)}
          onBlur={() => onLeave(path)}
        />
      )}
    </Field>
  );
}

export function ChoiceInput({
  path,
  label,
  value,
  onChange,
  options,
  hint,
  isRequired = false,
  placeholder,
  className,
}: FieldsProps<string> & {
  label: string;
  options: readonly SelectOption[];
  hint?: ReactNode;
  isRequired?: boolean;
  placeholder?: string;
  className?: string;
}) {
  const { errorOf, isReadOnly } = useFields();
  // What stands there is shown even where it is no longer on offer.
  const all =
    value === "" || options.some((option) => option.value === value) ? options : [...options, { value, label: value }];
  return (
    <div data-path={path} className={className}>
      <Field label={label} hint={hint} isRequired={isRequired} error={errorOf(path)}>
        {(control) => (
          <Select
            {...control}
            options={all}
            value={value}
            onValueChange={onChange}
            disabled={isReadOnly}
            {...(placeholder === undefined ? {} : { placeholder })}
          />
        )}
      </Field>
    </div>
  );
}

export function CountryInput(
  props: FieldsProps<string> & {
    label?: string;
    isRequired?: boolean;
    className?: string;
  },
) {
  const { value, label = "Country", ...rest } = props;
  const options =
    value === "" || COUNTRY_OPTIONS.some((option) => option.value === value)
      ? COUNTRY_OPTIONS
      : [...COUNTRY_OPTIONS, { value, label: countryName(value) }];
  return <ChoiceInput {...rest} label={label} value={value} options={options} />;
}

export function CheckInput({
  label,
  isChecked,
  onChange,
  hint,
}: {
  label: string;
  isChecked: boolean;
  onChange: (isChecked: boolean) => void;
  hint?: string;
}) {
  const { isReadOnly } = useFields();
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the checkbox inside is a button, which a label may hold
    <label className="flex min-h-8 items-start gap-2 py-1.5 text-sm">
      <Checkbox
        className="mt-0.5"
        checked={isChecked}
        disabled={isReadOnly}
        onCheckedChange={(checked) => onChange(checked === true)}
      />
      <span className="min-w-0">
        {label}
        {hint === undefined ? null : <span className="block text-ink-3 text-xs">{hint}</span>}
      </span>
    </label>
  );
}

/** Fields that belong together under a name. */
export function FieldGroup({ title, hint, children }: { title: string; hint?: ReactNode; children: ReactNode }) {
  return (
    <fieldset className="grid min-w-0 gap-3 border-line border-t pt-3">
      <legend className="float-left w-full font-semibold text-sm">{title}</legend>
      {hint === undefined ? null : <p className="text-ink-3 text-xs">{hint}</p>}
      {children}
    </fieldset>
  );
}

export const TWO_COLUMNS = "grid grid-cols-[minmax(0,1fr)] gap-x-4 gap-y-3 sm:grid-cols-2";

export function AddressInputs({ isRequired = false, ...props }: FieldsProps<AddressForm> & { isRequired?: boolean }) {
  const { at } = partsOf(props);
  return (
    <div className={TWO_COLUMNS}>
      <TextInput {...at("street_address")} label="Street and number" isRequired={isRequired} maxLength={99} />
      <TextInput {...at("street_address2")} label="Second line" maxLength={99} />
      <TextInput {...at("postal_code")} label="Postal code" isRequired={isRequired} maxLength={10} />
      <TextInput {...at("city")} label="City" isRequired={isRequired} maxLength={99} />
      <TextInput {...at("region")} label="Region" maxLength={99} />
      <CountryInput {...at("country")} isRequired={isRequired} />
    </div>
  );
}
