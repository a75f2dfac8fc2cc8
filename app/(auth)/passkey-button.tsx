"use client";

import { browserSupportsWebAuthn, startAuthentication } from "@simplewebauthn/browser";
import { Fingerprint } from "lucide-react";
import { useState } from "react";
import { useHydrated } from "@/components/hooks";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { askPasskeyAction, signInByPasskeyAction } from "./actions";
import { passkeyFailure } from "./passkey-words";

/** Signs in with a passkey: the device checks the person, so nothing is typed. */
export function PasskeyButton({
  next,
  isFirst = false,
}: {
  next: string;
  /** The best way on this page. */
  isFirst?: boolean;
}) {
  const isHydrated = useHydrated();
  const [isBusy, setBusy] = useState(false);
  const [message, setMessage] = useState<string | null>(null);
  if (isHydrated && !browserSupportsWebAuthn()) return null;

  async function run(): Promise<void> {
    setBusy(true);
    setMessage(null);
    try {
      const asked = await askPasskeyAction();
      if (!asked.ok) {
        setMessage(asked.message);
        return;
      }
      const result = await signInByPasskeyAction(await startAuthentication({ optionsJSON: asked.data }), next);
      if (result !== undefined && !result.ok) setMessage(result.message);
    } catch (error) {
      setMessage(passkeyFailure(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <div className="grid gap-3">
      <Button
        variant={isFirst ? "primary" : "secondary"}
        size="lg"
        className="w-full"
        isBusy={isBusy}
        disabled={!isHydrated}
        onClick={() => void run()}
      >
        {isBusy ? null : <Fingerprint aria-hidden />}
        Use a passkey
      </Button>
      {message === null ? null : <Notice tone="bad" title={message} />}
    </div>
  );
}
