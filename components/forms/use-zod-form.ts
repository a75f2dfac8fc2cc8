"use client";

import { zodResolver } from "@hookform/resolvers/zod";
import { type DefaultValues, type FieldPath, type FieldValues, type UseFormReturn, useForm } from "react-hook-form";
import type { z } from "zod";
import type { ActionFailure } from "@/components/action-result";

/** A form on the schema that the server uses too; values leave it as the schema makes them. */
export function useZodForm<Input extends FieldValues, Output>(
  schema: z.ZodType<Output, Input>,
  defaultValues: DefaultValues<Input>,
): UseFormReturn<Input, unknown, Output> {
  return useForm<Input, unknown, Output>({
    resolver: zodResolver<Input, unknown, Output>(schema),
    defaultValues,
    // Not on leaving a field: the sentence that appears would move the button under the pointer before it is let go.
    mode: "onSubmit",
  });
}

/** Puts what the server refused beside the fields it belongs to, the rest above the button. */
export function showFailure<Input extends FieldValues, Output>(
  form: UseFormReturn<Input, unknown, Output>,
  failure: ActionFailure,
): void {
  for (const [name, message] of Object.entries(failure.fields ?? {})) {
    form.setError(name as FieldPath<Input>, { type: "server", message });
  }
  form.setError("root.server", { type: "server", message: failure.message });
}
