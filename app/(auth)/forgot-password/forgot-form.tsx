"use client";

import { useActionState } from "react";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { forgotPasswordAction } from "../actions";

export function ForgotForm() {
  const [state, submit, isPending] = useActionState(forgotPasswordAction, { message: null, isDone: false });
  if (state.isDone) {
    return (
      <Notice tone="good" title="Look into your mail" className="mt-6">
        If there is an account with this address, a link is on its way. It works once, within 15 minutes.
      </Notice>
    );
  }
  return (
    <form action={submit} className="mt-6 grid gap-4">
      {state.message === null ? null : <Notice tone="bad" title={state.message} />}
      <Field label="E-mail" isRequired>
        {(control) => (
          <Input
            {...control}
            name="email"
            type="email"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            maxLength={254}
            className="h-10"
          />
        )}
      </Field>
      <Button type="submit" variant="primary" size="lg" isBusy={isPending} className="w-full">
        {isPending ? "Sending" : "Send the link"}
      </Button>
    </form>
  );
}
