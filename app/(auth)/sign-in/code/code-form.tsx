"use client";

import { useActionState, useEffect, useRef, useState } from "react";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { enterCodeAction } from "../../actions";

/** Six digits of the app, or a recovery code. Works without scripts too. */
export function CodeForm({ next, hasTotp, isAlternative }: { next: string; hasTotp: boolean; isAlternative: boolean }) {
  const [state, submit, isPending] = useActionState(enterCodeAction, { message: null, isDone: false });
  const [isRecovery, setRecovery] = useState(!hasTotp);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (state.message !== null) input.current?.focus();
  }, [state]);

  return (
    <form action={submit} className="grid gap-4">
      {state.message === null ? null : <Notice tone="bad" title={state.message} />}
      <input type="hidden" name="next" value={next} />
      <Field
        key={isRecovery ? "recovery" : "code"}
        label={isRecovery ? "Recovery code" : "Code"}
        isRequired
        hint={
          isRecovery
            ? "One of the ten that you kept. It works once."
            : "The six digits that your authenticator app shows."
        }
      >
        {(control) => (
          <Input
            {...control}
            ref={input}
            name="code"
            autoFocus={!isAlternative}
            inputMode={isRecovery ? "text" : "numeric"}
            autoComplete="one-time-code"
            autoCapitalize="none"
            spellCheck={false}
            required
            maxLength={20}
            className="h-10 font-mono text-base tracking-widest"
          />
        )}
      </Field>
      <Button
        type="submit"
        variant={isAlternative ? "secondary" : "primary"}
        size="lg"
        isBusy={isPending}
        className="w-full"
      >
        {isPending ? "Checking" : "Continue"}
      </Button>
      {hasTotp ? (
        <Button
          variant="link"
          size="none"
          className="justify-self-center text-sm"
          onClick={() => setRecovery(!isRecovery)}
        >
          {isRecovery ? "Use the authenticator app" : "Use a recovery code"}
        </Button>
      ) : null}
    </form>
  );
}
