"use client";

import type { ComponentProps, ReactNode } from "react";
import {
  type Control,
  Controller,
  type ControllerRenderProps,
  type FieldPath,
  type FieldValues,
} from "react-hook-form";
import { Checkbox } from "@/components/ui/checkbox";
import { Field, type FieldControlProps } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select, type SelectOption } from "@/components/ui/select";
import { Textarea } from "@/components/ui/textarea";

// The schema may turn what was typed into something else, so the third parameter is open.
type Base<Input extends FieldValues, Output> = {
  control: Control<Input, unknown, Output>;
  name: FieldPath<Input>;
  label: string;
  hint?: ReactNode;
  isRequired?: boolean | undefined;
  className?: string | undefined;
};

type NativeInput = Omit<ComponentProps<"input">, "name" | "id" | "value" | "onChange" | "onBlur" | "ref" | "className">;

/** A control within its field, with what the form says of it. */
function Controlled<Input extends FieldValues, Output>({
  control,
  name,
  label,
  hint,
  isRequired = true,
  className,
  children,
}: Base<Input, Output> & {
  children: (attributes: FieldControlProps, field: ControllerRenderProps<Input>) => ReactNode;
}) {
  return (
    <Controller
      control={control}
      name={name}
      render={({ field, fieldState }) => (
        <Field
          label={label}
          hint={hint}
          isRequired={isRequired}
          error={fieldState.error?.message}
          {...(className === undefined ? {} : { className })}
        >
          {(attributes) => children(attributes, field)}
        </Field>
      )}
    />
  );
}

export function TextField<Input extends FieldValues, Output>({
  control,
  name,
  label,
  hint,
  isRequired,
  className,
  ...input
}: Base<Input, Output> & NativeInput) {
  return (
    <Controlled {...{ control, name, label, hint, isRequired, className }}>
      {(attributes, field) => <InputControl {...input} {...attributes} {...field} value={field.value ?? ""} />}
    </Controlled>
  );
}

function InputControl(props: ComponentProps<"input">) {
  return <Input {...props} />;
}

export function TextareaField<Input extends FieldValues, Output>({
  rows = 3,
  maxLength,
  ...base
}: Base<Input, Output> & { rows?: number; maxLength?: number }) {
  return (
    <Controlled {...base}>
      {(attributes, field) => (
        <Textarea rows={rows} maxLength={maxLength} {...attributes} {...field} value={field.value ?? ""} />
      )}
    </Controlled>
  );
}

export function SelectField<Input extends FieldValues, Output>({
  options,
  placeholder,
  ...base
}: Base<Input, Output> & { options: readonly SelectOption[]; placeholder?: string }) {
  return (
    <Controlled {...base}>
      {(attributes, field) => (
        <Select
          {...attributes}
          options={options}
          value={field.value ?? ""}
          onValueChange={field.onChange}
          {...(placeholder === undefined ? {} : { placeholder })}
        />
      )}
    </Controlled>
  );
}

export type CheckOption = { value: string; label: string; hint?: string };

/** Several of a list: scopes, event types. */
export function CheckGroupField<Input extends FieldValues, Output>({
  control,
  name,
  label,
  hint,
  className,
  options,
}: Base<Input, Output> & { options: readonly CheckOption[] }) {
  return (
    <Controller
      control={control}
      name={name}
      render={({ field, fieldState }) => {
        const chosen: readonly string[] = Array.isArray(field.value) ? field.value : [];
        return (
          <fieldset className={className} aria-invalid={fieldState.error === undefined ? undefined : true}>
            <legend className="mb-1.5 font-medium text-xs">{label}</legend>
            {hint === undefined ? null : <p className="mb-1.5 text-ink-3 text-xs">{hint}</p>}
            <div className="grid gap-x-4 sm:grid-cols-2">
              {options.map((option) => (
                // biome-ignore lint/a11y/noLabelWithoutControl: the checkbox inside is a button, which a label may hold
                <label key={option.value} className="flex min-h-8 items-start gap-2 py-1.5 text-sm">
                  <Checkbox
                    className="mt-0.5"
                    checked={chosen.includes(option.value)}
                    onCheckedChange={(isChecked) =>
                      field.onChange(
                        isChecked === true
                          ? [...chosen, option.value]
                          : chosen.filter((other) => other !== option.value),
                      )
                    }
                    onBlur={field.onBlur}
                  />
                  <span className="min-w-0">
                    {option.label}
                    {option.hint === undefined ? null : <span className="block text-ink-3 text-xs">{option.hint}</span>}
                  </span>
                </label>
              ))}
            </div>
            {fieldState.error === undefined ? null : (
              <p role="alert" className="mt-1 text-bad text-xs">
                {fieldState.error.message ?? "Choose at least one."}
              </p>
            )}
          </fieldset>
        );
      }}
    />
  );
}
