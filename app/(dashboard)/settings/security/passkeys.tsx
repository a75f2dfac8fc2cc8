"use client";

import { browserSupportsWebAuthn, startRegistration } from "@simplewebauthn/browser";
import { Fingerprint, Plus } from "lucide-react";
import { useState } from "react";
import { passkeyFailure } from "@/app/(auth)/passkey-words";
import { ConfirmAction } from "@/components/confirm-action";
import { DateTime } from "@/components/display/date-time";
import { EmptyState } from "@/components/empty-state";
import { useHydrated } from "@/components/hooks";
import { Notice } from "@/components/notice";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent, DialogTrigger } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Panel } from "@/components/ui/panel";
import { toast } from "@/components/ui/toast";
import { addPasskeyAction, removePasskeyAction, startPasskeyAction } from "./actions";
import { CodesDialog } from "./authenticator-app";

type PasskeyView = { id: string; name: string; isSynced: boolean; createdAt: Date; lastUsedAt: Date | null };

export function Passkeys({
  passkeys,
  isConfirmed,
  isLast,
}: {
  passkeys: readonly PasskeyView[];
  isConfirmed: boolean;
  isLast: boolean;
}) {
  const isHydrated = useHydrated();
  const isSupported = !isHydrated || browserSupportsWebAuthn();
  return (
    <Panel
      title="Passkeys"
      description="Your device checks your finger, face or PIN. One passkey is both steps at once."
      isFlush
      actions={isSupported ? <AddPasskey isConfirmed={isConfirmed} /> : undefined}
    >
      {isSupported ? null : (
        <div className="p-4">
          <Notice title="This browser cannot use passkeys here" />
        </div>
      )}
      {passkeys.length === 0 ? (
        <EmptyState
          icon={Fingerprint}
          title="No passkey yet"
          description="Signing in with one takes a touch, and nobody can ask you for it by mail or phone."
          className="sm:max-w-none"
        />
      ) : (
        <ul>
          {passkeys.map((passkey) => (
            <li
              key={passkey.id}
              className="grid grid-cols-[auto_minmax(0,1fr)_auto] items-start gap-x-3 border-line border-b px-4 py-3 last:border-b-0"
            >
              <Fingerprint aria-hidden className="mt-0.5 size-4 text-ink-3" />
              <div className="grid min-w-0 gap-1">
                <p className="break-words font-medium text-sm">{passkey.name}</p>
                <p className="flex flex-wrap gap-x-3 gap-y-0.5 text-ink-3 text-xs">
                  <span>
                    Added <DateTime value={passkey.createdAt} />
                  </span>
                  <span>
                    {passkey.lastUsedAt === null ? (
                      "Never used"
                    ) : (
                      <>
                        Last used <DateTime value={passkey.lastUsedAt} format="relative" />
                      </>
                    )}
                  </span>
                  {passkey.isSynced ? <span>Kept in your account with its maker</span> : null}
                </p>
              </div>
              {isLast ? null : (
                <ConfirmAction
                  label={
                    <>
                      Remove<span className="sr-only"> {passkey.name}</span>
                    </>
                  }
                  size="sm"
                  variant="danger-quiet"
                  isDisabled={!isConfirmed}
                  title="Remove this passkey?"
                  verb="Remove passkey"
                  facts={[{ term: "Passkey", value: passkey.name }]}
                  consequence="It no longer signs you in. Remove it from your device as well."
                  onConfirm={() => removePasskeyAction(passkey.id)}
                />
              )}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function AddPasskey({ isConfirmed }: { isConfirmed: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [message, setMessage] = useState<string | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);

  async function add(name: string): Promise<void> {
    setBusy(true);
    setMessage(null);
    try {
      const started = await startPasskeyAction();
      const result = started.ok
        ? await addPasskeyAction(name, await startRegistration({ optionsJSON: started.data }))
        : started;
      if (!result.ok) {
        setMessage(result.message);
        return;
      }
      toast.success("Passkey added");
      if (result.data.recoveryCodes === null) setOpen(false);
      else setCodes(result.data.recoveryCodes);
    } catch (error) {
      setMessage(passkeyFailure(error));
    } finally {
      setBusy(false);
    }
  }

  const close = (): void => {
    setOpen(false);
    setCodes(null);
    setMessage(null);
  };
  return (
    <Dialog open={isOpen} onOpenChange={(open) => (open ? setOpen(true) : close())}>
      <DialogTrigger asChild>
        <Button disabled={!isConfirmed}>
          <Plus aria-hidden />
          Add a passkey
        </Button>
      </DialogTrigger>
      {codes === null ? (
        <DialogContent title="Add a passkey" description="Give it a name that tells you where it is kept.">
          <form
            className="grid gap-4"
            onSubmit={(event) => {
              event.preventDefault();
              const name = new FormData(event.currentTarget).get("name");
              void add(typeof name === "string" ? name.trim() : "");
            }}
          >
            {message === null ? null : <Notice tone="bad" title={message} />}
            <Field label="Name" isRequired>
              {(control) => <Input {...control} name="name" required maxLength={60} placeholder="Laptop at work" />}
            </Field>
            <div className="flex justify-end">
              <Button type="submit" variant="primary" isBusy={isBusy}>
                Go on
              </Button>
            </div>
          </form>
        </DialogContent>
      ) : (
        <CodesDialog codes={codes} onClose={close} />
      )}
    </Dialog>
  );
}
