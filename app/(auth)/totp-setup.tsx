"use client";

import { useRef, useState } from "react";
import { CopyButton } from "@/components/display/copy-button";
import { Notice } from "@/components/notice";
import { QrCode } from "@/components/qr-code";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Input } from "@/components/ui/input";

/** The QR code of an authenticator app, the same to type, and the first code that shows that it works. */
export function TotpSetup({
  secret,
  uri,
  onCode,
}: {
  secret: string;
  uri: string;
  /** Answers what was wrong, or null. */
  onCode: (code: string) => Promise<string | null>;
}) {
  const [isBusy, setBusy] = useState(false);
  const [message, setMessage] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);

  async function submit(): Promise<void> {
    setBusy(true);
    setMessage(null);
    try {
      const wrong = await onCode(input.current?.value ?? "");
      setMessage(wrong);
      if (wrong !== null) input.current?.select();
    } finally {
      setBusy(false);
    }
  }

  return (
    <div className="grid gap-4">
      <div className="grid gap-4 sm:grid-cols-[168px_minmax(0,1fr)]">
        <div className="mx-auto w-42 overflow-hidden rounded-md border border-line">
          <QrCode value={uri} label="QR code for the authenticator app" />
        </div>
        <ol className="grid list-decimal content-center gap-2 pl-4 text-ink-2 text-sm marker:text-ink-3">
          <li>Open an authenticator app on your phone.</li>
          <li>
            Scan the code, or type this key:
            <span className="mt-1 flex items-start gap-1">
              <code className="min-w-0 select-all break-words font-mono text-ink text-xs">
                {secret.replace(/(.{4})(?=.)/g, "$1 ")}
              </code>
              <CopyButton text={secret} label="Copy key" />
            </span>
          </li>
          <li>Type the six digits that it shows.</li>
        </ol>
      </div>
      <form
        className="grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {message === null ? null : <Notice tone="bad" title={message} />}
        <div className="flex items-end gap-2">
          <Field label="Code" isRequired className="flex-1">
            {(control) => (
              <Input
                {...control}
                ref={input}
                name="code"
                inputMode="numeric"
                autoComplete="one-time-code"
                required
                maxLength={7}
                className="h-10 font-mono text-base tracking-widest"
              />
            )}
          </Field>
          <Button type="submit" variant="primary" size="lg" isBusy={isBusy}>
            Switch on
          </Button>
        </div>
      </form>
    </div>
  );
}
