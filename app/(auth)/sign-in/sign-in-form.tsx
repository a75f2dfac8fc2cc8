"use client";

import { Eye, EyeOff } from "lucide-react";
import { useActionState, useEffect, useRef, useState } from "react";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";

type State = { message: string | null; email: string };
type SignInFormProps = {
  action: (before: State, form: FormData) => Promise<State>;
  /** Where to go afterwards, on our own site. */
  next: string;
  initialMessage: string | null;
};

/** A plain form that a server action answers: it works before the scripts have loaded, and without them. */
export function SignInForm({ action, next, initialMessage }: SignInFormProps) {
  const [state, submit, isPending] = useActionState(action, { message: initialMessage, email: "" });
  const [isShown, setIsShown] = useState(false);
  const password = useRef<HTMLInputElement>(null);

  useEffect(() => {
    if (state.message !== null && state.email !== "") password.current?.focus();
  }, [state]);

  return (
    <form action={submit} className="mt-6 grid gap-4">
      {state.message === null ? null : <Notice tone="bad" title={state.message} />}
      <input type="hidden" name="next" value={next} />
      <Field label="E-mail" isRequired>
        {(control) => (
          <Input
            {...control}
            key={state.email}
            name="email"
            type="email"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            maxLength={254}
            defaultValue={state.email}
            className="h-10"
          />
        )}
      </Field>
      <Field label="Password" isRequired>
        {(control) => (
          <div className="relative">
            <Input
              {...control}
              ref={password}
              name="password"
              type={isShown ? "text" : "password"}
              autoComplete="current-password"
              required
              maxLength={200}
              className="h-10 pr-10"
            />
            <Button
              variant="ghost"
              size="icon"
              className="absolute top-1 right-1"
              aria-label={isShown ? "Hide password" : "Show password"}
              aria-pressed={isShown}
              onClick={() => setIsShown(!isShown)}
            >
              {isShown ? <EyeOff aria-hidden /> : <Eye aria-hidden />}
            </Button>
          </div>
        )}
      </Field>
      <Button type="submit" variant="primary" size="lg" isBusy={isPending} className="mt-1 w-full">
        {isPending ? "Signing in" : "Sign in"}
      </Button>
    </form>
  );
}
