"use client";

import { startAuthentication } from "@simplewebauthn/browser";
import { Fingerprint, LockKeyhole } from "lucide-react";
import { useState } from "react";
import { passkeyFailure } from "@/app/(auth)/passkey-words";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { askOwnPasskeyAction, confirmAction } from "./actions";

type Proof = "password" | "code" | "passkey";

/** Asked before anything changes how one signs in: a browser that was left open must not be enough. */
export function ConfirmIdentity({ proofs }: { proofs: readonly Proof[] }) {
  const [isBusy, setBusy] = useState(false);
  const [message, setMessage] = useState<string | null>(null);
  const typed: "password" | "code" | null = proofs.includes("code")
    ? "code"
    : proofs.includes("password")
      ? "password"
      : null;

  async function prove(proofOf: () => Promise<unknown>): Promise<void> {
    setBusy(true);
    setMessage(null);
    try {
      const result = await confirmAction(await proofOf());
      if (!result.ok) setMessage(result.fields?.["password"] === undefined ? result.message : "The password is wrong.");
    } catch (error) {
      setMessage(error instanceof Refusal ? error.message : passkeyFailure(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <section aria-labelledby="confirm-title" className="grid gap-3 rounded-md border border-line bg-surface p-4">
      <h2 id="confirm-title" className="flex items-center gap-2 font-semibold text-base">
        <LockKeyhole aria-hidden className="size-4 text-ink-3" />
        Confirm that it is you
      </h2>
      <p className="text-ink-2 text-sm">
        {proofs.length === 0
          ? "You signed in a while ago. Sign out and in again to change how you sign in."
          : "You signed in a while ago. To change how you sign in, prove again who you are; it holds for ten minutes."}
      </p>
      {message === null ? null : <Notice tone="bad" title={message} />}
      <div className="flex flex-wrap items-end gap-3">
        {typed === null ? null : (
          <form
            className="flex min-w-0 flex-1 items-end gap-2"
            onSubmit={(event) => {
              event.preventDefault();
              const value = new FormData(event.currentTarget).get("proof");
              void prove(async () => ({ kind: typed, [typed]: typeof value === "string" ? value : "" }));
            }}
          >
            <Field
              label={typed === "code" ? "Code or recovery code" : "Your password"}
              isRequired
              className="min-w-0 flex-1"
            >
              {(control) => (
                <Input
                  {...control}
                  name="proof"
                  type={typed === "code" ? "text" : "password"}
                  autoComplete={typed === "code" ? "one-time-code" : "current-password"}
                  required
                  maxLength={200}
                />
              )}
            </Field>
            <Button type="submit" variant="primary" isBusy={isBusy}>
              Confirm
            </Button>
          </form>
        )}
        {proofs.includes("passkey") ? (
          <Button
            isBusy={isBusy}
            onClick={() =>
              void prove(async () => {
                const asked = await askOwnPasskeyAction();
                if (!asked.ok) throw new Refusal(asked.message);
                return { kind: "passkey", response: await startAuthentication({ optionsJSON: asked.data }) };
              })
            }
          >
            <Fingerprint aria-hidden />
            Use a passkey
          </Button>
        ) : null}
      </div>
    </section>
  );
}

/** What the server said, told from what the browser said. */
class Refusal extends Error {
  override readonly name = "Refusal";
}
