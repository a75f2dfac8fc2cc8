"use client";

import type { ReactNode } from "react";
import { type FieldValues, type UseFormReturn, useFormState } from "react-hook-form";
import type { ActionResult } from "@/components/action-result";
import { cn } from "@/components/cn";
import { Notice } from "@/components/notice";
import { Button, type ButtonProps } from "@/components/ui/button";
import { showFailure } from "./use-zod-form";

export type FormProps<Input extends FieldValues, Output> = {
  form: UseFormReturn<Input, unknown, Output>;
  /** Runs with the parsed values; a failure is shown, a success is the caller's. */
  onSubmit: (values: Output) => Promise<ActionResult<unknown> | ActionResult | undefined>;
  submitWord: ReactNode;
  submitVariant?: ButtonProps["variant"];
  secondary?: ReactNode;
  className?: string;
  children: ReactNode;
};

/** Fields, what the server said, and one button. Stays within 640 pixels. */
export function Form<Input extends FieldValues, Output>({
  form,
  onSubmit,
  submitWord,
  submitVariant = "primary",
  secondary,
  className,
  children,
}: FormProps<Input, Output>) {
  const submit = form.handleSubmit(async (values) => {
    try {
      const result = await onSubmit(values);
      if (result !== undefined && !result.ok) showFailure(form, result);
    } catch {
      form.setError("root.server", {
        type: "server",
        message: "No answer came back. Look whether it was done before trying again.",
      });
    }
  });
  const failure = form.formState.errors.root?.["server"]?.message;
  return (
    <form noValidate onSubmit={(event) => void submit(event)} className={cn("grid max-w-[640px] gap-4", className)}>
      {children}
      {failure === undefined ? null : <Notice tone="bad" title={failure} />}
      <div className="flex flex-wrap justify-end gap-2">
        {secondary}
        <SubmitButton form={form} variant={submitVariant}>
          {submitWord}
        </SubmitButton>
      </div>
    </form>
  );
}

export function SubmitButton<Input extends FieldValues, Output>({
  form,
  variant = "primary",
  className,
  children,
}: {
  form: UseFormReturn<Input, unknown, Output>;
  variant?: ButtonProps["variant"];
  className?: string;
  children: ReactNode;
}) {
  const { isSubmitting } = useFormState({ control: form.control });
  return (
    <Button type="submit" variant={variant} isBusy={isSubmitting} {...(className === undefined ? {} : { className })}>
      {children}
    </Button>
  );
}
