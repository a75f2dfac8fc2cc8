"use client";

import { useState } from "react";
import { RecoveryCodes } from "@/app/(auth)/recovery-codes";
import { TotpSetup } from "@/app/(auth)/totp-setup";
import { ConfirmAction } from "@/components/confirm-action";
import { DateTime } from "@/components/display/date-time";
import { SecretDialogContent } from "@/components/secret-once";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { Panel } from "@/components/ui/panel";
import { toast } from "@/components/ui/toast";
import { confirmTotpAction, removeTotpAction, startTotpAction } from "./actions";

type Step = { kind: "setup"; secret: string; uri: string } | { kind: "codes"; codes: readonly string[] } | null;

export function AuthenticatorApp({
  since,
  isConfirmed,
  isLast,
}: {
  since: Date | null;
  isConfirmed: boolean;
  /** Whether the role wants a second step and this is the only one. */
  isLast: boolean;
}) {
  const [step, setStep] = useState<Step>(null);
  const [isBusy, setBusy] = useState(false);

  async function start(): Promise<void> {
    setBusy(true);
    try {
      const result = await startTotpAction();
      if (result.ok) setStep({ kind: "setup", ...result.data });
      else toast.error(result.message);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Panel
      title={
        <span className="flex items-center gap-2.5">
          Authenticator app
          {since === null ? null : (
            <Badge tone="good" hasDot>
              On
            </Badge>
          )}
        </span>
      }
      actions={
        since === null ? (
          <Button isBusy={isBusy} disabled={!isConfirmed} onClick={() => void start()}>
            Set up
          </Button>
        ) : isLast ? undefined : (
          <ConfirmAction
            label="Remove"
            variant="danger-quiet"
            isDisabled={!isConfirmed}
            title="Remove the authenticator app?"
            verb="Remove app"
            consequence="Its codes no longer count. You can set it up again, with a new key."
            onConfirm={() => removeTotpAction()}
          />
        )
      }
    >
      <p className="text-ink-2 text-sm">
        {since === null ? (
          "Signing in asks for six digits that an app on your phone shows."
        ) : (
          <>
            Set up <DateTime value={since} />
            {isLast ? ". Your role wants a second step: add a passkey before you remove this one." : null}
          </>
        )}
      </p>
      <Dialog open={step !== null} onOpenChange={(open) => (open ? undefined : setStep(null))}>
        {step === null ? null : step.kind === "setup" ? (
          <DialogContent title="Set up an authenticator app" className="max-w-[520px]">
            <TotpSetup
              secret={step.secret}
              uri={step.uri}
              onCode={async (code) => {
                const result = await confirmTotpAction(code);
                if (!result.ok) return result.message;
                toast.success("Authenticator app is set up");
                setStep(
                  result.data.recoveryCodes === null ? null : { kind: "codes", codes: result.data.recoveryCodes },
                );
                return null;
              }}
            />
          </DialogContent>
        ) : (
          <CodesDialog codes={step.codes} onClose={() => setStep(null)} />
        )}
      </Dialog>
    </Panel>
  );
}

/** Stays until the person says that they have kept them. */
export function CodesDialog({ codes, onClose }: { codes: readonly string[]; onClose: () => void }) {
  return (
    <SecretDialogContent title="Your recovery codes" word="I have kept them" onClose={onClose}>
      <RecoveryCodes codes={codes} />
    </SecretDialogContent>
  );
}
