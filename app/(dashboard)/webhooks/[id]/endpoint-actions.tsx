"use client";

import type { Route } from "next";
import { useRouter } from "next/navigation";
import { useState, useTransition } from "react";
import { ConfirmAction } from "@/components/confirm-action";
import type { Mode } from "@/components/display/mode-badge";
import { SecretDialogContent, SecretOnce } from "@/components/secret-once";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { toast } from "@/components/ui/toast";
import { deleteEndpointAction, rotateSecretAction, sendTestEventAction, setEndpointStatusAction } from "../actions";

export type EndpointInQuestion = { id: string; url: string; partner: string; mode: Mode };

const factsOf = (url: string) => [{ term: "Address", value: <span className="break-all">{url}</span> }];

export function SwitchEndpoint({ endpoint, isEnabled }: { endpoint: EndpointInQuestion; isEnabled: boolean }) {
  return (
    <ConfirmAction
      label={isEnabled ? "Switch off" : "Switch on"}
      variant={isEnabled ? "secondary" : "primary"}
      title={isEnabled ? "Switch this endpoint off?" : "Switch this endpoint on?"}
      verb={isEnabled ? "Switch off" : "Switch on"}
      tone={isEnabled ? "danger" : "primary"}
      partner={endpoint.partner}
      mode={endpoint.mode}
      facts={factsOf(endpoint.url)}
      consequence={
        isEnabled
          ? "Nothing more is sent. What is still on its way fails and can be sent again later."
          : "New events are sent from now on. Earlier ones are not sent by themselves: replay what failed."
      }
      successMessage={isEnabled ? "Switched off" : "Switched on"}
      onConfirm={() => setEndpointStatusAction(endpoint.id, isEnabled ? "disabled" : "enabled")}
    />
  );
}

export function RotateSecret({ endpoint }: { endpoint: EndpointInQuestion }) {
  const [secret, setSecret] = useState<string | null>(null);
  return (
    <>
      <ConfirmAction
        label="New secret"
        size="sm"
        title="Make a new signing secret?"
        verb="Make new secret"
        tone="primary"
        partner={endpoint.partner}
        mode={endpoint.mode}
        facts={factsOf(endpoint.url)}
        consequence="For a day deliveries are signed with the old and the new one, then with the new one only."
        onConfirm={async () => {
          const result = await rotateSecretAction(endpoint.id);
          if (result.ok) setSecret(result.data.secret);
          return result;
        }}
      />
      <Dialog open={secret !== null} onOpenChange={(open) => (open ? undefined : setSecret(null))}>
        <SecretDialogContent title="The new signing secret" onClose={() => setSecret(null)}>
          <SecretOnce
            label="Signing secret"
            value={secret ?? ""}
            hint="Put it into the receiver within a day. It is not shown again."
          />
        </SecretDialogContent>
      </Dialog>
    </>
  );
}

export function DeleteEndpoint({ endpoint }: { endpoint: EndpointInQuestion }) {
  const router = useRouter();
  return (
    <ConfirmAction
      label="Delete"
      variant="danger-quiet"
      size="sm"
      title="Delete this endpoint?"
      verb="Delete endpoint"
      partner={endpoint.partner}
      mode={endpoint.mode}
      facts={factsOf(endpoint.url)}
      consequence="Nothing more is sent to it and its secret is forgotten. Past deliveries stay readable. This cannot be undone."
      successMessage="Endpoint deleted"
      onConfirm={() => deleteEndpointAction(endpoint.id)}
      onDone={() => router.push("/webhooks" as Route)}
    />
  );
}

export function SendTest({ id }: { id: string }) {
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
