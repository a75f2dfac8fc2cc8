"use client";

import type { Route } from "next";
import { useRouter } from "next/navigation";
import { useState, useTransition } from "react";
import { ConfirmAction } from "@/components/confirm-action";
import type { Mode } from "@/components/display/mode-badge";
import { SecretOnce } from "@/components/secret-once";
import { Button } from "@/components/ui/button";
import { Dialog, DialogContent } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toast";
import { deleteEndpointAction, rotateSecretAction, sendTestEventAction, setEndpointStatusAction } from "../actions";

export function EndpointActions({
  id,
  url,
  partner,
  mode,
  isEnabled,
}: {
  id: string;
  url: string;
  partner: string;
  mode: Mode;
  isEnabled: boolean;
}) {
  const router = useRouter();
  const [secret, setSecret] = useState<string | null>(null);
  const facts = [{ term: "Address", value: <span className="break-all">{url}</span> }];
  return (
    <>
      {isEnabled ? <SendTest id={id} /> : null}
      <ConfirmAction
        label="New secret"
        title="Make a new signing secret?"
        verb="Make new secret"
        tone="primary"
        partner={partner}
        mode={mode}
        facts={facts}
        consequence="For a day deliveries are signed with the old and the new one, then with the new one only."
        onConfirm={async () => {
          const result = await rotateSecretAction(id);
          if (result.ok) setSecret(result.data.secret);
          return result;
        }}
      />
      <ConfirmAction
        label={isEnabled ? "Switch off" : "Switch on"}
        title={isEnabled ? "Switch this endpoint off?" : "Switch this endpoint on?"}
        verb={isEnabled ? "Switch off" : "Switch on"}
        tone={isEnabled ? "danger" : "primary"}
        partner={partner}
        mode={mode}
        facts={facts}
        consequence={
          isEnabled
            ? "Nothing more is sent. What is still on its way fails and can be sent again later."
            : "New events are sent from now on. Earlier ones are not sent by themselves."
        }
        successMessage={isEnabled ? "Switched off" : "Switched on"}
        onConfirm={() => setEndpointStatusAction(id, isEnabled ? "disabled" : "enabled")}
      />
      <ConfirmAction
        label="Delete"
        variant="danger-quiet"
        title="Delete this endpoint?"
        verb="Delete endpoint"
        partner={partner}
        mode={mode}
        facts={facts}
        consequence="Nothing more is sent to it and its secret is forgotten. Past deliveries stay readable. This cannot be undone."
        successMessage="Endpoint deleted"
        onConfirm={() => deleteEndpointAction(id)}
        onDone={() => router.push("/webhooks" as Route)}
      />
      <Dialog open={secret !== null} onOpenChange={(open) => (open ? undefined : setSecret(null))}>
        <DialogContent
          title="The new signing secret"
          onInteractOutside={(event) => event.preventDefault()}
          footer={
            <Button variant="primary" onClick={() => setSecret(null)}>
              I have copied it
            </Button>
          }
        >
          <SecretOnce
            label="Signing secret"
            value={secret ?? ""}
            hint="Put it into the receiver within a day. It is not shown again."
          />
        </DialogContent>
      </Dialog>
    </>
  );
}

function SendTest({ id }: { id: string }) {
  const [isSending, start] = useTransition();
  return (
    <Button
      variant="primary"
      isBusy={isSending}
      onClick={() =>
        start(async () => {
          const result = await sendTestEventAction(id).catch(() => null);
          if (result?.ok === true) toast.success("Test event sent. It shows among the deliveries.");
          else toast.error(result === null ? "No answer came back. Look among the deliveries." : result.message);
        })
      }
    >
      Send test event
    </Button>
  );
}
