"use client";

import { browserSupportsWebAuthn, startRegistration } from "@simplewebauthn/browser";
import { Fingerprint } from "lucide-react";
import { useState } from "react";
import { useHydrated } from "@/components/hooks";
import { Notice } from "@/components/notice";
import { Button, ButtonLink } from "@/components/ui/button";
import { enrolCodeAction, enrolPasskeyAction, startPasskeyEnrolmentAction } from "../actions";
import { passkeyFailure } from "../passkey-words";
import { RecoveryCodes } from "../recovery-codes";
import { TotpSetup } from "../totp-setup";

/** An authenticator app or a passkey; then the recovery codes; then on. */
export function Enrolment({ secret, uri, next }: { secret: string | null; uri: string | null; next: string }) {
  // The page is drawn again with a new secret after each action; the one on the person's phone is the first.
  const [setup] = useState({ secret, uri });
  const isHydrated = useHydrated();
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [message, setMessage] = useState<string | null>(null);

  if (codes !== null || setup.secret === null || setup.uri === null) {
    return (
      <div className="mt-6 grid gap-5">
        {codes === null ? <Notice tone="good" title="The second step is set up." /> : <RecoveryCodes codes={codes} />}
        <ButtonLink href={next} variant="primary" size="lg" className="w-full">
          {codes === null ? "Continue" : "I have kept them, continue"}
        </ButtonLink>
      </div>
    );
  }

  async function addPasskey(): Promise<void> {
    setBusy(true);
    setMessage(null);
    try {
      const started = await startPasskeyEnrolmentAction();
      const result = started.ok
        ? await enrolPasskeyAction(await startRegistration({ optionsJSON: started.data }))
        : started;
      if (result.ok) setCodes(result.data.recoveryCodes ?? []);
      else setMessage(result.message);
    } catch (error) {
      setMessage(passkeyFailure(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <div className="mt-6 grid gap-6">
      <TotpSetup
        secret={setup.secret}
        uri={setup.uri}
        onCode={async (code) => {
          const result = await enrolCodeAction(code);
          if (!result.ok) return result.message;
          setCodes(result.data.recoveryCodes ?? []);
          return null;
        }}
      />
      {isHydrated && browserSupportsWebAuthn() ? (
        <div className="grid gap-3 border-line border-t pt-5">
          <p className="text-ink-2 text-sm">
            Or a passkey: your device checks your finger, face or PIN, and there is no code to type.
          </p>
          {message === null ? null : <Notice tone="bad" title={message} />}
          <Button size="lg" isBusy={isBusy} onClick={() => void addPasskey()}>
            {isBusy ? null : <Fingerprint aria-hidden />}
            Add a passkey
          </Button>
        </div>
      ) : null}
    </div>
  );
}
