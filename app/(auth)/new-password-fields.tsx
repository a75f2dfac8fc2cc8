"use client";

import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";

const LENGTH_MIN = 12;

/** A new password with what is wrong with it, said when it is sent. */
export function NewPasswordForm({
  word,
  busyWord,
  email,
  onSubmit,
}: {
  word: string;
  busyWord: string;
  /** Tells a password manager whose password this is. */
  email?: string;
  onSubmit: (password: string) => Promise<void>;
}) {
  const [isShown, setShown] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string | undefined>(undefined);

  async function submit(form: FormData): Promise<void> {
    const typed = form.get("password");
    const password = typeof typed === "string" ? typed : "";
    if ([...password].length < LENGTH_MIN) {
      setError(`must have ${LENGTH_MIN} characters or more`);
      return;
    }
    setError(undefined);
    setBusy(true);
    try {
      await onSubmit(password);
    } finally {
      setBusy(false);
    }
  }

  return (
    <form
      className="mt-6 grid gap-4"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void submit(new FormData(event.currentTarget));
      }}
    >
      {email === undefined ? null : <input type="hidden" name="username" autoComplete="username" value={email} />}
      <Field
        label="New password"
        isRequired
        error={error}
        hint={`${LENGTH_MIN} characters or more. A few words in a row are good.`}
      >
        {(control) => (
          <Input
            {...control}
            name="password"
            type={isShown ? "text" : "password"}
            autoComplete="new-password"
            maxLength={200}
            className="h-10"
          />
        )}
      </Field>
      <Button
        variant="ghost"
        size="sm"
        className="-mt-2 justify-self-start"
        aria-pressed={isShown}
        onClick={() => setShown(!isShown)}
      >
        {isShown ? "Hide password" : "Show password"}
      </Button>
      <Button type="submit" variant="primary" size="lg" isBusy={isBusy} className="w-full">
        {isBusy ? busyWord : word}
      </Button>
    </form>
  );
}
