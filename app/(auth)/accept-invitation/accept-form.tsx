"use client";

import { useEffect, useState } from "react";
import { Notice } from "@/components/notice";
import { ButtonLink } from "@/components/ui/button";
import { Skeleton } from "@/components/ui/skeleton";
import { acceptInvitationAction, readInvitationAction } from "../actions";
import { NewPasswordForm } from "../new-password-fields";
import { useLinkToken } from "../use-link-token";

type Seen = { kind: "open"; name: string; email: string } | { kind: "closed"; message: string };

export function AcceptForm() {
  const token = useLinkToken();
  const [seen, setSeen] = useState<Seen | null>(null);
  const [failure, setFailure] = useState<string | null>(null);

  useEffect(() => {
    if (token === undefined) return;
    let isCurrent = true;
    const look = async (): Promise<Seen> => {
      if (token === null) return { kind: "closed", message: "This address has no link in it." };
      const result = await readInvitationAction(token);
      return result.ok ? { kind: "open", ...result.data } : { kind: "closed", message: result.message };
    };
    look()
      .catch((): Seen => ({ kind: "closed", message: "No answer came back. Open the link again." }))
      .then((found) => {
        if (isCurrent) setSeen(found);
      })
      .catch(() => undefined);
    return () => {
      isCurrent = false;
    };
  }, [token]);

  if (seen === null || token === undefined) return <Skeleton className="mt-6 h-40" />;
  if (seen.kind === "closed") {
    return (
      <div className="mt-6 grid gap-4">
        <Notice tone="bad" title={seen.message}>
          An invitation stands for seven days: have a new link sent to the address that was invited.
        </Notice>
        <ButtonLink href="/forgot-password" variant="primary" size="lg" className="w-full">
          Get a new link
        </ButtonLink>
      </div>
    );
  }
  return (
    <>
      <dl className="mt-6 grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1 text-sm">
        <dt className="text-ink-3">Name</dt>
        <dd className="break-words">{seen.name}</dd>
        <dt className="text-ink-3">E-mail</dt>
        <dd className="break-all">{seen.email}</dd>
      </dl>
      {failure === null ? null : <Notice tone="bad" title={failure} className="mt-6" />}
      <NewPasswordForm
        word="Accept and sign in"
        busyWord="Signing in"
        email={seen.email}
        onSubmit={async (password) => {
          const result = await acceptInvitationAction(token, password);
          if (result === undefined || result.ok) return;
          if (result.code === "link_invalid") setSeen({ kind: "closed", message: result.message });
          else setFailure(result.message);
        }}
      />
    </>
  );
}
