"use client";

import { useState } from "react";
import { Notice } from "@/components/notice";
import { ButtonLink } from "@/components/ui/button";
import { Skeleton } from "@/components/ui/skeleton";
import { resetPasswordAction } from "../actions";
import { NewPasswordForm } from "../new-password-fields";
import { useLinkToken } from "../use-link-token";

export function ResetForm() {
  const token = useLinkToken();
  const [failure, setFailure] = useState<{ message: string; isFinal: boolean } | null>(null);
  const [isDone, setDone] = useState(false);

  if (isDone) {
    return (
      <div className="mt-6 grid gap-4">
        <Notice tone="good" title="Your password is changed." />
        <ButtonLink href="/sign-in" variant="primary" size="lg" className="w-full">
          Sign in
        </ButtonLink>
      </div>
    );
  }
  if (token === undefined) return <Skeleton className="mt-6 h-32" />;
  if (token === null || failure?.isFinal === true) {
    return (
      <div className="mt-6 grid gap-4">
        <Notice tone="bad" title={failure?.message ?? "This address has no link in it."}>
          Ask for a new one; it takes a moment.
        </Notice>
        <ButtonLink href="/forgot-password" variant="primary" size="lg" className="w-full">
          Get a new link
        </ButtonLink>
      </div>
    );
  }
  return (
    <>
      {failure === null ? null : <Notice tone="bad" title={failure.message} className="mt-6" />}
      <NewPasswordForm
        word="Set password"
        busyWord="Setting password"
        onSubmit={async (password) => {
          const result = await resetPasswordAction(token, password);
          if (result.ok) setDone(true);
          else setFailure({ message: result.message, isFinal: result.code === "link_invalid" });
        }}
      />
    </>
  );
}
